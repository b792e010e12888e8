// One flow of ctnetlink's dump, decoded as far as its class goes. A pure function.
// Source: net/netfilter/nf_conntrack_netlink.c (ctnetlink_fill_info).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collectors/core/result.h"
#include "collectors/kernel/bytes.h"

namespace kubecliff::conntrack {

enum class Protocol : std::uint8_t { tcp, udp, icmp, icmpv6, sctp, dccp, gre, other };

// The values of the label `protocol`.
inline constexpr std::array<std::string_view, 8> kProtocolNames{"tcp",  "udp",  "icmp", "icmpv6",
                                                                "sctp", "dccp", "gre",  "other"};

// A TCP flow's state in the kernel's words (tcp_conntrack_names in nf_conntrack_proto_tcp.c), in
// its order; for every other protocol how much of a conversation it is: unreplied (IPS_SEEN_REPLY
// is not set), replied, or assured (IPS_ASSURED), which is not evicted when the table is full.
enum class State : std::uint8_t {
  none,
  syn_sent,
  syn_recv,
  established,
  fin_wait,
  close_wait,
  last_ack,
  time_wait,
  close,
  syn_sent2,
  other,  // a TCP state that the kernel did not send, or one it did not have in Linux 6.18
  unreplied,
  replied,
  assured,
};

// The values of the label `state`.
inline constexpr std::array<std::string_view, 14> kStateNames{
    "none",      "syn_sent", "syn_recv",  "established", "fin_wait",  "close_wait", "last_ack",
    "time_wait", "close",    "syn_sent2", "other",       "unreplied", "replied",    "assured"};

struct FlowClass {
  Protocol protocol = Protocol::other;
  State state = State::unreplied;

  friend bool operator==(const FlowClass&, const FlowClass&) = default;
};

// Where the packets of one direction come from and go to: addresses of 4 or 16 bytes in network
// order, views into the message; empty where the kernel said none that has either size.
struct FlowTuple {
  Bytes source = {};
  Bytes destination = {};
  std::uint16_t source_port = 0;  // 0 where the protocol has no ports, too
  std::uint16_t destination_port = 0;
};

struct Flow {
  FlowClass flow_class;
  std::uint8_t protocol = 0;  // IPPROTO_TCP, …
  bool zoned = false;         // in a zone: another dataplane's beside the node's own
  FlowTuple original;
  FlowTuple reply;
};

// Whether its packets go elsewhere than the client sends them. IPVS changes the reply's tuple and
// leaves IPS_DST_NAT alone, so that the tuples are compared.
[[nodiscard]] inline bool is_translated(const Flow& flow) {
  return flow.original.destination_port != flow.reply.source_port ||
         !std::ranges::equal(flow.original.destination, flow.reply.source);
}

// The payload of one answer to a dump by IPCTNL_MSG_CT_GET. A few of some thirty attributes are
// needed, so they are read here, in one pass: libnetfilter_conntrack decodes all of them,
// allocates, and ends the process where one has not the size that it expects
// (docs/decisions/0007-decoding-flows.md). The tests hold this to the library.
[[nodiscard]] Result<Flow> decode_flow(Bytes payload);

// How many flows there are of each class.
class FlowCounts {
 public:
  void add(FlowClass flow) { ++at(flow.protocol, flow.state); }
  [[nodiscard]] std::uint64_t count(Protocol protocol, State state) const {
    return counts_[static_cast<std::size_t>(protocol)][static_cast<std::size_t>(state)];
  }

  friend bool operator==(const FlowCounts&, const FlowCounts&) = default;

 private:
  [[nodiscard]] std::uint64_t& at(Protocol protocol, State state) {
    return counts_[static_cast<std::size_t>(protocol)][static_cast<std::size_t>(state)];
  }

  std::array<std::array<std::uint64_t, kStateNames.size()>, kProtocolNames.size()> counts_{};
};

}  // namespace kubecliff::conntrack
