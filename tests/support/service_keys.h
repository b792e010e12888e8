// The keys under which a Service of the made-up cluster and its endpoints are to be told
// (collectors/core/service_endpoints.h), from its addresses as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "collectors/core/service_endpoints.h"
#include "tests/support/services.h"

namespace kubecliff::test {

struct ServiceKeys {
  std::vector<std::uint64_t> services;   // at its ClusterIP, load balancer, node port: what it has
  std::vector<std::uint64_t> endpoints;  // each of them at each of those
};

[[nodiscard]] ServiceKeys keys_of(const Service& service, Family family);

// Expects that the source tells these Services with their endpoints, and nothing else.
void expect_told(const ServiceEndpoints& endpoints, ServiceEndpoints::Source source,
                 std::span<const Service> services, Family family);

// "10.0.0.1" or "fd00::1" in network order; throws where it is neither.
[[nodiscard]] std::vector<std::byte> address_bytes(std::string_view text);

[[nodiscard]] std::uint8_t number_of(Protocol protocol);  // IPPROTO_TCP, …

}  // namespace kubecliff::test
