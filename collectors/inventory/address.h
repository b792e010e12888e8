// Address: an IPv4 or IPv6 address by itself, and as text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "collectors/kernel/bytes.h"

namespace kubecliff::inventory {

struct Address {
  std::array<std::byte, 16> bytes{};  // in network order; 0 behind its own
  std::uint8_t size = 0;              // 4 or 16; 0: none

  Address() = default;
  // None where the view is of another size.
  explicit Address(Bytes view);

  [[nodiscard]] Bytes view() const { return Bytes{bytes}.first(size); }
  [[nodiscard]] bool empty() const { return size == 0; }

  friend auto operator<=>(const Address&, const Address&) = default;
};

// "10.0.0.1", "fd00::1"; empty for none.
[[nodiscard]] std::string text(const Address& address);
// "10.0.0.1:80", "[fd00::1]:80", and "*:80" for none.
[[nodiscard]] std::string text(const Address& address, std::uint16_t port);

}  // namespace kubecliff::inventory
