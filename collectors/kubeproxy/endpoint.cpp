#include "collectors/kubeproxy/endpoint.h"

namespace kubecliff::kubeproxy {

std::optional<Endpoint> parse_endpoint(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  constexpr std::string_view kLocalhost = "localhost:";
  if (!url.starts_with(kScheme) || url.find_first_of(" \t\r\n") != std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view authority = url.substr(kScheme.size());
  if (authority.ends_with('/')) {
    authority.remove_suffix(1);
  }
  const auto address =
      parse_socket_address(authority.starts_with(kLocalhost)
                               ? "127.0.0.1:" + std::string{authority.substr(kLocalhost.size())}
                               : std::string{authority});
  return address ? std::optional{Endpoint{.address = *address, .authority = std::string{authority}}}
                 : std::nullopt;
}

}  // namespace kubecliff::kubeproxy
