// TCP sockets by what they are good for, as /proc/net/sockstat counts them. A pure function.
// Source: net/ipv4/proc.c, sockstat_seq_show().
#pragma once

#include <cstdint>
#include <string_view>

#include "collectors/core/result.h"

namespace kubecliff::sockstat {

struct TcpSockets {
  std::uint64_t in_use = 0;
  std::uint64_t orphaned = 0;  // closed by their program, and not yet done
  std::uint64_t time_wait = 0;

  friend bool operator==(const TcpSockets&, const TcpSockets&) = default;
};

// Malformed where one of them is missing.
[[nodiscard]] Result<TcpSockets> decode_sockstat(std::string_view text);

}  // namespace kubecliff::sockstat
