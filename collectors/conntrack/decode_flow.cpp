#include "collectors/conntrack/decode_flow.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>

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

State tcp_state_of(const nf_conntrack& flow) {
  if (nfct_attr_is_set(&flow, ATTR_TCP_STATE) <= 0) {
    return State::other;
  }
  const std::uint8_t state = nfct_get_attr_u8(&flow, ATTR_TCP_STATE);
  return state < TCP_CONNTRACK_MAX ? static_cast<State>(state) : State::other;
}

State progress_of(std::uint32_t status) {
  if ((status & IPS_ASSURED) != 0) {
    return State::assured;
  }
  return (status & IPS_SEEN_REPLY) != 0 ? State::replied : State::unreplied;
}

// What is taken of a flow: the way down to the attribute, and the size it has to have.
struct Needed {
  std::span<const std::uint16_t> path;
  std::size_t size;
};

constexpr std::array<std::uint16_t, 1> kStatus{CTA_STATUS};
constexpr std::array<std::uint16_t, 3> kProtocol{CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_PROTO_NUM};
constexpr std::array<std::uint16_t, 3> kTcpState{CTA_PROTOINFO, CTA_PROTOINFO_TCP,
                                                 CTA_PROTOINFO_TCP_STATE};
constexpr std::array kNeeded{Needed{kStatus, sizeof(std::uint32_t)},
                             Needed{kProtocol, sizeof(std::uint8_t)},
                             Needed{kTcpState, sizeof(std::uint8_t)}};

// The attributes that are needed, and nothing else. libnetfilter_conntrack ends the process when an
// attribute has a size that it does not expect, so it gets to see only those whose size is right.
class CheckedAttributes {
 public:
  explicit CheckedAttributes(Bytes attributes) {
    for (const Needed& needed : kNeeded) {
      Bytes payload = attributes;
      for (const std::uint16_t type : needed.path) {
        payload = find_attribute(payload, type);
      }
      if (payload.size() == needed.size) {
        append(needed.path, payload);
      }
    }
  }

  [[nodiscard]] Bytes bytes() const { return Bytes{bytes_}.first(size_); }

 private:
  // One level of headers for each step of the path, all around the one payload.
  void append(std::span<const std::uint16_t> path, Bytes payload) {
    for (std::size_t level = 0; level < path.size(); ++level) {
      const std::size_t inside = (path.size() - 1 - level) * sizeof(nlattr) + kPadded;
      const bool innermost = level + 1 == path.size();
      const nlattr header{
          .nla_len =
              static_cast<std::uint16_t>(sizeof(nlattr) + (innermost ? payload.size() : inside)),
          .nla_type = path[level],
      };
      std::memcpy(bytes_.data() + size_, &header, sizeof(header));
      size_ += sizeof(header);
    }
    std::memcpy(bytes_.data() + size_, payload.data(), payload.size());
    size_ += kPadded;
  }

  static constexpr std::size_t kPadded = 4;  // every payload that is needed takes this much
  static constexpr std::size_t kMost =
      (kStatus.size() + kProtocol.size() + kTcpState.size()) * sizeof(nlattr) +
      kNeeded.size() * kPadded;

  alignas(nlattr) std::array<std::byte, kMost> bytes_{};
  std::size_t size_ = 0;
};

struct DestroyFlow {
  void operator()(nf_conntrack* flow) const { nfct_destroy(flow); }
};

}  // namespace

Result<FlowClass> decode_flow(Bytes payload) {
  const CheckedAttributes attributes{netlink::after_header(payload, sizeof(nfgenmsg))};
  const std::unique_ptr<nf_conntrack, DestroyFlow> flow{nfct_new()};
  if (!flow) {
    return fail(ErrorKind::internal, ENOMEM, "conntrack flow: out of memory");
  }
  const Bytes checked = attributes.bytes();
  if (nfct_payload_parse(checked.data(), checked.size(), AF_INET, flow.get()) < 0 ||
      nfct_attr_is_set(flow.get(), ATTR_STATUS) <= 0 ||
      nfct_attr_is_set(flow.get(), ATTR_L4PROTO) <= 0) {
    return fail(ErrorKind::malformed, "conntrack flow without protocol or status");
  }

  const Protocol protocol = protocol_of(nfct_get_attr_u8(flow.get(), ATTR_L4PROTO));
  return FlowClass{protocol, protocol == Protocol::tcp
                                 ? tcp_state_of(*flow)
                                 : progress_of(nfct_get_attr_u32(flow.get(), ATTR_STATUS))};
}

}  // namespace kubecliff::conntrack
