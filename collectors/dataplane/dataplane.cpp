#include "collectors/dataplane/dataplane.h"

#include <linux/capability.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/core/dataplane_signs.h"
#include "collectors/dataplane/requirements.h"
#include "collectors/dataplane/service_maps.h"
#include "collectors/dataplane/verdict.h"
#include "collectors/kernel/kernel_feature.h"
#include "collectors/kernel/procfs.h"

namespace kubecliff::dataplane {
namespace {

constexpr std::string_view kNone = "none";
constexpr std::string_view kBpfFs = "dataplane.bpf-fs";

// What kube-proxy can name.
constexpr std::array<std::pair<KubeProxyWord, std::string_view>, 3> kWords{
    {{KubeProxyWord::iptables, "iptables"},
     {KubeProxyWord::nftables, "nftables"},
     {KubeProxyWord::ipvs, "ipvs"}}};

constexpr FamilySpec kMode{
    .name = "kubecliff_dataplane_mode",
    .help =
        "How this node takes connections to Services to their endpoints. Signal kernel: 1 for "
        "each mode whose rules or maps carry connections; kube-proxy: the mode that it names; "
        "verdict: the one mode that follows from these, or none of them, as beside kube-router, "
        "Calico's eBPF and OVN-Kubernetes, which are not recognised.",
    .labels = {"mode", "signal"},
    .max_series = kDataplanes.size() + kWords.size() + kDataplanes.size() + 1};
constexpr FamilySpec kConflict{
    .name = "kubecliff_dataplane_conflict",
    .help =
        "1 where the signs of the mode contradict one another: rules of two modes at once, "
        "kube-proxy saying one thing and the kernel another, leftovers of a move. A move passes "
        "through some of these for as long as it takes to write the new rules.",
    .labels = {"kind"},
    .max_series = kConflicts.size()};
constexpr FamilySpec kMapEntries{
    .name = "kubecliff_dataplane_map_entries",
    .help =
        "Entries of an eBPF map in which Cilium keeps Services or backends, looked at once a "
        "minute; before Linux 5.19, and in most containers, it takes CAP_BPF. A full map takes no "
        "more.",
    .labels = {"kind"},
    .max_series = 4};
constexpr FamilySpec kMapMost{.name = "kubecliff_dataplane_map_max_entries",
                              .help = "Entries that the eBPF map has room for.",
                              .labels = {"kind"},
                              .max_series = 4};
constexpr FamilySpec kModule{
    .name = "kubecliff_kernel_module_ready",
    .help =
        "1 where a piece of the kernel that some mode needs is loaded, built in or loadable, 0 "
        "where this kernel lacks it; absent where that cannot be told, for want of /lib/modules.",
    .labels = {"module"},
    .max_series = 20};
constexpr FamilySpec kSetting{
    .name = "kubecliff_kernel_setting",
    .help =
        "Value of a setting that decides how the node behaves near its limits; of "
        "net.ipv4.ip_local_port_range the number of ports in it.",
    .labels = {"setting"},
    .max_series = 16};

constexpr std::string_view kPortRange = "net.ipv4.ip_local_port_range";
constexpr std::array<std::string_view, 13> kSettings{
    kPortRange,
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.ip_forward",
    "net.ipv4.conf.all.route_localnet",
    "net.core.somaxconn",
    "net.bridge.bridge-nf-call-iptables",
    "net.netfilter.nf_conntrack_tcp_be_liberal",
    "net.netfilter.nf_conntrack_tcp_timeout_established",
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
    "net.netfilter.nf_conntrack_udp_timeout_stream"};

// Ports are numbered up to 65,535, so two of them never overflow.
std::optional<double> parse_setting(std::string_view setting, std::string_view text) {
  if (setting != kPortRange) {
    const auto value = parse_number<std::int64_t>(text);
    return value ? std::optional{static_cast<double>(*value)} : std::nullopt;
  }
  const std::size_t tab = std::min(text.find('\t'), text.size());
  const auto first = parse_number<std::uint16_t>(text.substr(0, tab));
  const auto last = parse_number<std::uint16_t>(text.substr(std::min(tab + 1, text.size())));
  const bool range = first && last && *first <= *last;
  return range ? std::optional<double>{*last - *first + 1} : std::nullopt;
}

class DataplaneCollector final : public Collector {
 public:
  explicit DataplaneCollector(const CollectorContext& context)
      : procfs_{context.procfs},
        bpf_fs_{context.options.get<std::string>(kBpfFs)},
        signs_{context.dataplane_signs} {}

