// Listen addresses as Prometheus' exporters take them: ":9909", "127.0.0.1:9909", "[::1]:9909",
// "localhost:9909".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "collectors/core/result.h"

namespace kubecliff::http {

struct ListenAddress {
  std::string host;  // empty: every address of this machine; without brackets
  std::uint16_t port = 0;

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// Pure: resolves nothing. An IPv6 address stands in brackets.
[[nodiscard]] Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace kubecliff::http
