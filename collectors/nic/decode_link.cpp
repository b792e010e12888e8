#include "collectors/nic/decode_link.h"

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/ip6_tunnel.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include <algorithm>
#include <span>

#include "collectors/kernel/bytes.h"

namespace kubecliff::nic {
namespace {

using netlink::Attribute;
using netlink::Attributes;
using netlink::find_attribute;

constexpr std::uint32_t kUdp = 8;
constexpr std::uint32_t kEthernet = 14;
constexpr std::uint32_t kVxlan = kUdp + 8 + kEthernet;   // include/net/vxlan.h, VXLAN_HEADROOM
constexpr std::uint32_t kGeneve = kUdp + 8 + kEthernet;  // without options
// A destination option with the limit of nested tunnels: net/ipv6/ip6_tunnel.c.
constexpr std::uint32_t kEncapsulationLimit = 8;
// Header and authentication tag, drivers/net/wireguard/messages.h, message_data_len(0). Padding is
// no part of it: there is none where a packet fills the MTU.
constexpr std::uint32_t kWireguard = kUdp + 32;

// Attributes of some drivers are there to say yes, of others they hold a byte that does.
bool has(Bytes data, std::uint16_t type) {
  Attribute attribute;
  for (Attributes attributes{data}; attributes.next(attribute);) {
    if (attribute.type == type) {
      return read_as<std::uint8_t>(attribute.payload).value_or(1) != 0;
    }
  }
  return false;
}

std::optional<std::array<std::byte, 16>> address(Bytes bytes) {
  std::array<std::byte, 16> address{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), address.size()), address.begin());
  return address == std::array<std::byte, 16>{} ? std::nullopt : std::optional{address};
}

Tunnel make_tunnel(TunnelKind kind, std::optional<AddressFamily> outer, std::uint32_t overhead) {
  return {.kind = kind, .outer = outer, .overhead = overhead, .parent = 0, .remote = std::nullopt};
}

std::optional<Tunnel> decode_vxlan(Bytes data) {
  if (has(data, IFLA_VXLAN_COLLECT_METADATA) || has(data, IFLA_VXLAN_GPE)) {
    return std::nullopt;
  }
  // The kernel takes one with neither address for IPv4.
  const bool ipv6 = !find_attribute(data, IFLA_VXLAN_GROUP6).empty() ||
                    !find_attribute(data, IFLA_VXLAN_LOCAL6).empty();
  Tunnel tunnel =
      make_tunnel(TunnelKind::vxlan, ipv6 ? AddressFamily::ipv6 : AddressFamily::ipv4, kVxlan);
  tunnel.parent = read_as<std::uint32_t>(find_attribute(data, IFLA_VXLAN_LINK)).value_or(0);
  tunnel.remote = address(find_attribute(data, ipv6 ? IFLA_VXLAN_GROUP6 : IFLA_VXLAN_GROUP));
  return tunnel;
}

std::optional<Tunnel> decode_geneve(Bytes data) {
  if (has(data, IFLA_GENEVE_COLLECT_METADATA) || has(data, IFLA_GENEVE_INNER_PROTO_INHERIT)) {
    return std::nullopt;
  }
  const Bytes ipv6 = find_attribute(data, IFLA_GENEVE_REMOTE6);
  Tunnel tunnel = make_tunnel(TunnelKind::geneve,
                              ipv6.empty() ? AddressFamily::ipv4 : AddressFamily::ipv6, kGeneve);
  tunnel.remote = address(ipv6.empty() ? find_attribute(data, IFLA_GENEVE_REMOTE) : ipv6);
  return tunnel;
}

std::optional<Tunnel> decode_ip_tunnel(TunnelKind kind, AddressFamily outer, Bytes data) {
  if (has(data, IFLA_IPTUN_COLLECT_METADATA)) {
    return std::nullopt;
  }
  Tunnel tunnel = make_tunnel(kind, outer, 0);
  switch (read_as<std::uint16_t>(find_attribute(data, IFLA_IPTUN_ENCAP_TYPE))
              .value_or(TUNNEL_ENCAP_NONE)) {
    case TUNNEL_ENCAP_NONE:
      break;
    case TUNNEL_ENCAP_FOU:
      tunnel.overhead += kUdp;
      break;
    default:
      return std::nullopt;
  }
  const auto flags = read_as<std::uint32_t>(find_attribute(data, IFLA_IPTUN_FLAGS)).value_or(0);
  if (kind == TunnelKind::ip6tnl && (flags & IP6_TNL_F_IGN_ENCAP_LIMIT) == 0) {
    tunnel.overhead += kEncapsulationLimit;
  }
  tunnel.parent = read_as<std::uint32_t>(find_attribute(data, IFLA_IPTUN_LINK)).value_or(0);
  tunnel.remote = address(find_attribute(data, IFLA_IPTUN_REMOTE));
  return tunnel;
}

std::optional<Tunnel> decode_tunnel(std::string_view kind, Bytes data) {
  const auto* const found =
      std::ranges::find(kTunnelKinds, kind, [](TunnelKind known) { return name(known); });
  if (found == kTunnelKinds.end()) {
    return std::nullopt;
  }
  switch (*found) {
    case TunnelKind::vxlan:
      return decode_vxlan(data);
    case TunnelKind::geneve:
      return decode_geneve(data);
    case TunnelKind::ipip:
      return decode_ip_tunnel(*found, AddressFamily::ipv4, data);
    case TunnelKind::ip6tnl:
      return decode_ip_tunnel(*found, AddressFamily::ipv6, data);
    case TunnelKind::wireguard:
      break;
  }
  return make_tunnel(TunnelKind::wireguard, std::nullopt, kWireguard);
}

}  // namespace

Result<Link> decode_link(const netlink::Message& message) {
  const auto header = read_as<ifinfomsg>(message.payload);
  if (!header || message.header.nlmsg_type != RTM_NEWLINK || header->ifi_index <= 0) {
    return fail(ErrorKind::malformed, "not a device");
  }
  Link link;
  link.index = static_cast<std::uint32_t>(header->ifi_index);

  std::optional<std::uint32_t> mtu;
  Bytes info;
  bool elsewhere = false;
  Attribute attribute;
  for (Attributes attributes{netlink::after_header(message.payload, sizeof(ifinfomsg))};
       attributes.next(attribute);) {
    switch (attribute.type) {
      case IFLA_IFNAME:
        link.name = text_of(attribute.payload);
        break;
      case IFLA_MTU:
        mtu = read_as<std::uint32_t>(attribute.payload);
        break;
      case IFLA_LINKINFO:
        info = attribute.payload;
        break;
      case IFLA_LINK_NETNSID:
        elsewhere = true;
        break;
      default:
        break;
    }
  }
  if (link.name.empty() || !mtu) {
    return fail(ErrorKind::malformed, "device without a name or MTU");
  }
  link.mtu = *mtu;

  // What was made by netlink says by what: veths, bridges, bonds, tunnels.
  const std::string_view kind = text_of(find_attribute(info, IFLA_INFO_KIND));
  if (kind.empty()) {
    link.kind = header->ifi_type == ARPHRD_ETHER ? Link::Kind::card : Link::Kind::other;
    return link;
  }
  // Loading ipip makes a tunl0 in every namespace: down, it says nothing of anybody's packets.
  if (elsewhere || (header->ifi_flags & IFF_UP) == 0) {
    return link;
  }
  if (const auto tunnel = decode_tunnel(kind, find_attribute(info, IFLA_INFO_DATA))) {
    link.kind = Link::Kind::tunnel;
    link.tunnel = *tunnel;
  }
  return link;
}

}  // namespace kubecliff::nic
