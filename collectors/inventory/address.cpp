#include "collectors/inventory/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

namespace kubecliff::inventory {

Address::Address(Bytes view) {
  if (view.size() == sizeof(in_addr) || view.size() == sizeof(in6_addr)) {
    std::ranges::copy(view, bytes.begin());
    size = static_cast<std::uint8_t>(view.size());
  }
}

std::string text(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> written{};
  const int family = address.size == sizeof(in_addr) ? AF_INET : AF_INET6;
  if (address.empty() ||
      ::inet_ntop(family, address.bytes.data(), written.data(), written.size()) == nullptr) {
    return {};
  }
  return written.data();
}

std::string text(const Address& address, std::uint16_t port) {
  const std::string number = ":" + std::to_string(port);
  if (address.empty()) {
    return "*" + number;
  }
  return address.size == sizeof(in_addr) ? text(address) + number
                                         : "[" + text(address) + "]" + number;
}

}  // namespace kubecliff::inventory
