// SocketAddress: an address and a port of a family, as the socket calls take them.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string_view>

#include "collectors/kernel/address_family.h"

namespace kubecliff {

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] AddressFamily family() const {
    return storage.ss_family == AF_INET6 ? AddressFamily::ipv6 : AddressFamily::ipv4;
  }
};

// `10.96.0.1:443`, `[fd00::1]:443`: no names, no port 0.
[[nodiscard]] std::optional<SocketAddress> parse_socket_address(std::string_view text);

}  // namespace kubecliff