  Result<RefreshKind> refresh(Clock::time_point now, Samples& out) override {
    started_ = started_.value_or(now);
    const bool again = look(now);
    const Conclusion conclusion = conclude(gather(now), now);
    if (!again && conclusion == concluded_ && errors_.empty()) {
      return RefreshKind::unchanged;
    }
    concluded_ = conclusion;
    serve(out);
    return RefreshKind::full;
  }

 private:
  // What is served of the mode: of Evidence less its numbers, which change all the time.
  struct Conclusion {
    std::array<Sign, kDataplanes.size()> signs{};
    KubeProxyWord kube_proxy = KubeProxyWord::untold;
    std::optional<Verdict> verdict = {};

    friend bool operator==(const Conclusion&, const Conclusion&) = default;
  };

  // Once a minute, at what changes rarely and nobody tells of.
  bool look(Clock::time_point now) {
    if (now < next_look_) {
      return false;
    }
    next_look_ = now + std::chrono::minutes{1};
    errors_.clear();
    Result<std::optional<ServiceMaps>> maps = read_service_maps(bpf_fs_);
    if (!maps) {
      errors_.push_back(std::move(maps.error()));
    } else {
      maps_ = std::move(*maps);
      if (maps_) {
        // Where nobody may look into them, that they are there has to do.
        const bool carries = std::ranges::any_of(
            maps_->maps, [](const ServiceMap& map) { return map.entries.value_or(1) > 0; });
        signs_->tell(Dataplane::ebpf, {.sign = carries ? Sign::carries : Sign::absent}, now);
      }
    }
    look_at_modules();
    read_settings();
    return true;
  }

  // A thorough look takes long; after it, what was not there may at most have been loaded.
  void look_at_modules() {
    if (modules_.empty()) {
      modules_ = find_modules(required_features(), procfs_);
      return;
    }
    for (std::size_t i = 0; i < modules_.size(); ++i) {
      if (!ready(modules_[i]) && module_loaded(required_features()[i].module)) {
        modules_[i] = ModuleState::loaded;
      }
    }
  }

  [[nodiscard]] Evidence gather(Clock::time_point now) const {
    Evidence evidence;
    std::ranges::transform(kDataplanes, evidence.findings.begin(),
                           [&](Dataplane dataplane) { return signs_->finding(dataplane, now); });
    evidence.kube_proxy = signs_->kube_proxy(now);
    evidence.ebpf_replaces_kube_proxy = maps_ && maps_->replaces_kube_proxy;
    return evidence;
  }

  Conclusion conclude(const Evidence& evidence, Clock::time_point now) {
    Conclusion conclusion{.kube_proxy = evidence.kube_proxy};
    std::ranges::transform(evidence.findings, conclusion.signs.begin(), &Finding::sign);
    // At first others have not looked yet, and a verdict would be a guess.
    const bool all_told =
        evidence.kube_proxy != KubeProxyWord::untold &&
        std::ranges::all_of(kDataplanes, [&](Dataplane dataplane) {
          return dataplane == Dataplane::ebpf || evidence.of(dataplane).sign != Sign::untold;
        });
    settled_ |= all_told || now >= *started_ + std::chrono::seconds{30};
    if (settled_) {
      conclusion.verdict = judge(evidence);
    }
    return conclusion;
  }

