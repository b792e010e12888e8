// IPVS as generic netlink tells it. Pure functions over bytes; the views they give point into the
// message.
// Source: include/uapi/linux/ip_vs.h; net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_genl_fill_service().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "collectors/ipvs/servers.h"
#include "collectors/kernel/netlink_message.h"

namespace kubecliff::ipvs {

// By what the kernel knows a virtual server.
struct ServerKey {
  std::uint16_t family = 0;    // AF_INET, AF_INET6
  std::uint32_t fwmark = 0;    // 0: by protocol, address and port
  std::uint16_t protocol = 0;  // IPPROTO_TCP, …
  std::uint16_t port = 0;      // in network byte order
  std::array<std::byte, 16> address{};
};

struct NetlinkServer {
  VirtualServer server;
  ServerKey key;
};

// Nothing where the message lacks what every message of its kind has.
[[nodiscard]] std::optional<NetlinkServer> decode_virtual_server(const netlink::Message& message);
[[nodiscard]] std::optional<RealServer> decode_real_server(const netlink::Message& message,
                                                           const VirtualServer& of);
// Keys as ServiceEndpoints has them; nothing where there is none, as of a firewall mark.
[[nodiscard]] std::optional<std::uint64_t> service_key_of(const ServerKey& key);
[[nodiscard]] std::optional<std::uint64_t> decode_endpoint_key(const netlink::Message& message,
                                                               std::uint64_t service);

// What is told of a virtual server by name, beyond what is counted.
struct ServerDetails {
  bool persistent = false;  // clients stay with their real server
  // Since it was made, as of the estimator's last round; nothing before Linux 4.1.
  std::optional<std::uint64_t> connections = {};
};
[[nodiscard]] ServerDetails decode_virtual_details(const netlink::Message& message);

// A real server as an endpoint. The address is a view into the message.
struct Endpoint {
  Bytes address = {};
  std::uint16_t port = 0;
  std::uint32_t weight = 0;
  std::optional<std::uint64_t> connections = {};  // as of a virtual server
};
// Nothing where the message lacks what every message of its kind has.
[[nodiscard]] std::optional<Endpoint> decode_endpoint(const netlink::Message& message);

// IPVS_CMD_GET_INFO.
[[nodiscard]] std::optional<std::uint32_t> decode_table_buckets(const netlink::Message& message);

// The attribute that names the virtual server in a question.
void put_key(netlink::Request& request, const ServerKey& key);

}  // namespace kubecliff::ipvs
