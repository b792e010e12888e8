#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/preflight/checklist.h"

namespace kubecliff::preflight {
namespace {

using Names = std::span<const std::string_view>;

// Families that a node has in one mode and not in another, as docs/metrics.md lists them: those
// that panels and alerts are built on.
constexpr std::array<std::string_view, 9> kIptables{
    "kubecliff_iptables_services",
    "kubecliff_iptables_endpoints",
    "kubecliff_iptables_nodeports",
    "kubecliff_iptables_affinity_rules",
    "kubecliff_iptables_no_endpoint_rules",
    "kubecliff_iptables_kube_chains",
    "kubecliff_iptables_worst_case_walk_rules",
    "kubeproxy_sync_proxy_rules_iptables_total",
    "kubeproxy_sync_proxy_rules_iptables_last",
};
// IPVS mode has some rules too, KUBE-SERVICES among them.
constexpr std::array<std::string_view, 4> kIptablesAndIpvs{
    "kubecliff_iptables_kube_rules",
    "kubecliff_iptables_new_flows_total",
    "kubecliff_walk_cpu_seconds_total",
    "kubeproxy_sync_proxy_rules_iptables_restore_failures_total",
};
constexpr std::array<std::string_view, 7> kIpvs{
    "kubecliff_ipvs_virtual_servers",
    "kubecliff_ipvs_real_servers",
    "kubecliff_ipvs_connections",
    "kubecliff_ipvs_draining_connections",
    "kubecliff_ipvs_estimator_cpu_seconds_total",
    "kubecliff_ipset_entries",
    "kubecliff_ipset_max_entries",
};
constexpr std::array<std::string_view, 8> kNftables{
    "kubecliff_nftables_services",
    "kubecliff_nftables_endpoints",
    "kubecliff_nftables_elements",
    "kubecliff_nftables_rules",
    "kubecliff_nftables_chains",
    "kubecliff_ruleset_busy_seconds",
    "kubecliff_ruleset_busy_running_seconds",
    "kubeproxy_sync_proxy_rules_nftables_sync_failures_total",
};
// In every mode of kube-proxy's.
constexpr std::array<std::string_view, 7> kKubeProxy{
    "kubecliff_kubeproxy_up",
    "kubecliff_kubeproxy_sync_age_seconds",
    "kubecliff_kubeproxy_sync_queued_seconds",
    "kubecliff_kubeproxy_first_sync_seconds",
    "kubeproxy_sync_proxy_rules_duration_seconds",
    "kubeproxy_network_programming_duration_seconds",
    "kubecliff_conntrack_stale_flows",
};
constexpr std::array<std::string_view, 2> kEbpf{
    "kubecliff_dataplane_map_entries",
    "kubecliff_dataplane_map_max_entries",
};

std::vector<std::string_view> families_of(std::string_view mode) {
  std::vector<std::string_view> families;
  const auto add = [&families](Names names) {
    families.insert(families.end(), names.begin(), names.end());
  };
  if (mode.starts_with("iptables")) {
    add(kIptables);
    add(kIptablesAndIpvs);
    add(kKubeProxy);
  } else if (mode == "ipvs") {
    add(kIpvs);
    add(kIptablesAndIpvs);
    add(kKubeProxy);
  } else if (mode == "nftables") {
    add(kNftables);
    add(kKubeProxy);
  } else if (mode == "ebpf") {
    add(kEbpf);
  }
  return families;
}

// Those of the first mode that the second has not.
std::string only_in(std::string_view mode, std::string_view other) {
  const auto others = families_of(other);
  std::string text;
  for (const std::string_view family : families_of(mode)) {
    if (std::ranges::find(others, family) == others.end()) {
      text += text.empty() ? "" : ", ";
      text += family;
    }
  }
  return text;
}

}  // namespace

void check_dashboards(Target target, const Facts& facts, Checks& checks) {
  const std::string_view from = facts.mode ? std::string_view{*facts.mode} : "none";
  if (from == name(target)) {
    return;
  }
  if (target == Target::ebpf) {
    add(checks, "dashboards/conntrack", Outcome::note,
        "Cilium tracks connections in maps of its own: kubecliff_conntrack_entries counts few",
        "watch Cilium's cilium_bpf_map_pressure beside it");
  }
  if (const std::string lost = only_in(from, name(target)); !lost.empty()) {
    add(checks, "dashboards/lost", Outcome::note, "no more data in " + lost,
        "rebuild panels and alerts on those below before the last node is moved");
  }
  add(checks, "dashboards/instead", Outcome::note, "data in " + only_in(name(target), from));
}

}  // namespace kubecliff::preflight
