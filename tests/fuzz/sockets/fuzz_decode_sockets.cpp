// One datagram of sock_diag, or the text of a file, whichever it is.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "collectors/kernel/netlink_message.h"
#include "collectors/sockets/decode_sockets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff;           // NOLINT(*-using-namespace)
  using namespace kubecliff::sockets;  // NOLINT(*-using-namespace)

  netlink::Messages messages{std::as_bytes(std::span{data, size})};
  for (netlink::Message message; messages.next(message);) {
    if (const auto state = decode_state(message); state && *state >= kStates.size()) {
      std::abort();
    }
  }
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  static_cast<void>(decode_tcp_use(text));
  static_cast<void>(decode_most_pages(text));
  return 0;
}
