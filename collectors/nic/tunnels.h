// The node's devices, and how much room tunnels leave in the packets of what carries them.
// Source: net/core/rtnetlink.c (RTM_GETLINK), net/ipv4/route.c, net/ipv6/route.c (RTM_GETROUTE).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/nic/decode_link.h"

namespace kubecliff::nic {

// All devices of this network namespace, by index, on a socket of NETLINK_ROUTE: one dump without
// statistics, some 2 us a device. Devices are never asked for by name: some kernels would load a
// module of that name.
[[nodiscard]] Result<std::vector<Link>> list_links(netlink::Socket& socket);

struct Headroom {
  std::string device;
  TunnelKind kind = TunnelKind::vxlan;
  std::int64_t bytes = 0;

  friend bool operator==(const Headroom&, const Headroom&) = default;
};

inline constexpr std::size_t kMostTunnels = 8;

// Of the tunnels with the lowest indices, those left out of which it cannot be told. A tunnel that
// is bound to no device is taken to leave by the one that the kernel now routes packets to its
// other end through, or, where it names none, packets to nowhere in particular: that of the default
// route. That is one question for each such tunnel. WireGuard is taken to run over IPv4 where the
// node has such a route, over IPv6 elsewhere.
[[nodiscard]] Result<std::vector<Headroom>> tell_headrooms(netlink::Socket& socket,
                                                           const std::vector<Link>& links);

}  // namespace kubecliff::nic
