// ServiceGraph: the ports of Services, the chains of their endpoints and which leads to which, as a
// ruleset is read in whatever order; and the Services that come out of it. Both of kube-proxy's
// rulesets meet here. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collectors/inventory/services.h"

namespace kubecliff::inventory {

// Ports and endpoint chains by numbers, which are found by keys (core/service_endpoints.h).
class ServiceGraph {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Port {
    Service service;
    bool reached = false;       // an address leads to it, or is refused
    bool chooses = false;       // a chain of it was seen from which endpoints are chosen
    bool led = false;           // some address does not refuse its traffic
    bool local_choice = false;  // from the endpoints of this node alone, for some traffic
    bool unclear = false;
    std::uint32_t uncounted = 0;  // endpoints that are known by their number alone
  };
  struct Chain {
    Endpoint endpoint = {};
    std::uint32_t rules = 0;
    std::uint32_t translations = 0;  // one, where it is understood
  };

  // `room`: how many ports there may be.
  ServiceGraph(Dataplane dataplane, AddressFamily family, std::size_t room)
      : dataplane_{dataplane}, family_{family}, room_{room} {}

  // The number of the port with that key, which is made where there is none; kNone where there is
  // no room.
  [[nodiscard]] std::uint32_t port(std::uint64_t key);
  // Of what is named so already; a new one where there is none.
  [[nodiscard]] std::uint32_t named_port(std::string_view name, std::uint8_t protocol);
  [[nodiscard]] Port& at(std::uint32_t port) { return ports_[port]; }
  // Gives the port a name where it has none.
  void name(std::uint32_t port, std::string_view name, std::uint8_t protocol);

  [[nodiscard]] std::uint32_t chain(std::uint64_t key);
  [[nodiscard]] Chain& chain_at(std::uint32_t chain) { return chains_[chain]; }

  // The port is reached at that address (none: a node port).
  void reach(std::uint32_t port, const ServiceAddress& address);
  // The port takes this one for an endpoint, however often that is said.
  void choose(std::uint32_t port, std::uint32_t chain);
  void choose(std::uint32_t port, const Endpoint& endpoint);

  // Adds the ports that are reached, and their addresses. Once.
  void finish(Services& to);

 private:
  using Choice = std::pair<std::uint32_t, std::uint32_t>;  // a port, and the number of a chain

  void add_endpoints(std::uint32_t port, std::span<const Choice> choices, std::size_t& room);

  Dataplane dataplane_;
  AddressFamily family_;
  std::size_t room_;
  bool full_ = false;
  std::vector<Port> ports_;
  std::vector<Chain> chains_;
  std::vector<Choice> choices_;
  std::vector<ServiceAddress> addresses_;  // `service` is the number of a port
  std::unordered_map<std::uint64_t, std::uint32_t> ports_by_key_;
  std::unordered_map<std::uint64_t, std::uint32_t> ports_by_name_;
  std::unordered_map<std::uint64_t, std::uint32_t> chains_by_key_;
};

}  // namespace kubecliff::inventory
