// One device of an RTM_GETLINK dump: whether it is a network card, and what a tunnel adds to each
// packet. A pure function.
// Source: net/core/rtnetlink.c, rtnl_fill_ifinfo(); fill_info of drivers/net/vxlan, drivers/net/
// geneve.c, net/ipv4/ipip.c and net/ipv6/ip6_tunnel.c.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/core/result.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/netlink_message.h"

namespace kubecliff::nic {

enum class TunnelKind : std::uint8_t { vxlan, geneve, ipip, ip6tnl, wireguard };

inline constexpr std::array kTunnelKinds{TunnelKind::vxlan, TunnelKind::geneve, TunnelKind::ipip,
                                         TunnelKind::ip6tnl, TunnelKind::wireguard};

// The kernel's word (IFLA_INFO_KIND), and the value of the label `kind`.
constexpr std::string_view name(TunnelKind kind) {
  switch (kind) {
    case TunnelKind::vxlan:
      return "vxlan";
    case TunnelKind::geneve:
      return "geneve";
    case TunnelKind::ipip:
      return "ipip";
    case TunnelKind::ip6tnl:
      return "ip6tnl";
    case TunnelKind::wireguard:
      break;
  }
  return "wireguard";
}

struct Tunnel {
  TunnelKind kind = TunnelKind::vxlan;
  // Of the packets that carry the tunnel's; nothing where the device does not tell, as WireGuard's,
  // whose peers may have addresses of either.
  std::optional<AddressFamily> outer;
  std::uint32_t overhead = 0;  // bytes that it adds to a packet, the outer IP header aside
  std::uint32_t parent = 0;    // index of the device that it is bound to; 0: none is named
  // The other end, in as many bytes as the family's addresses have; nothing where there are many.
  std::optional<std::array<std::byte, 16>> remote;

  friend bool operator==(const Tunnel&, const Tunnel&) = default;
};

struct Link {
  enum class Kind : std::uint8_t {
    card,    // an Ethernet device with a driver, and not one that was made by `ip link add`
    tunnel,  // that is up, and of which can be told what it adds
    other,
  };

  std::uint32_t index = 0;
  std::uint32_t mtu = 0;
  Kind kind = Kind::other;
  std::string name;
  Tunnel tunnel;  // Kind::tunnel only

  friend bool operator==(const Link&, const Link&) = default;
};

// Malformed where a device has no index, name or MTU. Of tunnels these are Kind::other:
//
// In external mode (collect_metadata), as Cilium, Antrea and Open vSwitch make them: whoever fills
// the tunnel decides how large packets get, by the MTU of routes. The device's own MTU, which
// Cilium leaves as it is, says nothing.
//
// Those whose packets leave in another network namespace, or with an encapsulation that is not
// known: VXLAN-GPE, Geneve without inner Ethernet, GUE.
[[nodiscard]] Result<Link> decode_link(const netlink::Message& message);

}  // namespace kubecliff::nic
