// ServiceIndex: which Service an address and port is, and which endpoints it has. Points into the
// Services that it was made from. Making it takes some 0.1 us an endpoint, asking as much.
// Immutable once it is made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "collectors/core/service_endpoints.h"
#include "collectors/inventory/services.h"

namespace kubecliff::inventory {

class ServiceIndex {
 public:
  explicit ServiceIndex(const Services& services);

  // The Service that is at an address. Null where none is. Where several dataplanes have it, the
  // first of them.
  [[nodiscard]] const Service* find(std::uint8_t protocol, AddressBytes address,
                                    std::uint16_t port) const;

  // The same of a node port, whatever the node's address is. Flows that are not translated go to
  // other machines' ports, which may have the same numbers.
  [[nodiscard]] const Service* find_node_port(std::uint8_t protocol, std::size_t address_size,
                                              std::uint16_t port) const;

  // Whose flows to `backend` are stale (docs/decisions/0013-stale-flows.md): the Service at that
  // address, where all is known of it and no dataplane has the backend for an endpoint of it. Null
  // where the flow is not, or it is not clear.
  [[nodiscard]] const Service* stale(std::uint8_t protocol, AddressBytes address,
                                     std::uint16_t port, AddressBytes backend,
                                     std::uint16_t backend_port) const;

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t address = 0;  // index of Services::addresses
  };

  [[nodiscard]] std::span<const Slot> at(std::uint64_t key) const;
  [[nodiscard]] const Service* first_at(std::uint64_t key) const;
  [[nodiscard]] bool is_clear(const Slot& slot) const;

  const Services& services_;
  std::vector<Slot> slots_;  // by key
  KeySet endpoints_;         // of a Service's number and a backend
};

}  // namespace kubecliff::inventory
