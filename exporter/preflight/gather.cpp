#include "exporter/preflight/gather.h"

#include <linux/magic.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "collectors/core/dataplane_signs.h"
#include "collectors/kernel/host_network.h"
#include "collectors/kernel/kernel_feature.h"
#include "collectors/kernel/procfs.h"
#include "exporter/once/once.h"
#include "exporter/preflight/kube_proxy.h"
#include "exporter/preflight/needs.h"
#include "exporter/preflight/root_file.h"

namespace kubecliff::preflight {
namespace {

// Those that see rules, servers or kube-proxy, and last the one that concludes from what they say.
constexpr std::array<std::string_view, 5> kAsked{"iptables", "nftables", "ipvs", "kubeproxy",
                                                 "dataplane"};

// Programs that kube-proxy starts in that mode.
std::span<const std::string_view> tools_of(Target target) {
  static constexpr std::array<std::string_view, 1> kNft{"nft"};
  static constexpr std::array<std::string_view, 1> kIpset{"ipset"};
  switch (target) {
    case Target::nftables:
      return kNft;
    case Target::ipvs:
      return kIpset;
    case Target::ebpf:
      break;
  }
  return {};
}

class Gatherer {
 public:
  Gatherer(const Settings& settings, std::span<const CollectorSpec> specs)
      : settings_{settings}, once_{settings, specs, kAsked} {}

  Facts gather(Target target, const std::filesystem::path& sysfs) {
    for (const SnapshotPtr& snapshot : once_.ask()) {
      figures_.take(*snapshot);
    }
    facts_.unread = once_.failures();
    facts_.kube_proxy = look_at_kube_proxy({.procfs = settings_.procfs,
                                            .url = option("kubeproxy", "kubeproxy.url", ""),
                                            .tools = tools_of(target)},
                                           now_);
    take_figures();
    look_at_kernel(target, sysfs);
    look_at_mounts();
    if (const auto first = in_first_network_namespace(settings_.procfs)) {
      facts_.first_network_namespace = *first;
    }
    if (const auto nft = has_program(settings_.procfs / "1" / "root", "nft")) {
      facts_.host_has_nft = *nft;
    }
    return std::move(facts_);
  }

 private:
  [[nodiscard]] std::string option(std::string_view collector, std::string_view name,
                                   std::string_view otherwise) const {
    const auto options = settings_.collectors.find(collector);
    return options == settings_.collectors.end() ? std::string{otherwise}
                                                 : options->second.get<std::string>(name);
  }

  void take_figures() {
    const auto modes = figures_.ones("kubecliff_dataplane_mode", "mode", {{"signal", "verdict"}});
    if (!modes.empty()) {
      facts_.mode = modes.front();
      facts_.features = features_of(modes.front(), figures_);
    }
    facts_.conflicts = figures_.ones("kubecliff_dataplane_conflict", "kind");
    for (const std::string_view owner : {"ufw", "firewalld"}) {
      if (const Count rules = figures_.sum("kubecliff_iptables_owner_rules", {{"owner", owner}})) {
        facts_.firewall_rules = facts_.firewall_rules.value_or(0) + *rules;
      }
    }
    if (const Count liberal =
            figures_.sum("kubecliff_kernel_setting",
                         {{"setting", "net.netfilter.nf_conntrack_tcp_be_liberal"}})) {
      facts_.tcp_be_liberal = *liberal > 0;
    }

    KubeProxy& proxy = facts_.kube_proxy;
    const auto said = figures_.ones("kubecliff_kubeproxy_mode", "mode");
    proxy.mode = said.empty() ? "" : said.front();
    proxy.counters = {
        .localhost_node_ports =
            figures_.sum("kubeproxy_iptables_localhost_nodeports_accepted_packets_total"),
        .invalid_dropped =
            figures_.sum("kubeproxy_iptables_ct_state_invalid_dropped_packets_total")};
    const bool answers = figures_.sum("kubecliff_kubeproxy_up").value_or(0) > 0;
    const bool process = figures_.sum("kubecliff_kubeproxy_start_time_seconds").has_value();
    if (answers || process) {
      proxy.presence = Presence::runs;
    } else if (once_.signs().kube_proxy(now_) == KubeProxyWord::silent) {
      proxy.presence = Presence::absent;
    }
  }

  void look_at_kernel(Target target, const std::filesystem::path& sysfs) {
    utsname names{};
    if (::uname(&names) == 0) {
      facts_.kernel = names.release;
      facts_.node = names.nodename;
    }
    std::vector<Feature> features;
    for (const Need& need : needs_of(target)) {
      features.push_back(need.feature);
    }
    const auto& told = facts_.kube_proxy.settings;
    const std::string scheduler{told && told->scheduler ? *told->scheduler : kDefaultScheduler};
    if (const auto need = need_of_scheduler(scheduler); need && target == Target::ipvs) {
      features.push_back(need->feature);
    }
    const std::vector<ModuleState> states = find_modules(features, settings_.procfs, sysfs);
    for (std::size_t i = 0; i < features.size(); ++i) {
      facts_.modules.emplace(features[i].module, states[i]);
    }
  }

  void look_at_mounts() {
    const auto filesystems = read_file(settings_.procfs / "filesystems");
    if (!filesystems) {
      facts_.unread.push_back(filesystems.error().message);
      return;
    }
    const auto known = [&](std::string_view name) {
      return filesystems->find("\t" + std::string{name} + "\n") != std::string::npos;
    };
    struct statfs status{};
    const std::string bpf_fs = option("dataplane", "dataplane.bpf-fs", "/sys/fs/bpf");
    const bool is_bpf_fs = ::statfs(bpf_fs.c_str(), &status) == 0 && status.f_type == BPF_FS_MAGIC;
    facts_.bpf_fs = mount_of(known("bpf"), is_bpf_fs);

    // Those of the node's first process are the node's own; in a pod we see few.
    bool mounted = false;
    for (const std::string_view process : {"1", "self"}) {
      const auto mounts = read_file(settings_.procfs / process / "mountinfo");
      mounted = mounted || (mounts && mounts->find(" - cgroup2 ") != std::string::npos);
    }
    facts_.cgroup2 = mount_of(known("cgroup2"), mounted);
  }

  static Mount mount_of(bool in_kernel, bool mounted) {
    if (mounted) {
      return Mount::there;
    }
    return in_kernel ? Mount::not_there : Mount::not_in_kernel;
  }

  const Settings& settings_;
  const Clock::time_point now_ = Clock::now();
  Once once_;
  Figures figures_;
  Facts facts_;
};

}  // namespace

Facts gather(Target target, const Settings& settings, std::span<const CollectorSpec> specs,
             const std::filesystem::path& sysfs) {
  return Gatherer{settings, specs}.gather(target, sysfs);
}

}  // namespace kubecliff::preflight
