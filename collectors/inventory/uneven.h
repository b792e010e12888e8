// Endpoints that get more or less than their share of a Service's new flows. A pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "collectors/inventory/services.h"

namespace kubecliff::inventory {

struct UnevenEndpoint {
  std::size_t endpoint = 0;  // index of Service::endpoints
  std::uint64_t packets = 0;
  double expected = 0;        // packets
  double share = 0;           // of what all that have a share got, from 0 to 1
  double expected_share = 0;  // the same
};

// Those whose packets are no chance: 5 standard deviations of a binomial distribution from what
// their share of all would be, and at least half as much again or less than two thirds of it, of a
// Service that has 1,000 packets or more. The share is equal, or what the weights say; nothing
// where it is not known (Shares::unknown). In the order of the endpoints.
//
// Two reasons that are no fault are for whoever prints it to name: Service::affinity, and counters
// that did not begin together (Service::counted_together).
[[nodiscard]] std::vector<UnevenEndpoint> uneven(const Service& service);

}  // namespace kubecliff::inventory
