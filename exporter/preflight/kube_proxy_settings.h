// What kube-proxy was told when it was started: on its command line, or in a
// KubeProxyConfiguration. Pure functions over bytes that nobody vouches for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"

namespace kubecliff::preflight {

// Nothing: kube-proxy was not told, and takes its default.
struct KubeProxySettings {
  std::optional<std::string> mode;
  std::optional<std::string> cluster_cidr;
  std::optional<std::string> detect_local_mode;
  std::optional<std::string> scheduler;                   // of IPVS
  std::optional<std::vector<std::string>> node_ports_on;  // addresses
  std::optional<bool> strict_arp;
  std::optional<bool> localhost_node_ports;
  std::optional<bool> masquerade_all;
  std::optional<bool> tcp_be_liberal;
  std::optional<bool> nftables_gate;  // NFTablesProxyMode
  std::optional<bool> ipvs_gate;      // KubeProxyIPVS

  friend bool operator==(const KubeProxySettings&, const KubeProxySettings&) = default;
};

struct KubeProxyFlags {
  KubeProxySettings settings;
  std::string config_file;  // where it names one, kube-proxy takes nothing of `settings`
};

// A command line as /proc/PID/cmdline has it, every argument ended by a NUL. malformed: a value
// that kube-proxy would refuse.
[[nodiscard]] Result<KubeProxyFlags> parse_kube_proxy_flags(std::string_view cmdline);

// Longest configuration that is read; kubeadm's has 1.5 kB.
inline constexpr std::size_t kMostConfigBytes = std::size_t{64} << 10U;

// YAML. malformed: not a KubeProxyConfiguration, a setting of another type than it has, too long,
// or with anchors, which can stand for more than a text has room for. Keys that are not asked for
// may hold what they like.
[[nodiscard]] Result<KubeProxySettings> parse_kube_proxy_config(std::string_view text);

}  // namespace kubecliff::preflight
