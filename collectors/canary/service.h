// What the canary has to know of its Service.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/kernel/address_family.h"

namespace kubecliff::canary {

struct Service {
  struct Entrance {
    AddressFamily family = AddressFamily::ipv4;
    std::string address = {};  // with its port
  };

  std::string port_name = {};
  std::vector<Entrance> entrances = {};  // one for each family that it has
};

// Pure. Errors: malformed; unavailable where nothing can be routed to it: a headless one, one with
// a selector, whose endpoints are Kubernetes' own, or without a TCP port.
[[nodiscard]] Result<Service> decode_service(std::string_view json);

}  // namespace kubecliff::canary
