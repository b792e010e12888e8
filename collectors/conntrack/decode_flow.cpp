#include "collectors/conntrack/decode_flow.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>
#include <tuple>

#include "collectors/kernel/netlink_message.h"

namespace kubecliff::conntrack {
namespace {

using netlink::Attribute;
using netlink::Attributes;
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

State tcp_state_of(Bytes protocol_info) {
  const auto state = read_as<std::uint8_t>(
      find_attribute(find_attribute(protocol_info, CTA_PROTOINFO_TCP), CTA_PROTOINFO_TCP_STATE));
  return state && *state < TCP_CONNTRACK_MAX ? static_cast<State>(*state) : State::other;
}

State progress_of(std::uint32_t status) {
  if ((status & IPS_ASSURED) != 0) {
    return State::assured;
  }
  return (status & IPS_SEEN_REPLY) != 0 ? State::replied : State::unreplied;
}

Bytes address_or_none(Bytes attribute, std::size_t size) {
  return attribute.size() == size ? attribute : Bytes{};
}

void decode_addresses(Bytes attributes, FlowTuple& tuple) {
  Attribute attribute;
  for (Attributes all{attributes}; all.next(attribute);) {
    switch (attribute.type) {
      case CTA_IP_V4_SRC:
        tuple.source = address_or_none(attribute.payload, sizeof(in_addr));
        break;
      case CTA_IP_V4_DST:
        tuple.destination = address_or_none(attribute.payload, sizeof(in_addr));
        break;
      case CTA_IP_V6_SRC:
        tuple.source = address_or_none(attribute.payload, sizeof(in6_addr));
        break;
      case CTA_IP_V6_DST:
        tuple.destination = address_or_none(attribute.payload, sizeof(in6_addr));
        break;
      default:
        break;
    }
  }
}

// Gives the protocol.
std::optional<std::uint8_t> decode_ports(Bytes attributes, FlowTuple& tuple) {
  std::optional<std::uint8_t> protocol;
  Attribute attribute;
  for (Attributes all{attributes}; all.next(attribute);) {
    switch (attribute.type) {
      case CTA_PROTO_NUM:
        protocol = read_as<std::uint8_t>(attribute.payload);
        break;
      case CTA_PROTO_SRC_PORT:
        tuple.source_port = read_be<std::uint16_t>(attribute.payload).value_or(0);
        break;
      case CTA_PROTO_DST_PORT:
        tuple.destination_port = read_be<std::uint16_t>(attribute.payload).value_or(0);
        break;
      default:
        break;
    }
  }
  return protocol;
}

std::optional<std::uint8_t> decode_tuple(Bytes attributes, FlowTuple& tuple, Flow& flow) {
  std::optional<std::uint8_t> protocol;
  Attribute attribute;
  for (Attributes all{attributes}; all.next(attribute);) {
    switch (attribute.type) {
      case CTA_TUPLE_IP:
        decode_addresses(attribute.payload, tuple);
        break;
      case CTA_TUPLE_PROTO:
        protocol = decode_ports(attribute.payload, tuple);
        break;
      case CTA_TUPLE_ZONE:
        flow.zoned = true;  // zone 0 is not told
        break;
      default:
        break;
    }
  }
  return protocol;
}

}  // namespace

Result<Flow> decode_flow(Bytes payload) {
  Flow flow;
  std::optional<std::uint8_t> protocol;
  std::optional<std::uint32_t> status;
  Bytes protocol_info;
  Attribute attribute;
  for (Attributes all{netlink::after_header(payload, sizeof(nfgenmsg))}; all.next(attribute);) {
    switch (attribute.type) {
      case CTA_TUPLE_ORIG:
        protocol = decode_tuple(attribute.payload, flow.original, flow);
        break;
      case CTA_TUPLE_REPLY:
        std::ignore = decode_tuple(attribute.payload, flow.reply, flow);
        break;
      case CTA_STATUS:
        status = read_be<std::uint32_t>(attribute.payload);
        break;
      case CTA_PROTOINFO:
        protocol_info = attribute.payload;
        break;
      case CTA_ZONE:
        flow.zoned = true;
        break;
      default:
        break;
    }
  }
  if (!protocol || !status) {
    return fail(ErrorKind::malformed, "conntrack flow without protocol or status");
  }

  flow.protocol = *protocol;
  flow.flow_class.protocol = protocol_of(*protocol);
  flow.flow_class.state = flow.flow_class.protocol == Protocol::tcp ? tcp_state_of(protocol_info)
                                                                    : progress_of(*status);
  return flow;
}

}  // namespace kubecliff::conntrack
