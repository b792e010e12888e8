// Which of a node's iptables a test is about. The labels are those of the metrics, written out
// again: tests of a contract do not take it from the code under test.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "collectors/kernel/address_family.h"

namespace kubecliff::test {

using Family = AddressFamily;
enum class Backend : std::uint8_t { legacy, nft };

inline constexpr std::array kFamilies{Family::ipv4, Family::ipv6};
inline constexpr std::array kBackends{Backend::legacy, Backend::nft};

constexpr std::string_view label(Family family) {
  return family == Family::ipv4 ? "ipv4" : "ipv6";
}

constexpr std::string_view label(Backend backend) {
  return backend == Backend::legacy ? "legacy" : "nft";
}

}  // namespace kubecliff::test
