#include "collectors/conntrack/flow_text.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

namespace kubecliff::conntrack {
namespace {

struct Destroy {
  void operator()(nf_conntrack* flow) const { nfct_destroy(flow); }
};

// libnetfilter_conntrack's names for what stands in a tuple.
struct TupleAttributes {
  nf_conntrack_attr family, protocol, ipv4_source, ipv4_destination, ipv6_source, ipv6_destination,
      source_port, destination_port;
};
constexpr TupleAttributes kOriginal{ATTR_ORIG_L3PROTO,  ATTR_ORIG_L4PROTO,  ATTR_ORIG_IPV4_SRC,
                                    ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_SRC, ATTR_ORIG_IPV6_DST,
                                    ATTR_ORIG_PORT_SRC, ATTR_ORIG_PORT_DST};
constexpr TupleAttributes kReply{ATTR_REPL_L3PROTO,  ATTR_REPL_L4PROTO,  ATTR_REPL_IPV4_SRC,
                                 ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_SRC, ATTR_REPL_IPV6_DST,
                                 ATTR_REPL_PORT_SRC, ATTR_REPL_PORT_DST};

void set_tuple(nf_conntrack& flow, std::uint8_t protocol, const FlowTuple& tuple,
               const TupleAttributes& names) {
  const bool ipv4 = tuple.source.size() == sizeof(in_addr);
  nfct_set_attr_u8(&flow, names.family, ipv4 ? AF_INET : AF_INET6);
  nfct_set_attr_u8(&flow, names.protocol, protocol);
  // The library takes as many bytes as the attribute has.
  const std::size_t size = ipv4 ? sizeof(in_addr) : sizeof(in6_addr);
  if (tuple.source.size() == size && tuple.destination.size() == size) {
    nfct_set_attr(&flow, ipv4 ? names.ipv4_source : names.ipv6_source, tuple.source.data());
    nfct_set_attr(&flow, ipv4 ? names.ipv4_destination : names.ipv6_destination,
                  tuple.destination.data());
  }
  nfct_set_attr_u16(&flow, names.source_port, htons(tuple.source_port));
  nfct_set_attr_u16(&flow, names.destination_port, htons(tuple.destination_port));
}

}  // namespace

std::string flow_text(std::uint8_t protocol, const FlowTuple& original, const FlowTuple& reply) {
  const std::unique_ptr<nf_conntrack, Destroy> flow{nfct_new()};
  if (flow == nullptr) {
    return {};
  }
  set_tuple(*flow, protocol, original, kOriginal);
  set_tuple(*flow, protocol, reply, kReply);

  std::array<char, 512> text{};  // two tuples of IPv6 take 220
  const int size =
      nfct_snprintf(text.data(), text.size(), flow.get(), NFCT_T_UNKNOWN, NFCT_O_DEFAULT, 0);
  std::string line{text.data(),
                   static_cast<std::size_t>(std::clamp<int>(size, 0, text.size() - 1))};
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace kubecliff::conntrack
