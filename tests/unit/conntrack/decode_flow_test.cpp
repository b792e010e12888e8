#include "collectors/conntrack/decode_flow.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>

#include "collectors/kernel/netlink_message.h"
#include "tests/support/fake_netlink.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::conntrack {
namespace {

using test::ByteVector;
using test::ctnetlink_message;
using test::fails_with;
using test::has_value;
using test::MessageBuilder;
using ::testing::_;

struct Flow {
  std::uint8_t protocol = IPPROTO_UDP;
  std::uint32_t status = 0;
  std::optional<std::uint8_t> tcp_state = {};
};

MessageBuilder message_of(const Flow& flow) {
  MessageBuilder message = ctnetlink_message(IPCTNL_MSG_CT_NEW, AF_INET);
  message
      .nest(CTA_TUPLE_ORIG,
            [&](MessageBuilder& tuple) {
              tuple
                  .nest(CTA_TUPLE_IP,
                        [](MessageBuilder& ip) {
                          ip.be32(CTA_IP_V4_SRC, 0xc0000201).be32(CTA_IP_V4_DST, 0xc0000202);
                        })
                  .nest(CTA_TUPLE_PROTO, [&](MessageBuilder& protocol) {
                    protocol.u8(CTA_PROTO_NUM, flow.protocol);
                  });
            })
      .be32(CTA_STATUS, flow.status);
  if (flow.tcp_state) {
    message.nest(CTA_PROTOINFO, [&](MessageBuilder& info) {
      info.nest(CTA_PROTOINFO_TCP,
                [&](MessageBuilder& tcp) { tcp.u8(CTA_PROTOINFO_TCP_STATE, *flow.tcp_state); });
    });
  }
  return message;
}

// Of one direction: source, destination, their ports.
using Addresses =
    std::tuple<std::vector<std::byte>, std::vector<std::byte>, std::uint16_t, std::uint16_t>;

std::vector<std::byte> copied(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

Addresses addresses_of(const FlowTuple& tuple) {
  return {copied(tuple.source), copied(tuple.destination), tuple.source_port,
          tuple.destination_port};
}

enum class Direction : std::uint8_t { original, reply };

Addresses addresses_of(const nf_conntrack& flow, Direction direction) {
  const bool original = direction == Direction::original;
  const auto address = [&](nf_conntrack_attr ipv4, nf_conntrack_attr ipv6) {
    const bool is_ipv4 = nfct_attr_is_set(&flow, ipv4) > 0;
    const auto* const bytes =
        static_cast<const std::byte*>(nfct_get_attr(&flow, is_ipv4 ? ipv4 : ipv6));
    return copied({bytes, is_ipv4 ? sizeof(in_addr) : sizeof(in6_addr)});
  };
  const auto port = [&](nf_conntrack_attr attribute) {
    return ntohs(nfct_get_attr_u16(&flow, attribute));
  };
  const std::uint8_t protocol = nfct_get_attr_u8(&flow, ATTR_L4PROTO);
  // What ICMP has instead is in the same place of the library's object.
  const bool ports = protocol == IPPROTO_TCP || protocol == IPPROTO_UDP ||
                     protocol == IPPROTO_SCTP || protocol == IPPROTO_GRE;
  return original ? Addresses{address(ATTR_IPV4_SRC, ATTR_IPV6_SRC),
                              address(ATTR_IPV4_DST, ATTR_IPV6_DST),
                              ports ? port(ATTR_PORT_SRC) : std::uint16_t{0},
                              ports ? port(ATTR_PORT_DST) : std::uint16_t{0}}
                  : Addresses{address(ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC),
                              address(ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST),
                              ports ? port(ATTR_REPL_PORT_SRC) : std::uint16_t{0},
                              ports ? port(ATTR_REPL_PORT_DST) : std::uint16_t{0}};
}

TEST(DecodeFlow, OfARealKernel) {
  const auto bytes = test::read_bytes(CAPTURED "/flows.bin");
  netlink::Messages messages{bytes};
  FlowCounts counts;
  for (netlink::Message message; messages.next(message);) {
    const auto flow = decode_flow(message.payload);
    ASSERT_THAT(flow, has_value());
    counts.add(flow->flow_class);
  }
  EXPECT_FALSE(messages.malformed());

  // What captured/capture.py made, as `conntrack -L` showed it.
  FlowCounts expected;
  for (const FlowClass flow : {FlowClass{Protocol::tcp, State::established},
                               {Protocol::tcp, State::established},
                               {Protocol::tcp, State::close_wait},
                               {Protocol::tcp, State::syn_sent2},
                               {Protocol::udp, State::unreplied},
                               {Protocol::udp, State::replied},
                               {Protocol::udp, State::assured},
                               {Protocol::icmp, State::replied},
                               {Protocol::icmpv6, State::replied},
                               {Protocol::sctp, State::unreplied},
                               {Protocol::gre, State::unreplied},
                               {Protocol::other, State::unreplied}}) {
    expected.add(flow);
  }
  EXPECT_EQ(counts, expected);
}

TEST(DecodeFlow, SeesWhatLibnetfilterConntrackSees) {
  struct Destroy {
    void operator()(nf_conntrack* flow) const { nfct_destroy(flow); }
  };
  const auto bytes = test::read_bytes(CAPTURED "/flows.bin");
  netlink::Messages messages{bytes};
  for (netlink::Message message; messages.next(message);) {
    const std::unique_ptr<nf_conntrack, Destroy> parsed{nfct_new()};
    const auto* const header =
        reinterpret_cast<const nlmsghdr*>(message.payload.data() - sizeof(nlmsghdr));
    ASSERT_EQ(nfct_nlmsg_parse(header, parsed.get()), 0);

    Flow same{.protocol = nfct_get_attr_u8(parsed.get(), ATTR_L4PROTO),
              .status = nfct_get_attr_u32(parsed.get(), ATTR_STATUS)};
    if (nfct_attr_is_set(parsed.get(), ATTR_TCP_STATE) > 0) {
      same.tcp_state = nfct_get_attr_u8(parsed.get(), ATTR_TCP_STATE);
    }
    const auto flow = decode_flow(message.payload);
    ASSERT_THAT(flow, has_value());
    const auto alike = decode_flow(message_of(same).payload());
    ASSERT_THAT(alike, has_value());
    EXPECT_EQ(flow->flow_class, alike->flow_class);

    EXPECT_EQ(flow->protocol, same.protocol);
    EXPECT_EQ(flow->zoned, nfct_attr_is_set(parsed.get(), ATTR_ZONE) > 0);
    EXPECT_EQ(addresses_of(flow->original), addresses_of(*parsed, Direction::original));
    EXPECT_EQ(addresses_of(flow->reply), addresses_of(*parsed, Direction::reply));
  }
}

TEST(DecodeFlow, ClassFollowsFromProtocolAndState) {
  struct Case {
    Flow flow;
    FlowClass expected;
  };
  const std::vector<Case> cases{
      {{IPPROTO_UDP, IPS_CONFIRMED}, {Protocol::udp, State::unreplied}},
      {{IPPROTO_UDP, IPS_CONFIRMED | IPS_SEEN_REPLY}, {Protocol::udp, State::replied}},
      {{IPPROTO_UDP, IPS_SEEN_REPLY | IPS_ASSURED}, {Protocol::udp, State::assured}},
      {{IPPROTO_UDP, IPS_ASSURED}, {Protocol::udp, State::assured}},
      {{IPPROTO_ICMP, IPS_SEEN_REPLY}, {Protocol::icmp, State::replied}},
      {{IPPROTO_ICMPV6, 0}, {Protocol::icmpv6, State::unreplied}},
      {{IPPROTO_SCTP, IPS_ASSURED}, {Protocol::sctp, State::assured}},
      {{IPPROTO_DCCP, 0}, {Protocol::dccp, State::unreplied}},
      {{IPPROTO_GRE, 0}, {Protocol::gre, State::unreplied}},
      {{IPPROTO_UDPLITE, 0}, {Protocol::other, State::unreplied}},
      {{255, 0}, {Protocol::other, State::unreplied}},
      // A TCP flow's status says nothing that its state does not.
      {{IPPROTO_TCP, IPS_ASSURED, TCP_CONNTRACK_NONE}, {Protocol::tcp, State::none}},
      {{IPPROTO_TCP, 0, TCP_CONNTRACK_SYN_SENT}, {Protocol::tcp, State::syn_sent}},
      {{IPPROTO_TCP, 0, TCP_CONNTRACK_SYN_RECV}, {Protocol::tcp, State::syn_recv}},
      {{IPPROTO_TCP, 0, TCP_CONNTRACK_ESTABLISHED}, {Protocol::tcp, State::established}},
      {{IPPROTO_TCP, 0, TCP_CONNTRACK_FIN_WAIT}, {Protocol::tcp, State::fin_wait}},
      {{IPPROTO_TCP, 0, TCP_CONNTRACK_CLOSE_WAIT}, {Protocol::tcp, State::close_wait}},
      {{IPPROTO_TCP, 0, TCP_CONNTRACK_LAST_ACK}, {Protocol::tcp, State::last_ack}},
      {{IPPROTO_TCP, 0, TCP_CONNTRACK_TIME_WAIT}, {Protocol::tcp, State::time_wait}},
      {{IPPROTO_TCP, 0, TCP_CONNTRACK_CLOSE}, {Protocol::tcp, State::close}},
      {{IPPROTO_TCP, 0, TCP_CONNTRACK_SYN_SENT2}, {Protocol::tcp, State::syn_sent2}},
      {{IPPROTO_TCP, 0, TCP_CONNTRACK_MAX}, {Protocol::tcp, State::other}},
      {{IPPROTO_TCP, 0, 255}, {Protocol::tcp, State::other}},
      {{IPPROTO_TCP, 0}, {Protocol::tcp, State::other}},
  };
  for (const Case& c : cases) {
    const auto flow = decode_flow(message_of(c.flow).payload());
    ASSERT_THAT(flow, has_value());
    EXPECT_EQ(flow->flow_class, c.expected)
        << "protocol " << int{c.flow.protocol} << ", status " << c.flow.status;
  }
}

TEST(DecodeFlow, AddressesOfAnotherSizeAreNone) {
  MessageBuilder message = message_of({});
  message.nest(CTA_TUPLE_REPLY, [](MessageBuilder& tuple) {
    tuple.nest(CTA_TUPLE_IP, [](MessageBuilder& ip) {
      ip.u8(CTA_IP_V4_SRC, 1).be32(CTA_IP_V6_DST, 1).be32(CTA_IP_V4_DST, 0x7f000001);
    });
  });
  const auto payload = message.payload();
  const auto flow = decode_flow(payload);
  ASSERT_THAT(flow, has_value());
  EXPECT_TRUE(flow->reply.source.empty());
  EXPECT_EQ(flow->reply.destination.size(), 4U);
  EXPECT_EQ(copied(flow->original.destination),
            (std::vector<std::byte>{std::byte{0xc0}, std::byte{0}, std::byte{2}, std::byte{2}}));
}

TEST(DecodeFlow, AZoneIsSeenWhereverItIsTold) {
  const ByteVector zone{std::byte{0}, std::byte{7}};
  EXPECT_FALSE(decode_flow(message_of({}).payload())->zoned);
  const auto whole = message_of({}).attribute(CTA_ZONE, zone).payload();
  EXPECT_TRUE(decode_flow(whole)->zoned);
  const auto of_replies =
      message_of({})
          .nest(CTA_TUPLE_REPLY,
                [&](MessageBuilder& tuple) { tuple.attribute(CTA_TUPLE_ZONE, zone); })
          .payload();
  EXPECT_TRUE(decode_flow(of_replies)->zoned);
}

TEST(DecodeFlow, AttributesOfNewerKernelsAreSkipped) {
  const auto message = message_of({}).be32(CTA_MAX + 1, 1).payload();
  EXPECT_THAT(decode_flow(message), has_value());
}

TEST(DecodeFlow, OfBrokenMessagesIsAnError) {
  EXPECT_THAT(decode_flow({}), fails_with(ErrorKind::malformed, _));
  EXPECT_THAT(decode_flow(ctnetlink_message(IPCTNL_MSG_CT_NEW, AF_INET).payload()),
              fails_with(ErrorKind::malformed, _));
  EXPECT_THAT(decode_flow(ctnetlink_message(IPCTNL_MSG_CT_NEW).be32(CTA_STATUS, 0).payload()),
              fails_with(ErrorKind::malformed, _));
  MessageBuilder short_status = ctnetlink_message(IPCTNL_MSG_CT_NEW, AF_INET);
  short_status.u8(CTA_STATUS, 1);
  EXPECT_THAT(decode_flow(short_status.payload()), fails_with(ErrorKind::malformed, _));
}

TEST(FlowNames, AreOneForEachValue) {
  EXPECT_EQ(kProtocolNames[static_cast<std::size_t>(Protocol::other)], "other");
  EXPECT_EQ(kStateNames[static_cast<std::size_t>(State::established)], "established");
  EXPECT_EQ(kStateNames[static_cast<std::size_t>(State::syn_sent2)], "syn_sent2");
  EXPECT_EQ(kStateNames[static_cast<std::size_t>(State::assured)], "assured");
}

}  // namespace
}  // namespace kubecliff::conntrack
