// Endpoint: where kube-proxy serves /metrics, as the user names it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "collectors/kernel/socket_address.h"

namespace kubecliff::kubeproxy {

struct Endpoint {
  SocketAddress address = {};
  std::string authority;  // HOST:PORT, as the Host header has it
};

// `http://HOST:PORT`, a slash at the end allowed. HOST is an IPv4 address, an IPv6 address in
// brackets, or localhost: a name that takes a resolver would make reading depend on the network.
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view url);

}  // namespace kubecliff::kubeproxy
