// Which DNS servers are asked, and what for.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/probe/resolv_conf.h"

namespace kubecliff::probe {

struct DnsServer {
  std::string label;    // the label `server`
  std::string address;  // `ADDRESS` or `ADDRESS:PORT`, an IPv6 address in brackets

  friend bool operator==(const DnsServer&, const DnsServer&) = default;
};

inline constexpr std::size_t kMostServers = 4;
inline constexpr std::size_t kMostNames = 4;

// NodeLocal DNSCache's address, where nobody chose another.
inline constexpr std::string_view kNodeLocal = "169.254.20.10";

// Lists as people write them, with commas between; whether one will do.
[[nodiscard]] std::vector<std::string> parse_list(std::string_view text);
[[nodiscard]] bool is_server_list(std::string_view text);
[[nodiscard]] bool is_name_list(std::string_view text);

// Those that the user names, each under its address.
[[nodiscard]] std::vector<DnsServer> named_servers(std::string_view list);

// The DNS Service of the cluster: the tenth address of the range whose first is the API server's.
// kubeadm and the large providers all do so; nothing says it. Nothing where there is no such one.
[[nodiscard]] std::optional<std::string> cluster_dns(std::string_view api_server);

// What there is without being named: `node_local`, `cluster` and `resolver`, the first server of
// resolv.conf. An address that is two of them is asked once, as the first of them.
struct Surroundings {
  ResolvConf resolv_conf;
  std::string api_server;        // KUBERNETES_SERVICE_HOST; empty outside of pods
  bool node_local_here = false;  // its address is on a device of this network namespace
};
[[nodiscard]] std::vector<DnsServer> servers_around(const Surroundings& surroundings);

// Asks the kernel.
[[nodiscard]] Result<bool> is_on_a_device(std::string_view ipv4_address);

}  // namespace kubecliff::probe
