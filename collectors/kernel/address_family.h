// The two address families that kube-proxy programs.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kubecliff {

enum class AddressFamily : std::uint8_t { ipv4, ipv6 };

inline constexpr std::array kAddressFamilies{AddressFamily::ipv4, AddressFamily::ipv6};

// The value of the label `family`.
constexpr std::string_view name(AddressFamily family) {
  return family == AddressFamily::ipv4 ? "ipv4" : "ipv6";
}

// AF_INET and AF_INET6 are also netfilter's NFPROTO_IPV4 and NFPROTO_IPV6.
constexpr std::uint8_t af(AddressFamily family) {
  return family == AddressFamily::ipv4 ? AF_INET : AF_INET6;
}

// In bytes.
constexpr std::size_t address_size(AddressFamily family) {
  return family == AddressFamily::ipv4 ? 4 : 16;
}

}  // namespace kubecliff
