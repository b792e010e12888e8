// What a rule says of the destination of its packets, in whatever form the kernel keeps it. The
// addresses are views into what the kernel said: 4 or 16 bytes in network order.
#pragma once

#include <cstdint>

#include "collectors/kernel/bytes.h"

namespace kubecliff {

// Where the packets that a rule matches are going, as far as it says so exactly.
struct Destination {
  enum class Hosts : std::uint8_t { any, one, some };

  Bytes address = {};         // of Hosts::one
  std::uint16_t port = 0;     // 0: any, or several
  std::uint8_t protocol = 0;  // 0: any
  Hosts hosts = Hosts::any;
};

// Where it sends them instead. Without an address where it does not, or not to one place alone.
struct Translation {
  Bytes address = {};
  std::uint16_t port = 0;
};

}  // namespace kubecliff
