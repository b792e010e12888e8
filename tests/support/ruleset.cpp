#include "tests/support/ruleset.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "tests/support/text.h"

namespace kubecliff::test {
namespace {

constexpr std::string_view kSvc = "KUBE-SVC-";
constexpr std::string_view kSvl = "KUBE-SVL-";
constexpr std::string_view kExt = "KUBE-EXT-";
constexpr std::string_view kXlb = "KUBE-XLB-";
constexpr std::string_view kFw = "KUBE-FW-";
constexpr std::string_view kSep = "KUBE-SEP-";

constexpr int kNumbers = 45'000;

constexpr std::string_view host_mask(Family family) {
  return family == Family::ipv4 ? "/32" : "/128";
}

constexpr std::string_view full_mask(Family family) {
  return family == Family::ipv4 ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
}

constexpr std::string_view reject(Family family) {
  return family == Family::ipv4 ? "REJECT --reject-with icmp-port-unreachable"
                                : "REJECT --reject-with icmp6-port-unreachable";
}

template <typename... Parts>
std::string comment(const Parts&... parts) {
  return concat(" -m comment --comment \"", parts..., "\"");
}

// One table of an iptables-restore input.
class Table {
 public:
  explicit Table(std::string_view name) : head_{concat("*", name, "\n")} {}

  void built_in(std::string_view chain) { append(head_, ":", chain, " ACCEPT [0:0]\n"); }
  // Makes the chain or, with --noflush, empties it where it exists.
  void chain(std::string_view chain) { append(head_, ":", chain, " - [0:0]\n"); }
  // `parts` are put together as they are.
  template <typename... Parts>
  void rule(std::string_view chain, const Parts&... parts) {
    append(rules_, "-A ", chain, parts..., "\n");
  }
  void remove(std::string_view chain) { append(rules_, "-X ", chain, "\n"); }

  [[nodiscard]] std::string text() && {
    head_ += rules_;
    head_ += "COMMIT\n";
    return std::move(head_);
  }

 private:
  std::string head_;
  std::string rules_;
};

struct Endpoint {
  std::string ip;
  std::string ip_and_port;
  std::string chain;
};

// What kube-proxy knows of a Service, put into words.
struct Names {
  std::string port_name;  // "namespace/name:port"
  std::string protocol;   // " -p tcp"
  std::string to_port;    // " -m tcp --dport 80"
  std::string to_node_port;
  std::string cluster_ip;  // with the host mask
  std::string load_balancer_ip;
  std::string svc, svl, ext, fw;
  std::vector<Endpoint> endpoints;  // the local ones first
};

Names names_of(const Service& service, Family family) {
  const std::string_view protocol = label(service.protocol);

  Names names;
  names.port_name = concat(service_name(service), ":", port_name(service));
  names.protocol = concat(" -p ", protocol);
  names.to_port = concat(" -m ", protocol, " --dport 80");
  names.to_node_port = concat(" -m ", protocol, " --dport ", node_port(service));
  names.cluster_ip = concat(cluster_ip(service, family), host_mask(family));
  names.load_balancer_ip = concat(load_balancer_ip(service, family), host_mask(family));

  const std::string hashed = concat(names.port_name, protocol);
  const std::string hash = hashed_chain("", hashed);
  names.svc = concat(kSvc, hash);
  names.svl = concat(kSvl, hash);
  names.ext = concat(kExt, hash);
  names.fw = concat(kFw, hash);

  names.endpoints.reserve(static_cast<std::size_t>(service.endpoints));
  for (int i = 0; i < service.endpoints; ++i) {
    Endpoint endpoint;
    endpoint.ip = endpoint_ip(service, i, family);
    endpoint.ip_and_port = family == Family::ipv4 ? concat(endpoint.ip, ":", kEndpointPort)
                                                  : concat("[", endpoint.ip, "]:", kEndpointPort);
    endpoint.chain = hashed_chain(kSep, concat(hashed, endpoint.ip_and_port));
    names.endpoints.push_back(std::move(endpoint));
  }
  return names;
}

std::vector<std::string> chains_of(const Service& service, const Names& names) {
  std::vector<std::string> chains;
  if (service.endpoints == 0) {
    return chains;
  }
  chains.push_back(names.svc);
  if (local_choices(service) > 0) {
    chains.push_back(names.svl);
  }
  if (has_node_port(service)) {
    chains.push_back(names.ext);
  }
  if (has_firewall(service)) {
    chains.push_back(names.fw);
  }
  for (const Endpoint& endpoint : names.endpoints) {
    chains.push_back(endpoint.chain);
  }
  return chains;
}

// KUBE-SERVICES' and KUBE-NODEPORTS' rules for one Service.
void dispatch(Table& nat, const Service& service, const Names& names) {
  if (service.endpoints == 0) {
    return;
  }
  nat.rule("KUBE-SERVICES", " -d ", names.cluster_ip, names.protocol,
           comment(names.port_name, " cluster IP"), names.to_port, " -j ", names.svc);
  if (has_load_balancer(service)) {
    nat.rule("KUBE-SERVICES", " -d ", names.load_balancer_ip, names.protocol,
             comment(names.port_name, " loadbalancer IP"), names.to_port, " -j ",
             has_firewall(service) ? names.fw : names.ext);
  }
  if (has_node_port(service)) {
    nat.rule("KUBE-NODEPORTS", names.protocol, comment(names.port_name), names.to_node_port, " -j ",
             names.ext);
  }
}

void mark_outsiders(Table& nat, const Names& names, Family family) {
  nat.rule(names.svc, " ! -s ", pod_cidr(family), " -d ", names.cluster_ip, names.protocol,
           comment(names.port_name, " cluster IP"), names.to_port, " -j KUBE-MARK-MASQ");
}

std::string probability(double value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%0.10f", value);
  return text.data();
}

// The rules of `chain` that choose one of `endpoints`, the i-th with the i-th probability of what
// the ones before it left, the last one always.
void choose(Table& nat, std::string_view chain, std::span<const Endpoint> endpoints,
            std::span<const double> probabilities, const Names& names, Comments comments) {
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const std::string said =
        comments == Comments::all ? comment(names.port_name, " -> ", endpoints[i].ip_and_port) : "";
    if (i + 1 == endpoints.size()) {
      nat.rule(chain, said, " -j ", endpoints[i].chain);
    } else {
      nat.rule(chain, said, " -m statistic --mode random --probability ",
               probability(probabilities[i]), " -j ", endpoints[i].chain);
    }
  }
}

void choose_equally(Table& nat, std::string_view chain, std::span<const Endpoint> endpoints,
                    const Names& names, Comments comments) {
  std::vector<double> probabilities(endpoints.size());
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    probabilities[i] = 1.0 / static_cast<double>(endpoints.size() - i);
  }
  choose(nat, chain, endpoints, probabilities, names, comments);
}

