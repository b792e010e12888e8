#include "collectors/inventory/services.h"

#include <linux/netlink.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "collectors/inventory/sources.h"
#include "collectors/kernel/nftables.h"

namespace kubecliff::inventory {
namespace {

// The largest by what `value(service)` says.
template <typename Value>
std::vector<const Service*> top(const Services& services, std::size_t most, Value value) {
  std::vector<const Service*> found;
  for (const Service& service : services.services) {
    if (value(&service) > 0) {
      found.push_back(&service);
    }
  }
  const auto end = found.begin() + static_cast<std::ptrdiff_t>(std::min(most, found.size()));
  const auto before = [&](const Service* one, const Service* other) {
    const auto first = value(one);
    const auto second = value(other);
    return first != second ? first > second : one < other;  // all stand in one array
  };
  std::ranges::partial_sort(found, end, before);
  found.erase(end, found.end());
  return found;
}

}  // namespace

Result<Services> read_services(const ServiceOptions& options) {
  netlink::Socket netfilter{options.netfilter ? options.netfilter
                                              : netlink::kernel_transport(NETLINK_NETFILTER)};
  netlink::Socket generic{options.generic ? options.generic
                                          : netlink::kernel_transport(NETLINK_GENERIC)};
  Services services;
  std::size_t looked = 0;
  const auto take = [&](Dataplane dataplane, Result<void> added) {
    if (added) {
      ++looked;
    } else {
      services.misses.push_back({.dataplane = dataplane, .error = std::move(added.error())});
    }
  };

  for (const AddressFamily family : kAddressFamilies) {
    take(Dataplane::iptables_legacy,
         add_legacy_services(family, options.procfs, options.most_services, services));
  }
  // Asking would load the module where it is one.
  FeatureWatch nf_tables{netlink::kNfTables, options.procfs};
  if (nf_tables.look() == FeatureState::present) {
    for (const AddressFamily family : kAddressFamilies) {
      take(Dataplane::iptables_nft,
           add_nft_services(family, netfilter, options.most_services, services));
      take(Dataplane::nftables,
           add_nftables_services(family, netfilter, options.most_services, services));
    }
  }
  take(Dataplane::ipvs,
       add_ipvs_services(generic, options.procfs, options.most_services, services));
  if (looked == 0) {
    return std::unexpected(services.misses.front().error);
  }
  return services;
}

std::vector<const Service*> top_by_endpoints(const Services& services, std::size_t most) {
  return top(services, most, [](const Service* service) { return service->endpoint_count; });
}

std::vector<const Service*> top_by_rules(const Services& services, std::size_t most) {
  return top(services, most, [](const Service* service) { return service->rules; });
}

std::vector<const Service*> top_by_packets(const Services& services, std::size_t most) {
  return top(services, most, [](const Service* service) { return service->packets.value_or(0); });
}

}  // namespace kubecliff::inventory
