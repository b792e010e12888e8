#include "collectors/inventory/nftables_fold.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "collectors/core/service_endpoints.h"
#include "collectors/inventory/names.h"

namespace kubecliff::inventory {
namespace {

constexpr std::string_view kService = "service-";
constexpr std::string_view kLocal = "local-";
constexpr std::string_view kExternal = "external-";
constexpr std::string_view kFirewall = "firewall-";
constexpr std::string_view kEndpoint = "endpoint-";
constexpr std::array kPortChains{kService, kLocal, kExternal, kFirewall};

// kube-proxy's chains of one name begin with these words as well; those of Services have slashes.
bool is_port_chain(std::string_view chain) {
  if (!chain.contains('/')) {
    return false;
  }
  for (const std::string_view prefix : kPortChains) {
    if (chain.starts_with(prefix)) {
      return true;
    }
  }
  return false;
}

bool is_endpoint_chain(std::string_view chain) {
  return chain.starts_with(kEndpoint) && chain.contains('/');
}

}  // namespace

bool is_verdict_map(std::string_view set) {
  return set == "service-ips" || set == "service-nodeports" || set == "firewall-ips" ||
         set.starts_with("no-endpoint-");
}

bool NftablesFold::wants(std::string_view chain) {
  return is_port_chain(chain) || is_endpoint_chain(chain);
}

// All chains of a port have the same words behind that for their kind.
std::uint32_t NftablesFold::port_of(std::string_view chain) {
  const std::uint32_t number = graph_.port(name_key(chain.substr(chain.find('-') + 1)));
  if (number != ServiceGraph::kNone && graph_.at(number).service.name.empty()) {
    const NamedPort port = name_in_chain(chain);
    graph_.name(number, port.name, port.protocol);
  }
  return number;
}

void NftablesFold::begin_chain(std::string_view chain) {
  port_ = is_port_chain(chain) ? port_of(chain) : ServiceGraph::kNone;
  chain_ = is_endpoint_chain(chain) ? graph_.chain(name_key(chain)) : ServiceGraph::kNone;
  chooses_ = chain.starts_with(kService) || chain.starts_with(kLocal);
  if (port_ != ServiceGraph::kNone && chooses_) {
    graph_.at(port_).chooses = true;
    graph_.at(port_).local_choice |= chain.starts_with(kLocal);
  }
}

void NftablesFold::add_rule(const netlink::Message& message) {
  if (chain_ != ServiceGraph::kNone) {
    ServiceGraph::Chain& chain = graph_.chain_at(chain_);
    ++chain.rules;
    const Translation to = nftables::decode_translation(message, family_);
    if (!to.address.empty()) {
      ++chain.translations;
      chain.endpoint = {.address = Address{to.address}, .port = to.port};
    }
    return;
  }
  if (port_ == ServiceGraph::kNone) {
    return;
  }
  ServiceGraph::Port& port = graph_.at(port_);
  ++port.service.rules;
  if (!chooses_) {
    return;
  }
  if (const auto choice = nftables::decode_choice(message)) {
    choices_.push_back({.port = port_, .count = choice->count, .map = std::string{choice->map}});
  } else if (nftables::looks_up(message, "affinity-")) {
    port.service.affinity = true;
  }
}

void NftablesFold::add_endpoint(const Choice& choice, const nftables::Element& element) {
  if (!element.chain.empty()) {
    graph_.choose(choice.port, graph_.chain(name_key(element.chain)));
    return;
  }
  const Translation to = nftables::decode_value(element, family_);
  graph_.choose(choice.port, Endpoint{.address = Address{to.address}, .port = to.port});
}

void NftablesFold::leave_out(const Choice& choice) {
  graph_.at(choice.port).unclear = true;
  // Those of this node are among all of them.
  std::uint32_t& uncounted = graph_.at(choice.port).uncounted;
  uncounted = std::max(uncounted, choice.count);
}

void NftablesFold::add_dispatch(std::string_view map, const nftables::Element& element) {
  const auto key = nftables::decode_key(element, family_);
  if (!key) {
    return;
  }
  const bool refused = map.starts_with("no-endpoint-");
  const bool led = is_port_chain(element.chain);
  const Address address{key->address};
  const std::string_view name = name_in_comment(element.comment);
  std::uint32_t number = ServiceGraph::kNone;
  if (led) {
    number = port_of(element.chain);
  } else if (!refused) {
    return;
  } else if (!name.empty()) {
    number = graph_.named_port(name, key->protocol);
  } else {
    number = graph_.port(service_key(key->protocol, address.view(), key->port));
  }
  if (number == ServiceGraph::kNone) {
    return;
  }
  ++graph_.at(number).service.rules;
  graph_.name(number, name, key->protocol);
  if (map != "firewall-ips") {
    // What comes from outside goes through external- chains.
    if (led && !element.chain.starts_with(kExternal) && !address.empty()) {
      graph_.at(number).service.address = address;
      graph_.at(number).service.port = key->port;
    }
    graph_.reach(
        number,
        {.address = address, .protocol = key->protocol, .port = key->port, .refused = refused});
  }
}

}  // namespace kubecliff::inventory
