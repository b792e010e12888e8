#include "collectors/conntrack/decode_flow.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include <memory>
#include <optional>
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

TEST(DecodeFlow, OfARealKernel) {
  const auto bytes = test::read_bytes(CAPTURED "/flows.bin");
  netlink::Messages messages{bytes};
  FlowCounts counts;
  for (netlink::Message message; messages.next(message);) {
    const auto flow = decode_flow(message.payload);
    ASSERT_THAT(flow, has_value());
    counts.add(*flow);
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
    EXPECT_EQ(*flow, *decode_flow(message_of(same).payload()));
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
    EXPECT_EQ(*flow, c.expected) << "protocol " << int{c.flow.protocol} << ", status "
                                 << c.flow.status;
  }
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
