// What fuzz_decode_legacy reads: this, and then the entries of the table.
#pragma once

#include <cstdint>

#include "collectors/kernel/xtables_socket.h"

namespace kubecliff::fuzz {

struct LegacyInput {
  std::uint32_t ipv6 = 0;  // not 0: a table of ip6tables
  xtables::TableInfo info;
};

}  // namespace kubecliff::fuzz
