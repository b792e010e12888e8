#include "collectors/inventory/uneven.h"

#include <cmath>

namespace kubecliff::inventory {
namespace {

constexpr std::uint64_t kFewestPackets = 1'000;
constexpr double kDeviations = 5;
constexpr double kMore = 1.5;
constexpr double kLess = 0.67;

std::uint64_t weight_of(const Service& service, const Endpoint& endpoint) {
  return service.shares == Shares::weights ? endpoint.weight
                                           : std::uint64_t{endpoint.weight > 0 ? 1U : 0U};
}

}  // namespace

std::vector<UnevenEndpoint> uneven(const Service& service) {
  if (service.shares == Shares::unknown || !service.clear) {
    return {};
  }
  // One that drains has packets from when it did not, and no share.
  std::uint64_t weights = 0;
  std::uint64_t packets = 0;
  for (const Endpoint& endpoint : service.endpoints) {
    const std::uint64_t weight = weight_of(service, endpoint);
    if (weight > 0) {
      if (!endpoint.packets) {
        return {};
      }
      weights += weight;
      packets += *endpoint.packets;
    }
  }
  if (packets < kFewestPackets) {
    return {};
  }

  std::vector<UnevenEndpoint> found;
  for (std::size_t i = 0; i < service.endpoints.size(); ++i) {
    const std::uint64_t weight = weight_of(service, service.endpoints[i]);
    if (weight == 0) {
      continue;
    }
    const double share = static_cast<double>(weight) / static_cast<double>(weights);
    const double expected = static_cast<double>(packets) * share;
    const double deviation = std::sqrt(expected * (1 - share));
    const auto counted = static_cast<double>(*service.endpoints[i].packets);
    const bool chance = std::abs(counted - expected) < kDeviations * deviation;
    const bool close = counted < kMore * expected && counted >= kLess * expected;
    if (!chance && !close) {
      found.push_back({.endpoint = i,
                       .packets = *service.endpoints[i].packets,
                       .expected = expected,
                       .share = counted / static_cast<double>(packets),
                       .expected_share = share});
    }
  }
  return found;
}

}  // namespace kubecliff::inventory
