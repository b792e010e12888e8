#include "collectors/nftables/table.h"

#include <algorithm>

namespace kubecliff::nftables {

void Table::forget_contents() {
  for (Chain& chain : chains) {
    chain.known = false;
  }
}

// A table made anew numbers its sets and chains from 1 again.
void Table::take(std::uint64_t table_handle) {
  if (table_handle == handle) {
    return;
  }
  handle = table_handle;
  whole = false;
  endpoint_maps.clear();
  objects = 0;
  chains.clear();
  local.clear();
  unread.clear();
  uncounted.clear();
  figures.reset();
}

bool Table::has_map(std::uint64_t wanted) const {
  return std::ranges::binary_search(maps, wanted, {}, &Map::handle);
}

// Between two looks at all chains: a local chain whose endpoints have changed has another map,
// which would pass for that of another Service.
void Table::find_new_local_choices() {
  unread.clear();
  for (const UnreadChain& chain : local) {
    if (!has_map(chains[chain.chain].map)) {
      unread.push_back(chain);
    }
  }
}

void Table::attribute_maps() {
  std::vector<std::uint64_t> services;
  for (const Chain& chain : chains) {
    if (chain.role == Role::service && chain.map != 0) {
      services.push_back(chain.name);
    }
  }
  std::ranges::sort(services);

  std::vector<std::uint64_t> counted;
  for (Chain& chain : chains) {
    chain.duplicate = chain.role == Role::local && std::ranges::binary_search(services, chain.name);
    if (chooses(chain) && !chain.duplicate) {
      counted.push_back(chain.map);
    }
  }
  std::ranges::sort(counted);
  uncounted.clear();
  for (const Map& map : maps) {
    if (!std::ranges::binary_search(counted, map.handle)) {
      uncounted.push_back(map.handle);
    }
  }
}

void Table::attribute_new_local_choices() {
  for (const UnreadChain& chain : local) {
    if (chains[chain.chain].duplicate) {
      uncounted.push_back(chains[chain.chain].map);
    }
  }
  std::ranges::sort(uncounted);
  const auto repeated = std::ranges::unique(uncounted);
  uncounted.erase(repeated.begin(), repeated.end());
}

// What the last look at all chains found.
std::shared_ptr<const EndpointSet> Table::link() const {
  std::vector<ChoiceLink> choices;
  std::vector<EndpointLink> endpoints;
  for (const Chain& chain : chains) {
    if (chooses(chain) && chain.rules > 0) {
      choices.push_back({.port = chain.name, .map = chain.map});
    } else if (chain.role == Role::endpoint) {
      endpoints.push_back({.chain = chain.name, .backend = chain.backend});
    }
  }
  return link_services(service_links, choices, endpoints, endpoint_maps);
}

void Table::publish(bool chains_read) {
  if (handle == 0) {
    figures.reset();
    return;
  }
  if (chains_read) {
    next.rules = 0;
    for (const Chain& chain : chains) {
      next.rules += chain.rules;
    }
    objects = use - next.sets - next.maps - static_cast<std::uint32_t>(chains.size());
    whole = true;
  }
  next.chains = use - next.sets - next.maps - objects;

  next.services = 0;
  std::uint32_t endpoints = 0;
  for (const Map& map : maps) {
    if (!std::ranges::binary_search(uncounted, map.handle)) {
      ++next.services;
      endpoints += map.elements;
    }
  }
  if (counts_elements) {
    next.endpoints = endpoints;
  } else if (chains_read) {
    next.endpoints = 0;
    for (const Chain& chain : chains) {
      next.endpoints += chain.duplicate ? 0 : chain.choices;
    }
  }
  figures = next;
}

}  // namespace kubecliff::nftables
