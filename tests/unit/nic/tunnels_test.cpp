#include "collectors/nic/tunnels.h"

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/ip6_tunnel.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/nic/decode_link.h"
#include "tests/support/fake_netlink.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::nic {
namespace {

using test::ByteVector;
using test::fails_with;
using test::FakeNetlink;
using test::has_value;
using test::MessageBuilder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Bytes text(std::string_view text) {  // of a literal, whose NUL goes with it
  return std::as_bytes(std::span{text.data(), text.size() + 1});
}

constexpr std::array<std::uint8_t, 4> kAddress{10, 0, 0, 2};
constexpr std::array<std::uint8_t, 16> kAddress6{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
constexpr std::uint32_t kCard = 2;

struct Device {
  int index = 7;
  std::string_view name = "tunnel0";
  std::uint32_t mtu = 1'450;
  std::string_view kind = {};  // none: a card
  std::function<void(MessageBuilder&)> data = [](MessageBuilder&) {};
  unsigned flags = IFF_UP;
  std::optional<std::uint32_t> elsewhere = {};
  std::uint16_t type = ARPHRD_ETHER;
};

ByteVector link(const Device& device, std::uint16_t flags = 0) {
  ifinfomsg header{};
  header.ifi_index = device.index;
  header.ifi_type = device.type;
  header.ifi_flags = device.flags;
  MessageBuilder message{RTM_NEWLINK, flags};
  message.raw(header)
      .attribute(IFLA_IFNAME, text(device.name))
      .attribute(IFLA_MTU, bytes_of(device.mtu));
  if (device.elsewhere) {
    message.attribute(IFLA_LINK_NETNSID, bytes_of(*device.elsewhere));
  }
  if (!device.kind.empty()) {
    message.nest(IFLA_LINKINFO, [&](MessageBuilder& info) {
      info.attribute(IFLA_INFO_KIND, text(device.kind))
          .nest(IFLA_INFO_DATA | NLA_F_NESTED, device.data);
    });
  }
  return message.message();
}

Result<Link> decoded(const ByteVector& bytes) {
  netlink::Message message;
  netlink::Messages messages{bytes};
  EXPECT_TRUE(messages.next(message));
  return decode_link(message);
}

// An attribute of a tunnel: numbers and addresses as they are, flags by being there.
template <typename T>
auto with(std::uint16_t type, T value) {
  return [=](MessageBuilder& data) { data.attribute(type, bytes_of(value)); };
}
auto with_flag(std::uint16_t type) {
  return [=](MessageBuilder& data) { data.attribute(type, {}); };
}

struct TunnelCase {
  std::string_view what;
  Device device;
  std::optional<AddressFamily> outer;
  std::uint32_t overhead = 0;
  std::uint32_t parent = 0;
  bool has_remote = false;
};

TEST(DecodeLink, TellsWhatTunnelsAdd) {
  const std::vector<TunnelCase> cases{
      {"flannel",
       {.kind = "vxlan", .data = with(IFLA_VXLAN_LINK, kCard)},
       AddressFamily::ipv4,
       30,
       kCard},
      {"vxlan with a remote end",
       {.kind = "vxlan", .data = with(IFLA_VXLAN_GROUP, kAddress)},
       AddressFamily::ipv4,
       30,
       0,
       true},
      {"vxlan over IPv6, by its own address",
       {.kind = "vxlan", .data = with(IFLA_VXLAN_LOCAL6, kAddress6)},
       AddressFamily::ipv6,
       30},
      {"vxlan over IPv6",
       {.kind = "vxlan", .data = with(IFLA_VXLAN_GROUP6, kAddress6)},
       AddressFamily::ipv6,
       30,
       0,
       true},
      {"vxlan that says that it is not external",
       {.kind = "vxlan", .data = with(IFLA_VXLAN_COLLECT_METADATA, std::uint8_t{0})},
       AddressFamily::ipv4,
       30},
      {"geneve",
       {.kind = "geneve", .data = with(IFLA_GENEVE_REMOTE, kAddress)},
       AddressFamily::ipv4,
       30,
       0,
       true},
      {"geneve over IPv6",
       {.kind = "geneve", .data = with(IFLA_GENEVE_REMOTE6, kAddress6)},
       AddressFamily::ipv6,
       30,
       0,
       true},
      {"Calico's tunl0",
       {.kind = "ipip", .data = with(IFLA_IPTUN_REMOTE, std::uint32_t{0}), .type = ARPHRD_TUNNEL},
       AddressFamily::ipv4,
       0},
      {"ipip, bound",
       {.kind = "ipip", .data = with(IFLA_IPTUN_LINK, kCard)},
       AddressFamily::ipv4,
       0,
       kCard},
      {"kube-router's over UDP",
       {.kind = "ipip",
        .data = with(IFLA_IPTUN_ENCAP_TYPE, static_cast<std::uint16_t>(TUNNEL_ENCAP_FOU))},
       AddressFamily::ipv4,
       8},
      {"ip6tnl with an encapsulation limit",
       {.kind = "ip6tnl", .data = with(IFLA_IPTUN_FLAGS, std::uint32_t{0})},
       AddressFamily::ipv6,
       8},
      {"ip6tnl without",
       {.kind = "ip6tnl", .data = with(IFLA_IPTUN_FLAGS, std::uint32_t{IP6_TNL_F_IGN_ENCAP_LIMIT})},
       AddressFamily::ipv6,
       0},
      {"wireguard", {.kind = "wireguard", .type = ARPHRD_NONE}, std::nullopt, 40},
  };
  for (const TunnelCase& each : cases) {
    SCOPED_TRACE(each.what);
    const auto decoded_link = decoded(link(each.device));
    ASSERT_THAT(decoded_link, has_value());
    EXPECT_EQ(decoded_link->kind, Link::Kind::tunnel);
    EXPECT_EQ(decoded_link->index, 7U);
    EXPECT_EQ(decoded_link->name, "tunnel0");
    EXPECT_EQ(decoded_link->mtu, 1'450U);
    EXPECT_EQ(name(decoded_link->tunnel.kind), each.device.kind);
    EXPECT_EQ(decoded_link->tunnel.outer, each.outer);
    EXPECT_EQ(decoded_link->tunnel.overhead, each.overhead);
    EXPECT_EQ(decoded_link->tunnel.parent, each.parent);
    EXPECT_EQ(decoded_link->tunnel.remote.has_value(), each.has_remote);
  }
}

TEST(DecodeLink, LeavesOutTunnelsOfWhichItCannotBeTold) {
  const std::vector<Device> devices{
      {.kind = "vxlan", .data = with(IFLA_VXLAN_COLLECT_METADATA, std::uint8_t{1})},
      {.kind = "vxlan", .data = with_flag(IFLA_VXLAN_GPE)},
      {.kind = "geneve", .data = with_flag(IFLA_GENEVE_COLLECT_METADATA)},
      {.kind = "geneve", .data = with_flag(IFLA_GENEVE_INNER_PROTO_INHERIT)},
      {.kind = "ipip", .data = with_flag(IFLA_IPTUN_COLLECT_METADATA)},
      {.kind = "ipip",
       .data = with(IFLA_IPTUN_ENCAP_TYPE, static_cast<std::uint16_t>(TUNNEL_ENCAP_GUE))},
      {.kind = "vxlan", .elsewhere = 0},
      {.kind = "ipip", .flags = 0},
      {.kind = "veth"},
      {.kind = "bridge"},
      {.type = ARPHRD_LOOPBACK}};
  for (const Device& device : devices) {
    const auto decoded_link = decoded(link(device));
    ASSERT_THAT(decoded_link, has_value());
    EXPECT_EQ(decoded_link->kind, Link::Kind::other) << device.kind;
  }
  // A card counts whether it is up or not.
  EXPECT_EQ(decoded(link({.flags = 0}))->kind, Link::Kind::card);
}

TEST(DecodeLink, RefusesWhatIsNoDevice) {
  EXPECT_THAT(decoded(MessageBuilder{RTM_NEWLINK}.message()),
              fails_with(ErrorKind::malformed, HasSubstr("not a device")));
  EXPECT_THAT(decoded(link({.index = 0})),
              fails_with(ErrorKind::malformed, HasSubstr("not a device")));
  EXPECT_THAT(decoded(link({.index = -1})),
              fails_with(ErrorKind::malformed, HasSubstr("not a device")));
  EXPECT_THAT(decoded(link({.name = ""})), fails_with(ErrorKind::malformed, HasSubstr("MTU")));
  ifinfomsg header{};
  header.ifi_index = 1;
  EXPECT_THAT(decoded(MessageBuilder{RTM_NEWLINK}
                          .raw(header)
                          .attribute(IFLA_IFNAME, text("eth0"))
                          .attribute(IFLA_MTU, bytes_of(std::uint16_t{1500}))
                          .message()),
              fails_with(ErrorKind::malformed, HasSubstr("MTU")));
  EXPECT_THAT(decoded(MessageBuilder{RTM_DELLINK}.raw(header).message()),
              fails_with(ErrorKind::malformed, HasSubstr("not a device")));
}

Link card(std::uint32_t index, std::uint32_t mtu) {
  return {.index = index, .mtu = mtu, .kind = Link::Kind::card, .name = "eth0", .tunnel = {}};
}

Link tunnel(std::uint32_t index, std::uint32_t mtu, const Tunnel& tunnel) {
  return {.index = index,
          .mtu = mtu,
          .kind = Link::Kind::tunnel,
          .name = "tunnel" + std::to_string(index),
          .tunnel = tunnel};
}

ByteVector route(std::uint32_t device, std::uint8_t type = RTN_UNICAST) {
  rtmsg header{};
  header.rtm_type = type;
  return MessageBuilder{RTM_NEWROUTE}.raw(header).attribute(RTA_OIF, bytes_of(device)).message();
}

// The family and the address that was asked for.
std::string asked(const ByteVector& question) {
  const Bytes payload = Bytes{question}.subspan(sizeof(nlmsghdr));
  std::string text = read_as<rtmsg>(payload)->rtm_family == AF_INET ? "ipv4" : "ipv6";
  for (const std::byte each :
       netlink::find_attribute(netlink::after_header(payload, sizeof(rtmsg)), RTA_DST)) {
    text += ' ' + std::to_string(std::to_integer<int>(each));
  }
  return text;
}

Headroom headroom(std::string device, TunnelKind kind, std::int64_t bytes) {
  return {.device = std::move(device), .kind = kind, .bytes = bytes};
}

constexpr Tunnel kVxlan{.outer = AddressFamily::ipv4, .overhead = 30, .remote = {}};
constexpr Tunnel kWireguard{
    .kind = TunnelKind::wireguard, .outer = {}, .overhead = 40, .remote = {}};

TEST(TellHeadrooms, AsksNothingOfTunnelsThatNameTheirParent) {
  const FakeNetlink kernel;
  netlink::Socket socket{kernel.transport()};
  Tunnel ipv4 = kVxlan;
  ipv4.parent = kCard;
  Tunnel ipv6 = ipv4;
  ipv6.outer = AddressFamily::ipv6;
  Tunnel orphan = ipv4;
  orphan.parent = 99;
  const auto headrooms =
      tell_headrooms(socket, {card(kCard, 1'500), tunnel(3, 1'450, ipv4), tunnel(4, 1'450, ipv6),
                              tunnel(5, 9'000, ipv4), tunnel(6, 1'450, orphan)});
  ASSERT_THAT(headrooms, has_value());
  EXPECT_THAT(*headrooms, ElementsAre(headroom("tunnel3", TunnelKind::vxlan, 0),
                                      headroom("tunnel4", TunnelKind::vxlan, -20),
                                      headroom("tunnel5", TunnelKind::vxlan, -7'550)));
  EXPECT_THAT(kernel.questions(), IsEmpty());
}

TEST(TellHeadrooms, FollowsRoutesOfOthers) {
  FakeNetlink kernel;
  kernel.answer({test::datagram({route(kCard)})}).answer({test::datagram({route(3)})});
  netlink::Socket socket{kernel.transport()};
  Tunnel remote = kVxlan;
  remote.remote.emplace();
  (*remote.remote)[0] = std::byte{10};
  (*remote.remote)[3] = std::byte{9};
  const auto headrooms = tell_headrooms(
      socket,
      {card(kCard, 1'500), card(3, 9'001), tunnel(4, 1'440, kVxlan), tunnel(5, 1'440, remote)});
  ASSERT_THAT(headrooms, has_value());
  EXPECT_THAT(*headrooms, ElementsAre(headroom("tunnel4", TunnelKind::vxlan, 10),
                                      headroom("tunnel5", TunnelKind::vxlan, 7'511)));
  ASSERT_THAT(kernel.questions(), SizeIs(2));
  EXPECT_EQ(asked(kernel.questions()[0]), "ipv4 192 0 2 1");
  EXPECT_EQ(asked(kernel.questions()[1]), "ipv4 10 0 0 9");
}

TEST(TellHeadrooms, TakesWireguardForIpv4WhereThereIsSuchARoute) {
  FakeNetlink kernel;
  kernel.answer({test::datagram({route(kCard)})})
      .answer({test::datagram({test::error(-ENETUNREACH)})})
      .answer({test::datagram({route(kCard)})});
  netlink::Socket socket{kernel.transport()};
  const auto headrooms = tell_headrooms(
      socket, {card(kCard, 1'500), tunnel(4, 1'440, kWireguard), tunnel(5, 1'420, kWireguard)});
  ASSERT_THAT(headrooms, has_value());
  EXPECT_THAT(*headrooms, ElementsAre(headroom("tunnel4", TunnelKind::wireguard, 0),
                                      headroom("tunnel5", TunnelKind::wireguard, 0)));
  ASSERT_THAT(kernel.questions(), SizeIs(3));
  EXPECT_EQ(asked(kernel.questions()[2]), "ipv6 32 1 13 184 0 0 0 0 0 0 0 0 0 0 0 1");
}

TEST(TellHeadrooms, LeavesOutWhatHasNoWayOut) {
  FakeNetlink kernel;
  kernel
      .answer({test::datagram({test::error(-ENETUNREACH)})})  // no route
      .answer({test::datagram({route(1, RTN_LOCAL)})})        // its other end is here
      .answer({test::datagram({test::error(-EINVAL)})})       // a blackhole
      .answer({test::datagram({route(7)})})                   // the tunnel itself
      .answer({test::datagram({route(99)})});                 // a device that came since
  netlink::Socket socket{kernel.transport()};
  const auto headrooms =
      tell_headrooms(socket, {card(kCard, 1'500), tunnel(4, 1, kVxlan), tunnel(5, 1, kVxlan),
                              tunnel(6, 1, kVxlan), tunnel(7, 1, kVxlan), tunnel(8, 1, kVxlan)});
  ASSERT_THAT(headrooms, has_value());
  EXPECT_THAT(*headrooms, IsEmpty());
}

TEST(TellHeadrooms, SaysWhatFailed) {
  const FakeNetlink kernel;
  netlink::Socket socket{kernel.transport()};
  EXPECT_THAT(tell_headrooms(socket, {tunnel(4, 1, kVxlan)}),
              fails_with(ErrorKind::timeout, HasSubstr("route of a tunnel")));
}

TEST(TellHeadrooms, TellsOfEightTunnels) {
  const FakeNetlink kernel;
  netlink::Socket socket{kernel.transport()};
  Tunnel bound = kVxlan;
  bound.parent = kCard;
  std::vector<Link> links{card(kCard, 1'500)};
  for (std::uint32_t index = 3; index < 20; ++index) {
    links.push_back(tunnel(index, 1'450, bound));
  }
  const auto headrooms = tell_headrooms(socket, links);
  ASSERT_THAT(headrooms, has_value());
  EXPECT_THAT(*headrooms, SizeIs(kMostTunnels));
  EXPECT_EQ(headrooms->back().device, "tunnel10");
}

TEST(ListLinks, SortsThemAndListsAgainWhereTheListWasTorn) {
  FakeNetlink kernel;
  kernel.answer({test::datagram({link({.index = 1, .name = "lo"}, NLM_F_DUMP_INTR), test::done()})})
      .answer({test::datagram(
          {link({.index = 7, .name = "b"}), link({.index = 2, .name = "a"}), test::done()})});
  netlink::Socket socket{kernel.transport()};
  const auto links = list_links(socket);
  ASSERT_THAT(links, has_value());
  ASSERT_THAT(*links, SizeIs(2));
  EXPECT_EQ(links->front().name, "a");
  EXPECT_EQ(links->back().index, 7U);
}

TEST(ListLinks, ServesNothingOfAListWithABrokenDevice) {
  FakeNetlink kernel;
  kernel.answer({test::datagram({link({}), link({.name = ""}), test::done()})});
  netlink::Socket socket{kernel.transport()};
  EXPECT_THAT(list_links(socket), fails_with(ErrorKind::malformed, HasSubstr("list devices")));
}

}  // namespace
}  // namespace kubecliff::nic
