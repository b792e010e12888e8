#include "collectors/conntrack/decode_flow.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include <optional>

#include "collectors/kernel/netlink_message.h"

namespace kubecliff::conntrack {
namespace {

using netlink::find_attribute;

Protocol protocol_of(std::uint8_t number) {
  switch (number) {
    case IPPROTO_TCP:
      return Protocol::tcp;
    case IPPROTO_UDP:
      return Protocol::udp;
    case IPPROTO_ICMP:
      return Protocol::icmp;
    case IPPROTO_ICMPV6:
      return Protocol::icmpv6;
    case IPPROTO_SCTP:
      return Protocol::sctp;
    case IPPROTO_DCCP:
      return Protocol::dccp;
    case IPPROTO_GRE:
      return Protocol::gre;
    default:
      return Protocol::other;
  }
}

// State begins with the kernel's enumeration.
static_assert(static_cast<int>(State::none) == TCP_CONNTRACK_NONE);
static_assert(static_cast<int>(State::time_wait) == TCP_CONNTRACK_TIME_WAIT);
static_assert(static_cast<int>(State::syn_sent2) == TCP_CONNTRACK_SYN_SENT2);
static_assert(static_cast<int>(State::other) == TCP_CONNTRACK_MAX);

State tcp_state_in(Bytes attributes) {
  const Bytes tcp = find_attribute(find_attribute(attributes, CTA_PROTOINFO), CTA_PROTOINFO_TCP);
  const auto state = read_as<std::uint8_t>(find_attribute(tcp, CTA_PROTOINFO_TCP_STATE));
  return state && *state < TCP_CONNTRACK_MAX ? static_cast<State>(*state) : State::other;
}

State progress_of(std::uint32_t status) {
  if ((status & IPS_ASSURED) != 0) {
    return State::assured;
  }
  return (status & IPS_SEEN_REPLY) != 0 ? State::replied : State::unreplied;
}

}  // namespace

Result<FlowClass> decode_flow(Bytes payload) {
  const Bytes attributes = netlink::after_header(payload, sizeof(nfgenmsg));
  const Bytes tuple = find_attribute(attributes, CTA_TUPLE_ORIG);
  const auto number =
      read_as<std::uint8_t>(find_attribute(find_attribute(tuple, CTA_TUPLE_PROTO), CTA_PROTO_NUM));
  const auto status = read_be<std::uint32_t>(find_attribute(attributes, CTA_STATUS));
  if (!number || !status) {
    return fail(ErrorKind::malformed, "conntrack flow without protocol or status");
  }
  const Protocol protocol = protocol_of(*number);
  return FlowClass{protocol,
                   protocol == Protocol::tcp ? tcp_state_in(attributes) : progress_of(*status)};
}

}  // namespace kubecliff::conntrack
