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
    if (flow && (static_cast<std::size_t>(flow->protocol) >= conntrack::kProtocolNames.size() ||
                 static_cast<std::size_t>(flow->state) >= conntrack::kStateNames.size())) {
      std::abort();
    }
  }
  return 0;
}
