#include "collectors/inventory/service_index.h"

#include <algorithm>

namespace kubecliff::inventory {
namespace {

std::uint64_t key_of(const ServiceAddress& address) {
  return address.address.empty()
             ? node_port_key(address.protocol, address_size(address.family), address.port)
             : service_key(address.protocol, address.address.view(), address.port);
}

// 0 is no key.
std::uint64_t number_key(std::uint32_t service) {
  return std::uint64_t{service} + 1;
}

}  // namespace

ServiceIndex::ServiceIndex(const Services& services) : services_{services} {
  slots_.reserve(services.addresses.size());
  for (std::uint32_t i = 0; i < services.addresses.size(); ++i) {
    slots_.push_back({.key = key_of(services.addresses[i]), .address = i});
  }
  std::ranges::sort(slots_, [](const Slot& one, const Slot& other) {
    return one.key != other.key ? one.key < other.key : one.address < other.address;
  });

  std::vector<std::uint64_t> endpoints;
  for (std::uint32_t i = 0; i < services.services.size(); ++i) {
    for (const Endpoint& endpoint : services.services[i].endpoints) {
      endpoints.push_back(
          endpoint_key(number_key(i), backend_key(endpoint.address.view(), endpoint.port)));
    }
  }
  endpoints_ = KeySet{endpoints};
}

std::span<const ServiceIndex::Slot> ServiceIndex::at(std::uint64_t key) const {
  const auto found = std::ranges::equal_range(slots_, key, {}, &Slot::key);
  return {found.begin(), found.end()};
}

bool ServiceIndex::is_clear(const Slot& slot) const {
  return services_.services[services_.addresses[slot.address].service].clear;
}

const Service* ServiceIndex::find(std::uint8_t protocol, AddressBytes address,
                                  std::uint16_t port) const {
  return first_at(service_key(protocol, address, port));
}

const Service* ServiceIndex::find_node_port(std::uint8_t protocol, std::size_t address_size,
                                            std::uint16_t port) const {
  return first_at(node_port_key(protocol, address_size, port));
}

const Service* ServiceIndex::first_at(std::uint64_t key) const {
  const std::span<const Slot> found = at(key);
  return found.empty() ? nullptr
                       : &services_.services[services_.addresses[found.front().address].service];
}

const Service* ServiceIndex::stale(std::uint8_t protocol, AddressBytes address, std::uint16_t port,
                                   AddressBytes backend, std::uint16_t backend_port) const {
  const auto any_clear = [this](std::span<const Slot> slots) {
    return std::ranges::any_of(slots, [this](const Slot& slot) { return is_clear(slot); });
  };
  std::span<const Slot> found = at(service_key(protocol, address, port));
  if (!any_clear(found)) {
    found = at(node_port_key(protocol, address.size(), port));
  }
  const Service* stale = nullptr;
  const std::uint64_t backend_of_flow = backend_key(backend, backend_port);
  for (const Slot& slot : found) {
    const ServiceAddress& reached = services_.addresses[slot.address];
    if (!is_clear(slot)) {
      return nullptr;  // it may be one of those that are not known
    }
    if (!reached.refused &&
        endpoints_.contains(endpoint_key(number_key(reached.service), backend_of_flow))) {
      return nullptr;
    }
    stale = stale == nullptr ? &services_.services[reached.service] : stale;
  }
  return stale;
}

}  // namespace kubecliff::inventory