void stay_with_earlier_choice(Table& nat, std::string_view chain,
                              std::span<const Endpoint> endpoints, const Names& names,
                              Family family, Comments comments) {
  for (const Endpoint& endpoint : endpoints) {
    nat.rule(
        chain,
        comments == Comments::all ? comment(names.port_name, " -> ", endpoint.ip_and_port) : "",
        " -m recent --rcheck --seconds 10800 --reap --name ", endpoint.chain, " --mask ",
        full_mask(family), " --rsource -j ", endpoint.chain);
  }
}

void translate(Table& nat, const Service& service, const Names& names, Family family,
               Comments comments) {
  for (const Endpoint& endpoint : names.endpoints) {
    const std::string said = comments == Comments::all ? comment(names.port_name) : "";
    const std::string remember = service.affinity == Affinity::client_ip
                                     ? concat(" -m recent --set --name ", endpoint.chain,
                                              " --mask ", full_mask(family), " --rsource")
                                     : "";
    nat.rule(endpoint.chain, " -s ", endpoint.ip, host_mask(family), said, " -j KUBE-MARK-MASQ");
    nat.rule(endpoint.chain, names.protocol, said, remember, " -m ", label(service.protocol),
             " -j DNAT --to-destination ", endpoint.ip_and_port);
  }
}

// KUBE-EXT-: what becomes of traffic from outside.
void receive_outsiders(Table& nat, const Service& service, const Names& names, Family family) {
  const std::string_view to = " external destinations";
  if (!routes_locally(service)) {
    nat.rule(names.ext, comment("masquerade traffic for ", names.port_name, to),
             " -j KUBE-MARK-MASQ");
    nat.rule(names.ext, " -j ", names.svc);
    return;
  }
  nat.rule(names.ext, " -s ", pod_cidr(family), comment("pod traffic for ", names.port_name, to),
           " -j ", names.svc);
  nat.rule(names.ext, comment("masquerade LOCAL traffic for ", names.port_name, to),
           " -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ");
  nat.rule(names.ext, comment("route LOCAL traffic for ", names.port_name, to),
           " -m addrtype --src-type LOCAL -j ", names.svc);
  if (local_choices(service) > 0) {
    nat.rule(names.ext, " -j ", names.svl);
  }
}

