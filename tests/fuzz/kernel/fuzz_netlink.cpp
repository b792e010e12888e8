// Netlink framing, all the way down: messages, attributes, attributes in attributes. Whatever the
// bytes claim, no payload may leave them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <span>

#include "collectors/kernel/netlink_message.h"

namespace {

using kubecliff::Bytes;

void expect_inside(Bytes inner, Bytes outer) {
  const std::less_equal<const std::byte*> before;
  if (!before(outer.data(), inner.data()) ||
      !before(inner.data() + inner.size(), outer.data() + outer.size())) {
    std::abort();
  }
}

// Every level takes at least four bytes, so the depth is bounded by the input.
void walk(Bytes payload, int depth) {
  constexpr int kDeepest = 64;

  kubecliff::netlink::Attributes attributes{payload};
  for (kubecliff::netlink::Attribute attribute; attributes.next(attribute);) {
    expect_inside(attribute.payload, payload);
    if (depth < kDeepest) {
      walk(attribute.payload, depth + 1);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes datagram = std::as_bytes(std::span{data, size});
  kubecliff::netlink::Messages messages{datagram};
  for (kubecliff::netlink::Message message; messages.next(message);) {
    expect_inside(message.payload, datagram);
    for (const std::size_t header_size : {0U, 2U, 4U}) {
      walk(kubecliff::netlink::after_header(message.payload, header_size), 0);
    }
  }
  return 0;
}
