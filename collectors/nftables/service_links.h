// From the elements of kube-proxy's maps to Services and their endpoints.
//
// An address and port of a Service leads to a chain of it (service-*, local-*, external-*), its
// service-* and local-* chains to maps without a name, and these to endpoints: by address and port,
// or up to kube-proxy 1.35 and with session affinity to the endpoint-* chain that holds them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "collectors/core/service_endpoints.h"

namespace kubecliff::nftables {

// What a Service's rule chooses from. The kernel makes another map where that changes.
struct EndpointMap {
  std::vector<std::uint64_t> targets;  // keys of backends, or of names of the chains that hold them
  bool chains = false;
  bool clear = true;  // no element was left out that was not understood
};
using EndpointMaps = std::unordered_map<std::uint64_t, EndpointMap>;  // by the map's handle

// An address and port of a Service.
struct ServiceLink {
  std::uint64_t service = 0;  // key
  std::uint64_t port = 0;     // key of the Service port's name in names of chains; 0: refused
};

// A chain of that Service port that takes its endpoints from that map.
struct ChoiceLink {
  std::uint64_t port = 0;
  std::uint64_t map = 0;  // 0: it was not understood
};

struct EndpointLink {
  std::uint64_t chain = 0;    // key of its name
  std::uint64_t backend = 0;  // 0: it was not understood
};

// Services of which something is not understood are unclear. Sorts what it is given.
[[nodiscard]] std::shared_ptr<const EndpointSet> link_services(
    std::span<const ServiceLink> services, std::span<ChoiceLink> choices,
    std::span<EndpointLink> endpoints, const EndpointMaps& maps);

}  // namespace kubecliff::nftables
