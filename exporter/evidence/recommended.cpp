#include "exporter/evidence/recommended.h"

#include <algorithm>
#include <array>

#include "collectors/kernel/procfs.h"

namespace kubecliff::evidence {
namespace {

constexpr std::string_view kPortRange = "net.ipv4.ip_local_port_range";

// Bounds: kube-proxy's own (conntrack timeouts), what every mode of it takes (forwarding, bridges),
// and the kernel's defaults, below which somebody has set them.
constexpr std::array kRecommendations{
    Recommendation{.setting = "net.netfilter.nf_conntrack_tcp_timeout_established",
                   .most = 86'400,
                   .why = "kube-proxy sets 24 hours; the kernel's 5 days keep flows of dead peers"},
    Recommendation{.setting = "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
                   .most = 3'600,
                   .why = "kube-proxy sets 1 hour"},
    Recommendation{.setting = "net.netfilter.nf_conntrack_tcp_timeout_time_wait",
                   .most = 120,
                   .why = "more keeps ended connections in the table"},
    Recommendation{.setting = "net.netfilter.nf_conntrack_tcp_timeout_syn_sent",
                   .most = 120,
                   .why = "more keeps connections in the table that nobody answered"},
    Recommendation{.setting = "net.netfilter.nf_conntrack_udp_timeout"},
    Recommendation{.setting = "net.netfilter.nf_conntrack_udp_timeout_stream"},
    Recommendation{.setting = "net.netfilter.nf_conntrack_generic_timeout"},
    Recommendation{.setting = "net.netfilter.nf_conntrack_tcp_be_liberal"},
    Recommendation{.setting = "net.netfilter.nf_conntrack_tcp_loose"},
    Recommendation{.setting = "net.netfilter.nf_conntrack_acct"},
    Recommendation{.setting = "net.netfilter.nf_conntrack_checksum"},
    Recommendation{.setting = "net.ipv4.ip_forward",
                   .least = 1,
                   .why = "without it no packet of a pod leaves the node"},
    Recommendation{.setting = "net.ipv6.conf.all.forwarding"},
    Recommendation{.setting = "net.bridge.bridge-nf-call-iptables",
                   .least = 1,
                   .why = "pods on a bridge reach Services by it"},
    Recommendation{
        .setting = "net.bridge.bridge-nf-call-ip6tables", .least = 1, .why = "the same of IPv6"},
    Recommendation{.setting = "net.ipv4.conf.all.rp_filter"},
    Recommendation{.setting = "net.ipv4.conf.all.route_localnet"},
    Recommendation{.setting = kPortRange,
                   .least = 28'232,
                   .why = "the kernel's default; masquerading draws source ports from it"},
    Recommendation{.setting = "net.ipv4.ip_local_reserved_ports"},
    Recommendation{.setting = "net.core.somaxconn",
                   .least = 4'096,
                   .why = "the kernel's default since 5.4: longer queues of connections to accept"},
    Recommendation{.setting = "net.ipv4.tcp_max_syn_backlog"},
    Recommendation{.setting = "net.ipv4.tcp_syncookies",
                   .least = 1,
                   .why = "a full queue of connections being opened refuses new ones without"},
    Recommendation{.setting = "net.ipv4.tcp_tw_reuse"},
    Recommendation{
        .setting = "net.ipv4.tcp_fin_timeout", .most = 60, .why = "the kernel's default"},
    Recommendation{.setting = "net.ipv4.tcp_max_tw_buckets"},
    Recommendation{.setting = "net.ipv4.tcp_max_orphans"},
    Recommendation{.setting = "net.ipv4.tcp_mem"},
    Recommendation{.setting = "net.core.netdev_max_backlog",
                   .least = 1'000,
                   .why = "the kernel's default: packets that wait for a processor"},
    Recommendation{.setting = "net.core.netdev_budget"},
    Recommendation{.setting = "net.core.rmem_max"},
    Recommendation{.setting = "net.core.wmem_max"},
    Recommendation{.setting = "net.ipv4.neigh.default.gc_thresh1"},
    Recommendation{.setting = "net.ipv4.neigh.default.gc_thresh2"},
    Recommendation{.setting = "net.ipv4.neigh.default.gc_thresh3",
                   .least = 1'024,
                   .why = "the kernel's default; above the number of neighbours, nodes and pods"},
    Recommendation{
        .setting = "net.ipv6.neigh.default.gc_thresh3", .least = 1'024, .why = "the same of IPv6"},
    Recommendation{.setting = "net.ipv4.vs.conntrack"},
    Recommendation{.setting = "net.ipv4.vs.conn_reuse_mode"},
    Recommendation{.setting = "net.ipv4.vs.expire_nodest_conn"},
    Recommendation{.setting = "net.ipv4.vs.expire_quiescent_template"},
    Recommendation{.setting = "net.ipv4.vs.run_estimation"},
    Recommendation{.setting = "fs.file-nr"},
    Recommendation{.setting = "kernel.dmesg_restrict"},
};

std::optional<std::int64_t> first_number(std::string_view& text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t\n"), text.size());
  text.remove_prefix(begin);
  const std::size_t end = std::min(text.find_first_of(" \t\n"), text.size());
  const auto number = parse_number<std::int64_t>(text.substr(0, end));
  text.remove_prefix(end);
  return number;
}

}  // namespace

std::span<const Recommendation> recommendations() {
  return kRecommendations;
}

std::int64_t recommended_flows(std::int64_t cpus) {
  constexpr std::int64_t kPerCpu = 32'768;
  constexpr std::int64_t kLeast = 131'072;
  return std::max(kLeast, kPerCpu * std::clamp<std::int64_t>(cpus, 1, 65'536));
}

std::optional<bool> follows(const Recommendation& recommendation, std::string_view value) {
  if (!recommendation.least && !recommendation.most) {
    return std::nullopt;
  }
  auto number = first_number(value);
  if (number && recommendation.setting == kPortRange) {
    const auto last = first_number(value);
    number = last && *last >= *number && *number >= 0 ? std::optional{*last - *number + 1}
                                                      : std::nullopt;
  }
  if (!number) {
    return std::nullopt;
  }
  return *number >= recommendation.least.value_or(*number) &&
         *number <= recommendation.most.value_or(*number);
}

}  // namespace kubecliff::evidence
