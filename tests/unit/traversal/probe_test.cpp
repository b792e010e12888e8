#include "collectors/traversal/probe.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

namespace kubecliff::traversal {
namespace {

using netlink::find_attribute;

// What a request asks to be taken out of the table.
struct Tuple {
  Bytes addresses;
  Bytes ports;
};

Tuple tuple_of(Bytes message) {
  const Bytes attributes = message.subspan(sizeof(nlmsghdr) + sizeof(nfgenmsg));
  const Bytes tuple = find_attribute(attributes, CTA_TUPLE_ORIG);
  return {find_attribute(tuple, CTA_TUPLE_IP), find_attribute(tuple, CTA_TUPLE_PROTO)};
}

TEST(Deletion, NamesTheFlowAndNothingElse) {
  for (const AddressFamily family : kAddressFamilies) {
    netlink::Request request = deletion(family, {.source_port = 40'000, .destination_port = 53});
    const Bytes message = request.finish(1);
    EXPECT_EQ(read_as<nlmsghdr>(message)->nlmsg_len, message.size());
    EXPECT_EQ(read_as<nlmsghdr>(message)->nlmsg_type,
              (NFNL_SUBSYS_CTNETLINK << 8U) | IPCTNL_MSG_CT_DELETE);
    EXPECT_EQ(read_as<nfgenmsg>(message, sizeof(nlmsghdr))->nfgen_family, af(family));

    // Without a whole tuple the kernel would flush the table.
    const Tuple tuple = tuple_of(message);
    EXPECT_EQ(read_as<std::uint8_t>(find_attribute(tuple.ports, CTA_PROTO_NUM)), IPPROTO_UDP);
    EXPECT_EQ(read_be<std::uint16_t>(find_attribute(tuple.ports, CTA_PROTO_SRC_PORT)), 40'000);
    EXPECT_EQ(read_be<std::uint16_t>(find_attribute(tuple.ports, CTA_PROTO_DST_PORT)), 53);
    const bool ipv4 = family == AddressFamily::ipv4;
    for (const int attribute : {ipv4 ? int{CTA_IP_V4_SRC} : int{CTA_IP_V6_SRC},
                                ipv4 ? int{CTA_IP_V4_DST} : int{CTA_IP_V6_DST}}) {
      const Bytes bytes = find_attribute(tuple.addresses, static_cast<std::uint16_t>(attribute));
      ASSERT_EQ(bytes.size(), ipv4 ? 4U : 16U);
      EXPECT_EQ(bytes.back(), std::byte{1});
    }
  }
}

}  // namespace
}  // namespace kubecliff::traversal
