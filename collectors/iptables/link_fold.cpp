#include "collectors/iptables/link_fold.h"

#include <cstring>
#include <optional>

#include "collectors/core/service_endpoints.h"

namespace kubecliff::iptables {
namespace {

std::string_view port_hash_of(std::string_view chain) {
  return chain.substr(chain.rfind('-') + 1);
}

// The Service that a rule is about; nothing where it names none alone.
std::optional<std::uint64_t> service_of(ChainClass chain_class, const Rule& rule) {
  const Destination& to = rule.destination;
  if (to.protocol == 0 || to.port == 0) {
    return std::nullopt;
  }
  // Node ports are reached at all addresses of a node: where one of them is named, or the loopback
  // ones, that is not what tells the Service.
  if (chain_class == ChainClass::nodeports || to.hosts == Destination::Hosts::any) {
    return node_port_key(to.protocol, rule.address_size, to.port);
  }
  return to.hosts == Destination::Hosts::one
             ? std::optional{service_key(to.protocol, to.address, to.port)}
             : std::nullopt;
}

}  // namespace

void LinkFold::begin(ChainClass chain_class, std::string_view chain) {
  chain_class_ = chain_class;
  words_.clear();
  if (chooses_endpoints(chain_class)) {
    // class_of() has seen to it that it is that long.
    words_.resize(kPortHashWords);
    std::memcpy(words_.data(), port_hash_of(chain).data(), kPortHash);
  } else if (chain_class == ChainClass::sep) {
    words_ = {name_key(chain), 0};
  }
}

void LinkFold::add(const Rule& rule, ChainClass target) {
  if (dispatches(chain_class_)) {
    add_dispatch(rule, target);
  } else if (chain_class_ == ChainClass::sep) {
    add_endpoint(rule);
  } else if (chooses_endpoints(chain_class_) && target == ChainClass::sep) {
    words_.push_back(name_key(rule.chain));
  }
}

void LinkFold::add_dispatch(const Rule& rule, ChainClass target) {
  const bool refuses = rule.target == Target::drop || rule.target == Target::reject;
  if (!refuses && !is_per_service(target)) {
    return;
  }
  if (const auto service = service_of(chain_class_, rule)) {
    words_.push_back(*service);
    words_.push_back(refuses ? 0 : name_key(port_hash_of(rule.chain)));
  }
}

void LinkFold::add_endpoint(const Rule& rule) {
  if (rule.target != Target::dnat) {
    return;
  }
  const Translation& to = rule.translation;
  const bool first = words_.size() == 2 && words_[1] == 0;
  if (first && !to.address.empty() && to.port != 0) {
    words_[1] = backend_key(to.address, to.port);
  } else {
    words_.push_back(0);  // and no other rule makes up for it
  }
}

}  // namespace kubecliff::iptables
