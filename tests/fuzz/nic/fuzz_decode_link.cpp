// One datagram of a dump of devices.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "collectors/kernel/netlink_message.h"
#include "collectors/nic/decode_link.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff;  // NOLINT(*-using-namespace)

  netlink::Messages messages{std::as_bytes(std::span{data, size})};
  for (netlink::Message message; messages.next(message);) {
    const auto link = nic::decode_link(message);
    if (link && (link->name.empty() || link->index == 0)) {
      std::abort();
    }
  }
  return 0;
}
