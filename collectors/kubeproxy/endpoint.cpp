#include "collectors/kubeproxy/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstring>

#include "collectors/kernel/procfs.h"

namespace kubecliff::kubeproxy {
namespace {

template <typename Address>
Endpoint endpoint_of(const Address& address, std::string_view authority) {
  Endpoint endpoint{.address_size = sizeof(address), .authority = std::string{authority}};
  std::memcpy(&endpoint.address, &address, sizeof(address));
  return endpoint;
}

}  // namespace

std::optional<Endpoint> parse_endpoint(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme) || url.find_first_of(" \t\r\n") != std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view authority = url.substr(kScheme.size());
  if (authority.ends_with('/')) {
    authority.remove_suffix(1);
  }
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const auto port = parse_number<std::uint16_t>(authority.substr(colon + 1));
  std::string host{authority.substr(0, colon)};
  if (!port || *port == 0) {
    return std::nullopt;
  }

  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(*port);
    return ::inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) == 1
               ? std::optional{endpoint_of(address, authority)}
               : std::nullopt;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(*port);
  if (host == "localhost") {
    host = "127.0.0.1";
  }
  return ::inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1
             ? std::optional{endpoint_of(address, authority)}
             : std::nullopt;
}

}  // namespace kubecliff::kubeproxy
