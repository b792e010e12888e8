#include "collectors/inventory/service_graph.h"

#include <algorithm>
#include <span>

#include "collectors/core/service_endpoints.h"

namespace kubecliff::inventory {
namespace {

// A little more than the endpoints that are kept: what comes after is counted as not understood.
constexpr std::size_t kMostChains = kMostEndpoints;

std::uint64_t key_of_name(std::string_view name, std::uint8_t protocol) {
  return name_key(name) ^ protocol;
}

}  // namespace

std::uint32_t ServiceGraph::port(std::uint64_t key) {
  const auto found = ports_by_key_.find(key);
  if (found != ports_by_key_.end()) {
    return found->second;
  }
  if (ports_.size() >= room_) {
    full_ = true;
    return kNone;
  }
  const auto number = static_cast<std::uint32_t>(ports_.size());
  ports_by_key_.emplace(key, number);
  Port& made = ports_.emplace_back();
  made.service.dataplane = dataplane_;
  made.service.family = family_;
  return number;
}

std::uint32_t ServiceGraph::named_port(std::string_view name, std::uint8_t protocol) {
  const std::uint64_t key = key_of_name(name, protocol);
  const auto found = ports_by_name_.find(key);
  return found != ports_by_name_.end() ? found->second : port(key);
}

void ServiceGraph::name(std::uint32_t port, std::string_view name, std::uint8_t protocol) {
  Service& service = ports_[port].service;
  if (service.name.empty() && !name.empty()) {
    service.name = name;
    ports_by_name_.emplace(key_of_name(name, protocol), port);
  }
}

std::uint32_t ServiceGraph::chain(std::uint64_t key) {
  const auto found = chains_by_key_.find(key);
  if (found != chains_by_key_.end()) {
    return found->second;
  }
  if (chains_.size() >= kMostChains) {
    full_ = true;
    return kNone;
  }
  const auto number = static_cast<std::uint32_t>(chains_.size());
  chains_by_key_.emplace(key, number);
  chains_.emplace_back();
  return number;
}

void ServiceGraph::reach(std::uint32_t port, const ServiceAddress& address) {
  Port& reached = ports_[port];
  reached.reached = true;
  reached.led |= !address.refused;
  reached.service.protocol = address.protocol;
  if (reached.service.port == 0 || (reached.service.address.empty() && !address.address.empty())) {
    reached.service.address = address.address;
    reached.service.port = address.port;
  }
  addresses_.push_back(address);
  addresses_.back().family = family_;
  addresses_.back().service = port;
}

void ServiceGraph::choose(std::uint32_t port, std::uint32_t chain) {
  // Those of one port mostly come together, and each more than once with session affinity.
  if (choices_.empty() || choices_.back() != Choice{port, chain}) {
    choices_.emplace_back(port, chain);
  }
}

void ServiceGraph::choose(std::uint32_t port, const Endpoint& endpoint) {
  if (chains_.size() >= kMostChains) {
    full_ = true;
    ports_[port].unclear = true;
    ++ports_[port].uncounted;
    return;
  }
  choices_.emplace_back(port, static_cast<std::uint32_t>(chains_.size()));
  chains_.push_back({.endpoint = endpoint, .rules = 0, .translations = 1});
}

void ServiceGraph::add_endpoints(std::uint32_t port, std::span<const Choice> choices,
                                 std::size_t& room) {
  Port& chooser = ports_[port];
  Service& service = chooser.service;
  service.endpoint_count = chooser.uncounted;
  service.endpoints.reserve(std::min(choices.size(), room));
  for (const auto& [chooser_number, number] : choices) {
    ++service.endpoint_count;
    if (number == kNone) {
      chooser.unclear = true;
      continue;
    }
    const Chain& chain = chains_[number];
    service.rules += chain.rules;
    const Endpoint& endpoint = chain.endpoint;
    if (chain.translations != 1 || endpoint.address.empty() || endpoint.port == 0 || room == 0) {
      chooser.unclear = true;
      full_ |= room == 0;
      continue;
    }
    --room;
    service.endpoints.push_back(endpoint);
  }
}

void ServiceGraph::finish(Services& to) {
  std::ranges::sort(choices_);
  const auto repeated = std::ranges::unique(choices_);
  choices_.erase(repeated.begin(), repeated.end());

  std::size_t held = 0;
  for (const Service& service : to.services) {
    held += service.endpoints.size();
  }
  std::size_t room = kMostEndpoints - std::min(kMostEndpoints, held);
  std::vector<std::uint32_t> numbers(ports_.size(), kNone);  // among those of `to`
  std::span<const Choice> rest{choices_};
  for (std::uint32_t i = 0; i < ports_.size(); ++i) {
    Port& port = ports_[i];
    const auto end =
        std::ranges::find_if(rest, [i](const Choice& choice) { return choice.first > i; });
    const auto mine = static_cast<std::size_t>(end - rest.begin());
    if (port.reached) {
      add_endpoints(i, rest.first(mine), room);
      // Where nothing refuses its traffic there must be a chain that chooses.
      port.service.clear = !port.unclear && (port.chooses || !port.led);
      if (port.local_choice) {
        port.service.shares = Shares::unknown;
      }
      numbers[i] = static_cast<std::uint32_t>(to.services.size());
      to.services.push_back(std::move(port.service));
    }
    rest = rest.subspan(mine);
  }
  for (ServiceAddress& address : addresses_) {
    address.service = numbers[address.service];
    to.addresses.push_back(address);
  }
  to.cut |= full_;
}

}  // namespace kubecliff::inventory
