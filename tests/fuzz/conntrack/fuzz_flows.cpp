// A datagram of a flow dump.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "collectors/conntrack/decode_flow.h"
#include "collectors/kernel/netlink_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff;

  netlink::Messages messages{std::as_bytes(std::span{data, size})};
  for (netlink::Message message; messages.next(message);) {
    const auto flow = conntrack::decode_flow(message.payload);
    if (!flow) {
      continue;
    }
    if (static_cast<std::size_t>(flow->flow_class.protocol) >= conntrack::kProtocolNames.size() ||
        static_cast<std::size_t>(flow->flow_class.state) >= conntrack::kStateNames.size()) {
      std::abort();
    }
    for (const conntrack::FlowTuple& tuple : {flow->original, flow->reply}) {
      for (const Bytes address : {tuple.source, tuple.destination}) {
        if (!address.empty() && address.size() != 4 && address.size() != 16) {
          std::abort();
        }
      }
    }
  }
  return 0;
}
