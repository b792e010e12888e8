#include "collectors/kernel/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "collectors/kernel/procfs.h"

namespace kubecliff {
namespace {

template <typename Address>
SocketAddress socket_address(const Address& address) {
  SocketAddress made{.size = sizeof(address)};
  std::memcpy(&made.storage, &address, sizeof(address));
  return made;
}

}  // namespace

std::optional<SocketAddress> parse_socket_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  std::string host{text.substr(0, colon)};
  if (!port || *port == 0) {
    return std::nullopt;
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(*port);
    return ::inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) == 1
               ? std::optional{socket_address(address)}
               : std::nullopt;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(*port);
  return ::inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1
             ? std::optional{socket_address(address)}
             : std::nullopt;
}

}  // namespace kubecliff
