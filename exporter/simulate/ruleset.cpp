#include "exporter/simulate/ruleset.h"

#include <algorithm>
#include <utility>

#include "exporter/simulate/iptables_rules.h"

namespace kubecliff::simulate {
namespace {

using namespace iptables_rules;  // NOLINT(*-using-namespace): it is made of these

constexpr std::string_view reject(AddressFamily family) {
  return family == AddressFamily::ipv4 ? "REJECT --reject-with icmp-port-unreachable"
                                       : "REJECT --reject-with icmp6-port-unreachable";
}

// The filter table's rules for one Service.
void turn_away(Table& filter, const Service& service, const Names& names, AddressFamily family) {
  const bool empty = service.endpoints == 0;
  const std::string_view verdict = empty ? reject(family) : "DROP";
  const std::string why =
      comment(names.port_name, empty ? " has no endpoints" : " has no local endpoints");

  if (empty) {
    filter.rule("KUBE-SERVICES", " -d ", names.cluster_ip, names.protocol, why, names.to_port,
                " -j ", verdict);
  }
  if (turns_outsiders_away(service) && has_node_port(service)) {
    filter.rule("KUBE-EXTERNAL-SERVICES", names.protocol, why, " -m addrtype --dst-type LOCAL",
                names.to_node_port, " -j ", verdict);
  }
  if (turns_outsiders_away(service) && has_load_balancer(service)) {
    filter.rule("KUBE-EXTERNAL-SERVICES", " -d ", names.load_balancer_ip, names.protocol, why,
                names.to_port, " -j ", verdict);
  }
  if (has_firewall(service)) {
    filter.rule("KUBE-PROXY-FIREWALL", " -d ", names.load_balancer_ip, names.protocol,
                comment(names.port_name, " traffic not accepted by ", names.fw), names.to_port,
                " -j DROP");
  }
  if (has_load_balancer(service) && routes_locally(service)) {
    filter.rule("KUBE-NODEPORTS", " -p tcp", comment(names.port_name, " health check node port"),
                " -m tcp --dport ", 2'000 + service.number % 18'000, " -j ACCEPT");
  }
}

// The chains that every sync writes anew, for all Services.
void write_shared_nat(Table& nat, std::span<const Service> services, std::span<const Names> names) {
  for (const std::string_view chain :
       {"KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"}) {
    nat.chain(chain);
  }
  nat.rule("KUBE-POSTROUTING", " -m mark ! --mark 0x4000/0x4000 -j RETURN");
  nat.rule("KUBE-POSTROUTING", " -j MARK --set-xmark 0x4000/0x0");
  nat.rule("KUBE-POSTROUTING", comment("kubernetes service traffic requiring SNAT"),
           " -j MASQUERADE --random-fully");
  nat.rule("KUBE-MARK-MASQ", " -j MARK --set-xmark 0x4000/0x4000");
  for (std::size_t i = 0; i < services.size(); ++i) {
    dispatch(nat, services[i], names[i]);
  }
  nat.rule("KUBE-SERVICES",
           comment("kubernetes service nodeports; NOTE: this must be the last rule in this chain"),
           " -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS");
}

void write_shared_filter(Table& filter, std::span<const Service> services,
                         std::span<const Names> names, AddressFamily family) {
  for (const std::string_view chain : {"KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-FORWARD",
                                       "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL"}) {
    filter.chain(chain);
  }
  filter.rule("KUBE-FORWARD", " -m conntrack --ctstate INVALID -j DROP");
  filter.rule("KUBE-FORWARD", comment("kubernetes forwarding rules"),
              " -m mark --mark 0x4000/0x4000 -j ACCEPT");
  filter.rule("KUBE-FORWARD", comment("kubernetes forwarding conntrack rule"),
              " -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
  for (std::size_t i = 0; i < services.size(); ++i) {
    turn_away(filter, services[i], names[i], family);
  }
}

// Written once, at kube-proxy's and kubelet's start.
void write_jumps(Table& nat, Table& filter, AddressFamily family) {
  for (const std::string_view chain : {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"}) {
    nat.built_in(chain);
  }
  for (const std::string_view chain : {"INPUT", "FORWARD", "OUTPUT"}) {
    filter.built_in(chain);
  }
  for (const std::string_view canary : {"KUBE-PROXY-CANARY", "KUBE-KUBELET-CANARY"}) {
    nat.chain(canary);
    filter.chain(canary);
  }
  filter.chain("KUBE-FIREWALL");

  const std::string portals = comment("kubernetes service portals");
  nat.rule("PREROUTING", portals, " -j KUBE-SERVICES");
  nat.rule("OUTPUT", portals, " -j KUBE-SERVICES");
  nat.rule("POSTROUTING", comment("kubernetes postrouting rules"), " -j KUBE-POSTROUTING");

  const std::string fresh = " -m conntrack --ctstate NEW";
  const std::string firewall = comment("kubernetes load balancer firewall");
  const std::string external = comment("kubernetes externally-visible service portals");
  filter.rule("INPUT", fresh, firewall, " -j KUBE-PROXY-FIREWALL");
  filter.rule("INPUT", comment("kubernetes health check service ports"), " -j KUBE-NODEPORTS");
  filter.rule("INPUT", fresh, external, " -j KUBE-EXTERNAL-SERVICES");
  filter.rule("INPUT", " -j KUBE-FIREWALL");
  filter.rule("FORWARD", fresh, firewall, " -j KUBE-PROXY-FIREWALL");
  filter.rule("FORWARD", comment("kubernetes forwarding rules"), " -j KUBE-FORWARD");
  filter.rule("FORWARD", fresh, portals, " -j KUBE-SERVICES");
  filter.rule("FORWARD", fresh, external, " -j KUBE-EXTERNAL-SERVICES");
  filter.rule("OUTPUT", fresh, firewall, " -j KUBE-PROXY-FIREWALL");
  filter.rule("OUTPUT", fresh, portals, " -j KUBE-SERVICES");
  filter.rule("OUTPUT", " -j KUBE-FIREWALL");
  if (family == AddressFamily::ipv4) {
    filter.rule("KUBE-FIREWALL", " ! -s 127.0.0.0/8 -d 127.0.0.0/8",
                comment("block incoming localnet connections"),
                " -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP");
  }
}

std::string mangle_text() {
  Table mangle{"mangle"};
  for (const std::string_view chain : {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}) {
    mangle.built_in(chain);
  }
  for (const std::string_view chain :
       {"KUBE-PROXY-CANARY", "KUBE-KUBELET-CANARY", "KUBE-IPTABLES-HINT"}) {
    mangle.chain(chain);
  }
  return std::move(mangle).text();
}

std::vector<Names> names_of_all(std::span<const Service> services, AddressFamily family) {
  std::vector<Names> names;
  names.reserve(services.size());
  for (const Service& service : services) {
    names.push_back(names_of(service, family));
  }
  return names;
}

enum class Change : std::uint8_t { add, remove };

std::string partial_sync(std::span<const Service> services, const Service& changed, Change change,
                         AddressFamily family, Comments comments) {
  const std::vector<Names> names = names_of_all(services, family);
  const Names changed_names = names_of(changed, family);
  Table nat{"nat"};
  Table filter{"filter"};
  write_shared_nat(nat, services, names);
  write_shared_filter(filter, services, names, family);
  if (change == Change::add) {
    write_chains(nat, changed, changed_names, family, comments);
  } else {
    const std::vector<std::string> chains = chains_of(changed, changed_names);
    for (const std::string& chain : chains) {
      nat.chain(chain);  // emptied first: a chain that has rules or is jumped to cannot be removed
    }
    for (const std::string& chain : chains) {
      nat.remove(chain);
    }
  }
  return std::move(filter).text() + std::move(nat).text();
}

}  // namespace

Ruleset::Ruleset(const RulesetShape& shape) : shape_{shape} {
  services_.reserve(static_cast<std::size_t>(shape.services));
  while (next_number_ < shape.services) {
    services_.push_back(make_service(shape, next_number_++));
  }
}

std::string Ruleset::restore_input() const {
  const std::vector<Names> names = names_of_all(services_, shape_.family);
  Table nat{"nat"};
  Table filter{"filter"};
  write_jumps(nat, filter, shape_.family);
  write_shared_nat(nat, services_, names);
  write_shared_filter(filter, services_, names, shape_.family);
  for (std::size_t i = 0; i < services_.size(); ++i) {
    write_chains(nat, services_[i], names[i], shape_.family, shape_.comments);
  }
  return mangle_text() + std::move(filter).text() + std::move(nat).text();
}

std::string Ruleset::add_service() {
  return add_service(make_service(shape_, next_number_));
}

std::string Ruleset::add_service(const Service& service) {
  next_number_ = std::max(next_number_, service.number + 1);
  services_.push_back(service);
  return partial_sync(services_, service, Change::add, shape_.family, shape_.comments);
}

std::string Ruleset::remove_service(std::size_t index) {
  const Service service = services_.at(index);
  services_.erase(services_.begin() + static_cast<std::ptrdiff_t>(index));
  return partial_sync(services_, service, Change::remove, shape_.family, shape_.comments);
}

ExpectedFigures Ruleset::expected() const {
  ExpectedFigures figures{
      // 3 jumps, 3 rules of KUBE-POSTROUTING, 1 of KUBE-MARK-MASQ, the last of KUBE-SERVICES;
      // 4 built-in chains, 4 of every sync, 2 canaries.
      .nat = {.rules = 3 + 3 + 1 + 1, .chains = 4 + 4 + 2},
      // 11 jumps, 3 rules of KUBE-FORWARD, and KUBE-FIREWALL's, which IPv6 does not need;
      // 3 built-in chains, 5 of every sync, 2 canaries, KUBE-FIREWALL.
      .filter = {.rules = 11 + 3 + (shape_.family == AddressFamily::ipv4 ? 1 : 0),
                 .chains = 3 + 5 + 2 + 1},
      .mangle = {.rules = 0, .chains = 5 + 3},
      .masquerade_rules = 1,
  };
  std::int64_t dispatch_rules = 1;
  std::int64_t longest_choice = 0;

  for (const Service& service : services_) {
    const std::int64_t endpoints = service.endpoints;
    const std::int64_t node_port = has_node_port(service) ? 1 : 0;
    const std::int64_t load_balancer = has_load_balancer(service) ? 1 : 0;
    const std::int64_t affinity = service.affinity == Affinity::client_ip ? 1 : 0;
    const std::int64_t local_policy = routes_locally(service) ? 1 : 0;

    figures.filter.rules += load_balancer * local_policy;  // health check
    if (endpoints == 0) {
      figures.no_endpoint_rules += 1 + node_port + load_balancer;
      figures.filter.rules += 1 + node_port + load_balancer;
      continue;
    }

    const std::int64_t local = local_policy * service.local_endpoints;
    const std::int64_t svc_rules = 1 + endpoints + affinity * endpoints;
    const std::int64_t svl_rules = local + affinity * local;

    figures.services += 1;
    figures.endpoints += endpoints;
    figures.node_ports += node_port;
    figures.affinity_rules += affinity * (endpoints + local);
    figures.masquerade_rules += 1 + endpoints + node_port;

    dispatch_rules += 1 + load_balancer;
    longest_choice = std::max({longest_choice, svc_rules, svl_rules});
    figures.nat.chains += 1 + endpoints;
    figures.nat.rules += 1 + load_balancer + node_port + svc_rules + 2 * endpoints;
    if (node_port == 1) {
      figures.nat.chains += 1;
      figures.nat.rules += local_policy == 0 ? 2 : 3;
    }
    if (local_policy == 1 && local > 0) {
      figures.nat.chains += 1;
      figures.nat.rules += 1 + svl_rules;
    }
    if (local_policy == 1 && local == 0) {
      figures.no_endpoint_rules += node_port + load_balancer;
      figures.filter.rules += node_port + load_balancer;
    }
    if (load_balancer == 1 && service.source_ranges > 0) {
      figures.nat.chains += 1;
      figures.nat.rules += service.source_ranges + 1;
      figures.filter.rules += 1;
    }
  }
  figures.worst_case_walk = dispatch_rules + longest_choice + 2;
  return figures;
}

}  // namespace kubecliff::simulate