void admit_sources(Table& nat, const Service& service, const Names& names, Family family) {
  for (int i = 0; i < service.source_ranges; ++i) {
    nat.rule(names.fw, " -s ", source_range(i, family),
             comment(names.port_name, " loadbalancer IP"), " -j ", names.ext);
  }
  nat.rule(names.fw, comment("other traffic to ", names.port_name,
                             " will be dropped by KUBE-PROXY-FIREWALL"));
}

// A Service's own chains and their rules.
void write_chains(Table& nat, const Service& service, const Names& names, Family family,
                  Comments comments) {
  if (service.endpoints == 0) {
    return;
  }
  for (const std::string& chain : chains_of(service, names)) {
    nat.chain(chain);
  }
  if (has_node_port(service)) {
    receive_outsiders(nat, service, names, family);
  }
  if (has_firewall(service)) {
    admit_sources(nat, service, names, family);
  }
  const std::span all{names.endpoints};
  const std::span local = all.first(static_cast<std::size_t>(local_choices(service)));
  mark_outsiders(nat, names, family);
  if (service.affinity == Affinity::client_ip) {
    stay_with_earlier_choice(nat, names.svc, all, names, family, comments);
    stay_with_earlier_choice(nat, names.svl, local, names, family, comments);
  }
  choose_equally(nat, names.svc, all, names, comments);
  choose_equally(nat, names.svl, local, names, comments);
  translate(nat, service, names, family, comments);
}

// The filter table's rules for one Service.
void turn_away(Table& filter, const Service& service, const Names& names, Family family) {
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
                         std::span<const Names> names, Family family) {
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
void write_jumps(Table& nat, Table& filter, Family family) {
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
  if (family == Family::ipv4) {
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

std::vector<Names> names_of(std::span<const Service> services, Family family) {
  std::vector<Names> names;
  names.reserve(services.size());
  for (const Service& service : services) {
    names.push_back(names_of(service, family));
  }
  return names;
}

enum class Change : std::uint8_t { add, remove };

std::string partial_sync(std::span<const Service> services, const Service& changed, Change change,
                         Family family, Comments comments) {
  const std::vector<Names> names = names_of(services, family);
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
  const std::vector<Names> names = names_of(services_, shape_.family);
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
      .filter = {.rules = 11 + 3 + (shape_.family == Family::ipv4 ? 1 : 0),
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

std::string flawed_rules(Flaw flaw, Family family) {
  // Numbers that no ruleset of a test reaches.
  const Service service{.number = kNumbers - 1 - static_cast<int>(flaw), .endpoints = 3};
  const Names names = names_of(service, family);
  Table nat{"nat"};
  dispatch(nat, service, names);
  switch (flaw) {
    case Flaw::duplicate_rules:
      write_chains(nat, service, names, family, Comments::all);
      dispatch(nat, service, names);
      mark_outsiders(nat, names, family);
      break;
    case Flaw::unbalanced_service:
      for (const std::string& chain : chains_of(service, names)) {
        nat.chain(chain);
      }
      choose(nat, names.svc, names.endpoints, std::array{0.5, 0.5, 1.0}, names, Comments::all);
      translate(nat, service, names, family, Comments::all);
      break;
    case Flaw::jump_to_empty_chain:
      nat.chain(names.svc);
      break;
    case Flaw::service_without_endpoints:
      nat.chain(names.svc);
      mark_outsiders(nat, names, family);
      break;
  }
  return std::move(nat).text();
}

std::string old_release_rules(Family family) {
  const Service service{.number = kNumbers - 1 - 100, .endpoints = 1};
  const Names names = names_of(service, family);
  const std::string xlb = hashed_chain(kXlb, concat(names.port_name, label(service.protocol)));
  Table nat{"nat"};
  dispatch(nat, service, names);
  write_chains(nat, service, names, family, Comments::all);
  nat.chain("KUBE-MARK-DROP");
  nat.chain(xlb);
  nat.rule("KUBE-MARK-DROP", " -j MARK --set-xmark 0x8000/0x8000");
  nat.rule("KUBE-NODEPORTS", names.protocol, comment(names.port_name), names.to_node_port, " -j ",
           xlb);
  nat.rule(xlb, " -s ", pod_cidr(family), comment("pods of this cluster"), " -j ", names.svc);
  nat.rule(xlb, comment("masquerade LOCAL traffic"),
           " -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ");
  nat.rule(xlb, comment("route LOCAL traffic"), " -m addrtype --src-type LOCAL -j ", names.svc);
  nat.rule(xlb, comment(names.port_name, " has no local endpoints"), " -j KUBE-MARK-DROP");
  return std::move(nat).text();
}

}  // namespace kubecliff::test
