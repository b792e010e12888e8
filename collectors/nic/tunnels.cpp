#include "collectors/nic/tunnels.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <optional>
#include <span>
#include <utility>

#include "collectors/kernel/bytes.h"

namespace kubecliff::nic {
namespace {

constexpr std::uint32_t ip_header(AddressFamily family) {
  return family == AddressFamily::ipv4 ? 20 : 40;
}

// An address that no node has a route of its own to: 192.0.2.1 and 2001:db8::1, which are kept for
// documentation (RFC 5737, RFC 3849). Nothing is sent there.
std::array<std::byte, 16> anywhere(AddressFamily family) {
  const auto address = family == AddressFamily::ipv4
                           ? std::array<std::uint8_t, 16>{192, 0, 2, 1}
                           : std::array<std::uint8_t, 16>{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0,
                                                          0,    0,    0,    0,    0, 0, 0, 1};
  return std::bit_cast<std::array<std::byte, 16>>(address);
}

// Answers to a question about a route where there is none: no route, or one that refuses.
bool is_no_route(int error) {
  constexpr std::array kErrors{ENETUNREACH, EHOSTUNREACH, EINVAL,       EACCES,
                               EOPNOTSUPP,  EAFNOSUPPORT, EADDRNOTAVAIL};
  return std::ranges::find(kErrors, error) != kErrors.end();
}

// The index of the device; nothing where there is no route out.
Result<std::optional<std::uint32_t>> find_route(netlink::Socket& socket, AddressFamily family,
                                                const std::array<std::byte, 16>& address) {
  rtmsg header{};
  header.rtm_family = af(family);
  header.rtm_dst_len = static_cast<std::uint8_t>(8 * address_size(family));
  netlink::Request question = netlink::Request::plain(RTM_GETROUTE, 0, bytes_of(header));
  question.put(RTA_DST, std::span{address}.first(address_size(family)));
  std::optional<std::uint32_t> device;
  const Result<void> asked =
      socket.ask(question, [&](const netlink::Message& message) -> Result<void> {
        const auto route = read_as<rtmsg>(message.payload);
        if (route && message.header.nlmsg_type == RTM_NEWROUTE && route->rtm_type == RTN_UNICAST) {
          device = read_as<std::uint32_t>(netlink::find_attribute(
              netlink::after_header(message.payload, sizeof(rtmsg)), RTA_OIF));
        }
        return {};
      });
  if (!asked && !is_no_route(asked.error().errno_value)) {
    return prefixed("find the route of a tunnel", asked.error());
  }
  return device;
}

// The outer family and the parent; nothing where it cannot be told.
struct Outer {
  AddressFamily family = AddressFamily::ipv4;
  std::uint32_t parent = 0;
};
Result<std::optional<Outer>> find_outer(netlink::Socket& socket, const Tunnel& tunnel) {
  for (const AddressFamily family : kAddressFamilies) {
    if (tunnel.outer.value_or(family) != family) {
      continue;
    }
    if (tunnel.parent != 0) {
      return Outer{.family = family, .parent = tunnel.parent};
    }
    const auto device = find_route(socket, family, tunnel.remote.value_or(anywhere(family)));
    if (!device) {
      return std::unexpected(device.error());
    }
    if (*device) {
      return Outer{.family = family, .parent = **device};
    }
  }
  return std::nullopt;
}

Result<std::vector<Link>> dump_links(netlink::Socket& socket) {
  const ifinfomsg header{};
  const std::uint32_t mask = RTEXT_FILTER_SKIP_STATS;
  netlink::Request question = netlink::Request::plain(RTM_GETLINK, NLM_F_DUMP, bytes_of(header));
  question.put(IFLA_EXT_MASK, bytes_of(mask));
  std::vector<Link> links;
  const Result<void> asked =
      socket.ask(question, [&](const netlink::Message& message) -> Result<void> {
        auto link = decode_link(message);
        if (!link) {
          return std::unexpected(std::move(link.error()));
        }
        links.push_back(std::move(*link));
        return {};
      });
  if (!asked) {
    return std::unexpected(asked.error());
  }
  // The kernel walks a hash table.
  std::ranges::sort(links, {}, &Link::index);
  return links;
}

}  // namespace

Result<std::vector<Link>> list_links(netlink::Socket& socket) {
  // A node that starts pods makes devices one after the other.
  const auto links = netlink::until_whole([&] { return dump_links(socket); });
  return links ? links : prefixed("list devices", links.error());
}

Result<std::vector<Headroom>> tell_headrooms(netlink::Socket& socket,
                                             const std::vector<Link>& links) {
  std::vector<Headroom> headrooms;
  std::size_t tunnels = 0;
  for (const Link& link : links) {
    if (link.kind != Link::Kind::tunnel || ++tunnels > kMostTunnels) {
      continue;
    }
    const auto outer = find_outer(socket, link.tunnel);
    if (!outer) {
      return std::unexpected(outer.error());
    }
    // A tunnel to everywhere is where its own packets would seem to leave.
    if (!*outer || (*outer)->parent == link.index) {
      continue;
    }
    const auto parent = std::ranges::find(links, (*outer)->parent, &Link::index);
    if (parent == links.end()) {
      continue;
    }
    headrooms.push_back({.device = link.name,
                         .kind = link.tunnel.kind,
                         .bytes = std::int64_t{parent->mtu} - ip_header((*outer)->family) -
                                  link.tunnel.overhead - link.mtu});
  }
  return headrooms;
}

}  // namespace kubecliff::nic
