#include "collectors/ipvs/ipset.h"

#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_netlink.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::ipvs {
namespace {

using test::ByteVector;
using test::fails_with;
using test::FakeNetlink;
using test::has_value;
using test::MessageBuilder;
using testing::HasSubstr;
using testing::SizeIs;

struct SetSpec {
  std::string_view name = "KUBE-CLUSTER-IP";
  std::optional<std::uint32_t> entries = 7;
  std::optional<std::uint32_t> most = 65'536;
  std::optional<std::uint16_t> first_port = {};
  std::optional<std::uint16_t> last_port = {};
};

ByteVector message_of(const SetSpec& set) {
  MessageBuilder builder{NFNL_SUBSYS_IPSET << 8U | IPSET_CMD_LIST};
  builder.raw(nfgenmsg{.nfgen_family = AF_INET, .version = NFNETLINK_V0, .res_id = 0});
  builder.attribute(IPSET_ATTR_SETNAME, std::as_bytes(std::span{set.name}));
  builder.nest(IPSET_ATTR_DATA, [&](MessageBuilder& data) {
    const auto port = [&](std::uint16_t type, std::optional<std::uint16_t> value) {
      if (value) {
        const std::uint16_t swapped = std::byteswap(*value);
        data.attribute(type | NLA_F_NET_BYTEORDER, std::as_bytes(std::span{&swapped, 1}));
      }
    };
    port(IPSET_ATTR_PORT, set.first_port);
    port(IPSET_ATTR_PORT_TO, set.last_port);
    if (set.most) {
      data.be32(IPSET_ATTR_MAXELEM | NLA_F_NET_BYTEORDER, *set.most);
    }
    if (set.entries) {
      data.be32(IPSET_ATTR_ELEMENTS | NLA_F_NET_BYTEORDER, *set.entries);
    }
  });
  return builder.message();
}

std::optional<IpSet> decoded(const SetSpec& set) {
  static ByteVector bytes;  // the name points into it
  bytes = message_of(set);
  netlink::Message message;
  netlink::Messages messages{bytes};
  EXPECT_TRUE(messages.next(message));
  return decode_ipset(message);
}

TEST(DecodeIpset, TakesEntriesAndMaximum) {
  const auto set = decoded({});
  ASSERT_TRUE(set);
  EXPECT_EQ(set->name, "KUBE-CLUSTER-IP");
  EXPECT_EQ(set->entries, 7U);
  EXPECT_EQ(set->most, 65'536U);
}

TEST(DecodeIpset, ABitmapHasRoomForItsRange) {
  const auto set = decoded({.most = {}, .first_port = 0, .last_port = 65'535});
  ASSERT_TRUE(set);
  EXPECT_EQ(set->most, 65'536U);
}

TEST(DecodeIpset, RefusesWhatHasNoMaximumOrNoName) {
  EXPECT_FALSE(decoded({.name = ""}));
  EXPECT_FALSE(decoded({.entries = {}}));
  EXPECT_FALSE(decoded({.most = {}}));
  EXPECT_FALSE(decoded({.most = {}, .first_port = 9, .last_port = 8}));
}

// kube-router's and others' names have hashes in them.
TEST(KubeProxySet, KnowsItsNamesAndNoOthers) {
  EXPECT_EQ(kube_proxy_set("KUBE-LOOP-BACK"), "KUBE-LOOP-BACK");
  EXPECT_EQ(kube_proxy_set("KUBE-6-LOAD-BALANCER-SOURCE-CID"), "KUBE-6-LOAD-BALANCER-SOURCE-CID");
  EXPECT_EQ(kube_proxy_set("KUBE-6-NODE-PORT-LOCAL-SCTP-HAS"), "KUBE-6-NODE-PORT-LOCAL-SCTP-HAS");
  for (const std::string_view other :
       {"", "KUBE-", "KUBE-SRC-2FAIIK2E4RIPMTGF", "kube-router-pod-subnets", "cali40s:abc"}) {
    EXPECT_EQ(kube_proxy_set(other), std::nullopt) << other;
  }
}

TEST(ReadIpsets, LeavesTheSetsOfOthersAlone) {
  FakeNetlink kernel;
  kernel.answer({test::datagram(
      {message_of({.name = "other", .entries = {}}), message_of({}), test::done()})});
  netlink::Socket socket{kernel.transport()};
  const auto sets = read_ipsets(socket);
  ASSERT_THAT(sets, has_value());
  ASSERT_THAT(*sets, SizeIs(1));
  EXPECT_EQ(sets->front().name, "KUBE-CLUSTER-IP");
}

TEST(ReadIpsets, SaysWhatFailed) {
  FakeNetlink kernel;
  kernel.answer({test::datagram({message_of({.entries = {}}), test::done()})})
      .answer({test::datagram({test::error(-EPERM)})});
  netlink::Socket socket{kernel.transport()};
  EXPECT_THAT(read_ipsets(socket), fails_with(ErrorKind::malformed, HasSubstr("ipset")));
  EXPECT_THAT(read_ipsets(socket), fails_with(ErrorKind::denied, HasSubstr("ipset")));
}

}  // namespace
}  // namespace kubecliff::ipvs
