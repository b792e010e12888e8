#include "collectors/nftables/service_links.h"

#include <algorithm>

namespace kubecliff::nftables {
namespace {

// Adds the endpoints of a map as those of a Service; false where not all of them are known.
bool add_endpoints(std::uint64_t service, const EndpointMap& map,
                   std::span<const EndpointLink> known, std::vector<std::uint64_t>& to) {
  bool clear = map.clear;
  for (const std::uint64_t target : map.targets) {
    std::uint64_t backend = target;
    if (map.chains) {
      const auto found = std::ranges::lower_bound(known, target, {}, &EndpointLink::chain);
      backend = found != known.end() && found->chain == target ? found->backend : 0;
    }
    if (backend == 0) {
      clear = false;
    } else {
      to.push_back(endpoint_key(service, backend));
    }
  }
  return clear;
}

}  // namespace

std::shared_ptr<const EndpointSet> link_services(std::span<const ServiceLink> services,
                                                 std::span<ChoiceLink> choices,
                                                 std::span<EndpointLink> endpoints,
                                                 const EndpointMaps& maps) {
  std::ranges::sort(choices, {}, &ChoiceLink::port);
  std::ranges::sort(endpoints, {}, &EndpointLink::chain);

  std::vector<std::uint64_t> service_keys;
  std::vector<std::uint64_t> endpoint_keys;
  std::vector<std::uint64_t> unclear;
  for (const auto& [service, port] : services) {
    const auto chosen = std::ranges::equal_range(choices, port, {}, &ChoiceLink::port);
    bool clear = port == 0 || !chosen.empty();
    for (const ChoiceLink& choice : chosen) {
      const auto map = maps.find(choice.map);
      clear &= map != maps.end() && add_endpoints(service, map->second, endpoints, endpoint_keys);
    }
    (clear ? service_keys : unclear).push_back(service);
  }
  return std::make_shared<const EndpointSet>(service_keys, endpoint_keys, unclear);
}

}  // namespace kubecliff::nftables