  void serve(Samples& out) {
    for (const Error& error : errors_) {
      out.miss(error);
    }
    serve_conclusion(*concluded_, out);
    if (maps_) {
      serve_maps(maps_->maps, out);
    }
    for (std::size_t i = 0; i < modules_.size(); ++i) {
      if (modules_[i] != ModuleState::unknown) {
        out.add(kModule, {required_features()[i].module}, ready(modules_[i]) ? 1 : 0);
      }
    }
    for (const auto& [setting, value] : settings_) {
      out.add(kSetting, {setting}, value);
    }
  }

  static void serve_maps(const std::vector<ServiceMap>& maps, Samples& out) {
    for (const ServiceMap& map : maps) {
      if (map.entries) {
        out.add(kMapEntries, {map.name}, *map.entries);
      }
      if (map.max_entries) {
        out.add(kMapMost, {map.name}, *map.max_entries);
      }
    }
  }

  static void serve_conclusion(const Conclusion& concluded, Samples& out) {
    for (std::size_t i = 0; i < concluded.signs.size(); ++i) {
      if (const Sign sign = concluded.signs[i]; sign != Sign::untold) {
        out.add(kMode, {name(kDataplanes[i]), "kernel"}, sign == Sign::carries ? 1 : 0);
      }
    }
    if (concluded.kube_proxy > KubeProxyWord::unclear) {
      for (const auto& [word, mode] : kWords) {
        out.add(kMode, {mode, "kube-proxy"}, concluded.kube_proxy == word ? 1 : 0);
      }
    }
    if (!concluded.verdict) {
      return;
    }
    const Verdict& verdict = *concluded.verdict;
    if (verdict.known) {
      for (const Dataplane dataplane : kDataplanes) {
        out.add(kMode, {name(dataplane), "verdict"}, verdict.mode == dataplane ? 1 : 0);
      }
      out.add(kMode, {kNone, "verdict"}, verdict.mode ? 0 : 1);
    }
    for (const Conflict conflict : kConflicts) {
      out.add(kConflict, {name(conflict)}, verdict.has(conflict) ? 1 : 0);
    }
  }

  void read_settings() {
    settings_.clear();
    for (const std::string_view setting : kSettings) {
      std::string path{setting};
      std::ranges::replace(path, '.', '/');
      path = (procfs_ / "sys" / path).native();
      const Result<std::optional<std::string>> text = read_if_present(path);
      if (!text) {
        errors_.push_back(text.error());
      } else if (!*text) {
        continue;
      } else if (const auto value = parse_setting(setting, **text)) {
        settings_.emplace_back(setting, *value);
      } else {
        errors_.emplace_back(ErrorKind::malformed, 0, path + ": no such value is known: " + **text);
      }
    }
  }

  std::filesystem::path procfs_;
  std::filesystem::path bpf_fs_;
  std::shared_ptr<DataplaneSigns> signs_;

  std::optional<Clock::time_point> started_;
  Clock::time_point next_look_;
  std::optional<ServiceMaps> maps_;  // nothing: they cannot be looked at
  std::vector<std::pair<std::string_view, double>> settings_;
  std::vector<Error> errors_;  // of the last look
  std::vector<ModuleState> modules_;
  std::optional<Conclusion> concluded_;
  bool settled_ = false;
};

}  // namespace

CollectorSpec spec() {
  return {
      .name = "dataplane",
      .summary =
          "which mode carries connections to Services, what contradicts that, and what "
          "other modes would need",
      .interval = std::chrono::seconds{2},
      .kinds = {RefreshKind::unchanged, RefreshKind::full},
      .families = {kMode, kConflict, kMapEntries, kMapMost, kModule, kSetting},
      .options = {{.name = kBpfFs,
                   .default_value = std::string{"/sys/fs/bpf"},
                   .help = "Where the node's bpffs is mounted, in which eBPF dataplanes pin maps",
                   .accepts = [](std::string_view text) { return text.starts_with('/'); },
                   .expected = "an absolute path"}},
      // Where it has it: how full maps are, before Linux 5.19.
      .capabilities = {CAP_BPF},
      .make = [](const CollectorContext& context) -> Result<std::unique_ptr<Collector>> {
        return std::make_unique<DataplaneCollector>(context);
      },
  };
}

}  // namespace kubecliff::dataplane
