#include "collectors/inventory/iptables_fold.h"

#include "collectors/core/service_endpoints.h"
#include "collectors/inventory/names.h"
#include "collectors/iptables/link_fold.h"

namespace kubecliff::inventory {
namespace {

using iptables::ChainClass;
using iptables::Rule;
using iptables::Target;

// The chains of a Service's port share the hash after the last dash.
std::uint64_t port_key(std::string_view chain) {
  return name_key(chain.substr(chain.rfind('-') + 1));
}

bool is_port_chain(ChainClass chain_class) {
  return iptables::is_per_service(chain_class) && chain_class != ChainClass::sep;
}

}  // namespace

bool IptablesFold::wants(std::string_view chain) {
  const ChainClass chain_class = iptables::class_of(chain);
  return iptables::dispatches(chain_class) || iptables::is_per_service(chain_class);
}

void IptablesFold::begin_chain(std::string_view chain) {
  class_ = iptables::class_of(chain);
  port_ = is_port_chain(class_) ? graph_.port(port_key(chain)) : ServiceGraph::kNone;
  chain_ = class_ == ChainClass::sep ? graph_.chain(name_key(chain)) : ServiceGraph::kNone;
  if (port_ != ServiceGraph::kNone) {
    graph_.at(port_).chooses |= iptables::chooses_endpoints(class_);
    graph_.at(port_).local_choice |= class_ == ChainClass::svl || class_ == ChainClass::xlb;
  }
}

void IptablesFold::add(const Rule& rule) {
  if (iptables::dispatches(class_)) {
    add_dispatch(rule);
  } else if (chain_ != ServiceGraph::kNone) {
    add_endpoint(rule);
  } else if (port_ != ServiceGraph::kNone) {
    ServiceGraph::Port& port = graph_.at(port_);
    ++port.service.rules;
    port.service.affinity |= rule.recent;
    if (iptables::chooses_endpoints(class_) && rule.target == Target::chain &&
        iptables::class_of(rule.chain) == ChainClass::sep) {
      graph_.choose(port_, graph_.chain(name_key(rule.chain)));
    }
  }
}

void IptablesFold::add_dispatch(const Rule& rule) {
  constexpr std::string_view kClusterIp = " cluster IP";
  const bool refuses = rule.target == Target::drop || rule.target == Target::reject;
  const bool leads = rule.target == Target::chain && is_port_chain(iptables::class_of(rule.chain));
  const Destination& to = rule.destination;
  if (!refuses && !leads) {
    return;
  }
  // As collectors/iptables/link_fold.cpp has it: where a node port's rule names an address, that is
  // not what tells the Service.
  const bool node_port = class_ == ChainClass::nodeports || to.hosts == Destination::Hosts::any;
  const bool addressed =
      to.protocol != 0 && to.port != 0 && (node_port || to.hosts == Destination::Hosts::one);
  const std::string_view name = name_in_comment(rule.comment);
  if (refuses && !addressed && name.empty()) {
    return;
  }
  const ServiceAddress address{.address = node_port ? Address{} : Address{to.address},
                               .protocol = to.protocol,
                               .port = to.port,
                               .refused = refuses};
  std::uint32_t number = ServiceGraph::kNone;
  if (leads) {
    number = graph_.port(port_key(rule.chain));
  } else if (!name.empty()) {
    number = graph_.named_port(name, to.protocol);
  } else {
    number = graph_.port(service_key(to.protocol, address.address.view(), to.port));
  }
  if (number == ServiceGraph::kNone) {
    return;
  }

  ServiceGraph::Port& port = graph_.at(number);
  ++port.service.rules;
  port.service.packets = port.service.packets.value_or(0) + (leads ? rule.packets : 0);
  graph_.name(number, name, to.protocol);
  if (!addressed) {
    port.reached = true;
    port.unclear = true;
    return;
  }
  if (leads && rule.comment.ends_with(kClusterIp)) {
    port.service.address = address.address;
    port.service.port = address.port;
  }
  graph_.reach(number, address);
}

void IptablesFold::add_endpoint(const Rule& rule) {
  ServiceGraph::Chain& chain = graph_.chain_at(chain_);
  ++chain.rules;
  if (rule.target == Target::dnat) {
    ++chain.translations;
    chain.endpoint = {.address = Address{rule.translation.address},
                      .port = rule.translation.port,
                      .packets = rule.packets};
  }
}

}  // namespace kubecliff::inventory
