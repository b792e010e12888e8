#include "exporter/simulate/nftables_ruleset.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

#include "exporter/simulate/text.h"

namespace kubecliff::simulate {
namespace {

constexpr std::string_view kMark = "meta mark set meta mark | 0x00004000";

// Commands of one transaction, as kube-proxy writes them: each object by itself, in the table of
// one family.
class Transaction {
 public:
  explicit Transaction(AddressFamily family)
      : table_{family == AddressFamily::ipv4 ? "ip kube-proxy" : "ip6 kube-proxy"} {}

  template <typename... Parts>
  void table(std::string_view verb, const Parts&... parts) {
    append(text_, verb, " table ", table_, parts..., "\n");
  }
  template <typename... Parts>
  void set(std::string_view name, const Parts&... definition) {
    append(text_, "add set ", table_, " ", name, " { ", concat(definition...), " }\n");
  }
  template <typename... Parts>
  void map(std::string_view name, const Parts&... definition) {
    append(text_, "add map ", table_, " ", name, " { ", concat(definition...), " }\n");
  }
  template <typename... Parts>
  void chain(std::string_view name, const Parts&... definition) {
    append(text_, "add chain ", table_, " ", name, concat(definition...), "\n");
  }
  // Made where it is not there, and empty in any case.
  void fresh_chain(std::string_view name) {
    chain(name);
    append(text_, "flush chain ", table_, " ", name, "\n");
  }
  void remove(std::string_view kind, std::string_view name) {
    append(text_, "delete ", kind, " ", table_, " ", name, "\n");
  }
  template <typename... Parts>
  void rule(std::string_view chain, const Parts&... parts) {
    append(text_, "add rule ", table_, " ", chain, " ", concat(parts...), "\n");
  }
  template <typename... Parts>
  void element(std::string_view verb, std::string_view of, const Parts&... parts) {
    append(text_, verb, " element ", table_, " ", of, " { ", concat(parts...), " }\n");
  }

  [[nodiscard]] std::string text() && { return std::move(text_); }

 private:
  std::string_view table_;
  std::string text_;
};

// What the family is called in rules and types.
struct Words {
  std::string_view ip;       // "ip", in matches
  std::string_view address;  // a type
  std::string_view icmp;     // of a refusal
  std::string_view localhost;
};

Words words(AddressFamily family) {
  return family == AddressFamily::ipv4 ? Words{"ip", "ipv4_addr", "icmp", "127.0.0.0/8"}
                                       : Words{"ip6", "ipv6_addr", "icmpv6", "::1"};
}

// The names of a Service's chains, and of its sets of earlier choices.
struct Names {
  std::string service, local, external, firewall;
  std::vector<std::string> endpoints;
  std::vector<std::string> affinities;
};

bool has_affinity(const Service& service) {
  return service.affinity == Affinity::client_ip;
}

bool has_endpoint_chains(const Service& service, KubeProxyShape release) {
  return release == KubeProxyShape::up_to_1_35 || has_affinity(service);
}

Names names_of(const Service& service, AddressFamily family, KubeProxyShape release) {
  constexpr std::size_t kHash = 8;
  const std::string of =
      concat(service_name(service), "/", label(service.protocol), "/", port_name(service));
  const auto hashed = [](const std::string& prefix, const std::string& name) {
    return concat(prefix, hashed_chain("", name).substr(0, kHash), "-", name);
  };
  Names names{.service = hashed("service-", of),
              .local = hashed("local-", of),
              .external = hashed("external-", of),
              .firewall = hashed("firewall-", of),
              .endpoints = {},
              .affinities = {}};
  for (int i = 0; i < service.endpoints; ++i) {
    std::string ip = endpoint_ip(service, i, family);
    std::ranges::replace(ip, ':', '.');
    const std::string endpoint = concat(of, "__", ip, "/", kEndpointPort);
    if (has_endpoint_chains(service, release)) {
      names.endpoints.push_back(hashed("endpoint-", endpoint));
    }
    if (has_affinity(service)) {
      names.affinities.push_back(hashed("affinity-", endpoint));
    }
  }
  return names;
}

std::string key(const Service& service, const std::string& ip) {
  return concat(ip, " . ", label(service.protocol), " . 80");
}
std::string node_port_key(const Service& service) {
  return concat(label(service.protocol), " . ", node_port(service));
}
std::string element_comment(const Service& service) {
  return concat(" comment \"", service_name(service), ":", port_name(service), "\"");
}

// The rules by which `chain` chooses one of the first `count` endpoints.
void choose(Transaction& out, const std::string& chain, const Service& service, const Names& names,
            int count, AddressFamily family) {
  const Words w = words(family);
  const auto endpoints = static_cast<std::size_t>(count);
  if (has_affinity(service)) {
    for (std::size_t i = 0; i < endpoints; ++i) {
      out.rule(chain, w.ip, " saddr @", names.affinities[i], " goto ", names.endpoints[i]);
    }
  }
  std::string map;
  for (std::size_t i = 0; i < endpoints; ++i) {
    const std::string ip = endpoint_ip(service, static_cast<int>(i), family);
    append(map, i == 0 ? "" : ", ", static_cast<int>(i), " : ");
    append(map, names.endpoints.empty() ? concat(ip, " . ", kEndpointPort)
                                        : concat("goto ", names.endpoints[i]));
  }
  if (names.endpoints.empty()) {
    out.rule(chain, "meta l4proto ", label(service.protocol), " dnat ", w.ip,
             " to numgen random mod ", count, " map { ", map, " }");
  } else {
    out.rule(chain, "numgen random mod ", count, " vmap { ", map, " }");
  }
}

void translate(Transaction& out, const Service& service, const Names& names, AddressFamily family,
               KubeProxyShape release) {
  const Words w = words(family);
  for (std::size_t i = 0; i < names.endpoints.size(); ++i) {
    const std::string ip = endpoint_ip(service, static_cast<int>(i), family);
    if (release == KubeProxyShape::up_to_1_35) {
      out.rule(names.endpoints[i], w.ip, " saddr ", ip, " jump mark-for-masquerade");
    }
    if (has_affinity(service)) {
      out.rule(names.endpoints[i], "update @", names.affinities[i], " { ", w.ip, " saddr }");
    }
    out.rule(names.endpoints[i], "meta l4proto ", label(service.protocol), " dnat to ",
             family == AddressFamily::ipv4 ? ip : concat("[", ip, "]"), ":", kEndpointPort);
  }
}

void receive_outsiders(Transaction& out, const Service& service, const Names& names,
                       AddressFamily family, KubeProxyShape release) {
  const Words w = words(family);
  const std::string_view mark =
      release == KubeProxyShape::up_to_1_35 ? "jump mark-for-masquerade" : kMark;
  if (!routes_locally(service)) {
    out.rule(names.external, mark);
    out.rule(names.external, "goto ", names.service);
    return;
  }
  out.rule(names.external, w.ip, " saddr ", pod_cidr(family), " goto ", names.service,
           " comment \"short-circuit pod traffic\"");
  out.rule(names.external, "fib saddr type local ", mark, " comment \"masquerade local traffic\"");
  out.rule(names.external, "fib saddr type local goto ", names.service,
           " comment \"short-circuit local traffic\"");
  if (local_choices(service) > 0) {
    out.rule(names.external, "goto ", names.local);
  }
}

// Chains with their rules; before, because rules name them, the sets of earlier choices.
void write_chains(Transaction& out, const Service& service, AddressFamily family,
                  KubeProxyShape release) {
  if (service.endpoints == 0) {
    return;
  }
  const Words w = words(family);
  const Names names = names_of(service, family, release);
  for (const std::string& affinity : names.affinities) {
    out.set(affinity, "type ", w.address, "; flags dynamic,timeout; timeout 10800s;");
  }
  for (const std::string& endpoint : names.endpoints) {
    out.fresh_chain(endpoint);
  }
  translate(out, service, names, family, release);

  out.fresh_chain(names.service);
  if (release == KubeProxyShape::up_to_1_35) {
    out.rule(names.service, w.ip, " daddr ", cluster_ip(service, family), " ",
             label(service.protocol), " dport 80 ", w.ip, " saddr != ", pod_cidr(family),
             " jump mark-for-masquerade");
  }
  choose(out, names.service, service, names, service.endpoints, family);
  if (local_choices(service) > 0) {
    out.fresh_chain(names.local);
    choose(out, names.local, service, names, local_choices(service), family);
  }
  if (has_node_port(service)) {
    out.fresh_chain(names.external);
    receive_outsiders(out, service, names, family, release);
  }
  if (has_firewall(service)) {
    out.fresh_chain(names.firewall);
    std::string ranges;
    for (int i = 0; i < service.source_ranges; ++i) {
      append(ranges, i == 0 ? "" : ", ", source_range(i, family));
    }
    out.rule(names.firewall, w.ip, " saddr != { ", ranges, " } drop");
  }
}

// Its elements in the maps and sets of fixed names; without their verdicts where they are deleted.
void write_elements(Transaction& out, std::string_view verb, const Service& service,
                    AddressFamily family, KubeProxyShape release) {
  const Names names = names_of(service, family, release);
  const bool adds = verb == "add";
  const auto element = [&](std::string_view map, const std::string& which,
                           const std::string& verdict) {
    out.element(verb, map, which,
                adds ? concat(map.starts_with("no-endpoint") ? element_comment(service) : "", " : ",
                              verdict)
                     : "");
  };
  const std::string own = key(service, cluster_ip(service, family));
  const std::string balanced = key(service, load_balancer_ip(service, family));
  const bool empty = service.endpoints == 0;
  const std::string refusal = empty ? "goto reject-chain" : "drop";

  out.element(verb, "cluster-ips", cluster_ip(service, family));
  element(empty ? "no-endpoint-services" : "service-ips", own,
          empty ? refusal : concat("goto ", names.service));
  if (!empty && has_node_port(service)) {
    element("service-nodeports", node_port_key(service), concat("goto ", names.external));
  }
  if (!empty && has_load_balancer(service)) {
    element("service-ips", balanced, concat("goto ", names.external));
  }
  if (turns_outsiders_away(service) && has_node_port(service)) {
    element("no-endpoint-nodeports", node_port_key(service), refusal);
  }
  if (turns_outsiders_away(service) && has_load_balancer(service)) {
    element("no-endpoint-services", balanced, refusal);
  }
  if (has_firewall(service)) {
    element("firewall-ips", balanced, concat("goto ", names.firewall));
  }
}

void remove_chains(Transaction& out, const Service& service, AddressFamily family,
                   KubeProxyShape release) {
  if (service.endpoints == 0) {
    return;
  }
  const Names names = names_of(service, family, release);
  std::vector<std::string> chains;
  if (has_node_port(service)) {
    chains.push_back(names.external);
  }
  if (has_firewall(service)) {
    chains.push_back(names.firewall);
  }
  chains.push_back(names.service);
  if (local_choices(service) > 0) {
    chains.push_back(names.local);
  }
  chains.insert(chains.end(), names.endpoints.begin(), names.endpoints.end());
  // Emptied first: a chain that is jumped to cannot be removed.
  for (const std::string& chain : chains) {
    out.fresh_chain(chain);
  }
  for (const std::string& chain : chains) {
    out.remove("chain", chain);
  }
  for (const std::string& affinity : names.affinities) {
    out.remove("set", affinity);
  }
}

struct BaseChain {
  std::string_view name;
  std::string_view definition;
};
constexpr std::array kBaseChains{
    BaseChain{"filter-prerouting-pre-dnat", "type filter hook prerouting priority -110"},
    BaseChain{"filter-output-pre-dnat", "type filter hook output priority -110"},
    BaseChain{"filter-input", "type filter hook input priority 0"},
    BaseChain{"filter-forward", "type filter hook forward priority 0"},
    BaseChain{"filter-output", "type filter hook output priority 0"},
    BaseChain{"nat-prerouting", "type nat hook prerouting priority -100"},
    BaseChain{"nat-output", "type nat hook output priority -100"},
    BaseChain{"nat-postrouting", "type nat hook postrouting priority 100"},
};
constexpr std::array<std::string_view, 7> kChains{
    "services",       "service-endpoints-check", "nodeport-endpoints-check",
    "firewall-check", "cluster-ips-check",       "masquerading",
    "reject-chain"};
constexpr std::array<std::string_view, 5> kMaps{"service-ips", "service-nodeports",
                                                "no-endpoint-services", "no-endpoint-nodeports",
                                                "firewall-ips"};
constexpr std::string_view kNodeIps = "192.0.2.1";
constexpr std::string_view kNodeIps6 = "2001:db8::1";

void write_shared_sets(Transaction& out, AddressFamily family, KubeProxyShape release) {
  const std::string_view address = words(family).address;
  out.set("cluster-ips", "type ", address, "; comment \"Active ClusterIPs\";");
  out.set("nodeport-ips", "type ", address, "; comment \"IPs that accept NodePort traffic\";");
  if (release == KubeProxyShape::from_1_36) {
    out.set("hairpin-connections", "type ", address, " . ", address,
            " . inet_proto . inet_service; comment \"service hairpin connections\";");
  }
  for (const std::string_view map : kMaps) {
    const bool by_port = map.ends_with("nodeports");
    out.map(map, "type ", by_port ? "" : concat(address, " . "),
            "inet_proto . inet_service : verdict;");
  }
  out.element("add", "nodeport-ips", family == AddressFamily::ipv4 ? kNodeIps : kNodeIps6);
}

void write_shared_rules(Transaction& out, AddressFamily family, KubeProxyShape release) {
  const Words w = words(family);
  for (const BaseChain& chain : kBaseChains) {
    out.chain(chain.name, " { ", chain.definition, "; }");
  }
  for (const std::string_view chain : kChains) {
    out.chain(chain);
  }
  const std::string by_ip = concat(w.ip, " daddr . meta l4proto . th dport vmap @");
  const std::string by_port = concat(w.ip, " daddr @nodeport-ips meta l4proto . th dport vmap @");
  out.rule("filter-prerouting-pre-dnat", "ct state new jump firewall-check");
  out.rule("filter-output-pre-dnat", "ct state new jump firewall-check");
  for (const std::string_view chain : {"filter-input", "filter-forward", "filter-output"}) {
    if (chain != "filter-forward") {
      out.rule(chain, "ct state new jump nodeport-endpoints-check");
    }
    out.rule(chain, "ct state new jump service-endpoints-check");
  }
  out.rule("filter-forward", "ct state new jump cluster-ips-check");
  out.rule("filter-output", "ct state new jump cluster-ips-check");
  out.rule("nat-prerouting", "jump services");
  out.rule("nat-output", "jump services");
  out.rule("nat-postrouting", "jump masquerading");
  out.rule("service-endpoints-check", by_ip, "no-endpoint-services");
  out.rule("nodeport-endpoints-check", by_port, "no-endpoint-nodeports");
  out.rule("firewall-check", by_ip, "firewall-ips");
  out.rule("cluster-ips-check", w.ip, " daddr @cluster-ips reject");
  out.rule("reject-chain", "reject");
  out.rule("masquerading", "meta mark & 0x00004000 == 0 return");
  out.rule("masquerading", "meta mark set meta mark ^ 0x00004000");
  out.rule("masquerading", "masquerade fully-random");
  if (release == KubeProxyShape::up_to_1_35) {
    out.chain("mark-for-masquerade");
    out.rule("mark-for-masquerade", kMark);
  } else {
    out.rule("services", w.ip, " daddr @cluster-ips ", w.ip, " saddr != ", pod_cidr(family), " ",
             kMark, " comment \"masquerade clusterIP traffic from outside cluster\"");
  }
  out.rule("services", by_ip, "service-ips");
  out.rule("services", by_port, "service-nodeports");
}
// Counted from what stands above.
constexpr std::int64_t kSharedRules = 2 + 5 + 2 + 3 + 3 + 1 + 1 + 3 + 2;

}  // namespace

NftablesRuleset::NftablesRuleset(const RulesetShape& shape, KubeProxyShape release)
    : shape_{shape}, release_{release} {
  while (next_number_ < shape.services) {
    services_.push_back(make_service(shape, next_number_++));
  }
}

std::string NftablesRuleset::script() const {
  Transaction out{shape_.family};
  out.table("add");
  out.table("delete");
  out.table("add", " { comment \"rules for kube-proxy\"; }");
  write_shared_sets(out, shape_.family, release_);
  write_shared_rules(out, shape_.family, release_);
  for (const Service& service : services_) {
    write_chains(out, service, shape_.family, release_);
    write_elements(out, "add", service, shape_.family, release_);
  }
  return std::move(out).text();
}

std::string NftablesRuleset::add_service() {
  const Service service = make_service(shape_, next_number_++);
  services_.push_back(service);
  Transaction out{shape_.family};
  write_chains(out, service, shape_.family, release_);
  write_elements(out, "add", service, shape_.family, release_);
  return std::move(out).text();
}

std::string NftablesRuleset::remove_service(std::size_t index) {
  const Service service = services_.at(index);
  services_.erase(services_.begin() + static_cast<std::ptrdiff_t>(index));
  Transaction out{shape_.family};
  write_elements(out, "delete", service, shape_.family, release_);
  remove_chains(out, service, shape_.family, release_);
  return std::move(out).text();
}

std::string NftablesRuleset::scale_service(std::size_t index, int endpoints) {
  Service& service = services_.at(index);
  const Service before = service;
  service.endpoints = endpoints;
  service.local_endpoints = std::min(service.local_endpoints, endpoints);
  Transaction out{shape_.family};
  write_elements(out, "delete", before, shape_.family, release_);
  remove_chains(out, before, shape_.family, release_);
  write_chains(out, service, shape_.family, release_);
  write_elements(out, "add", service, shape_.family, release_);
  return std::move(out).text();
}

NftablesFigures NftablesRuleset::expected() const {
  const bool new_shape = release_ == KubeProxyShape::from_1_36;
  NftablesFigures figures{
      .rules = kSharedRules + 1,  // in `services`, or in `mark-for-masquerade`
      .chains = std::ssize(kBaseChains) + std::ssize(kChains) + (new_shape ? 0 : 1),
      .sets = new_shape ? 3 : 2,
      .maps = std::ssize(kMaps)};
  figures.elements["nodeport-ips"] = 1;
  figures.elements["cluster-ips"] = 0;
  for (const std::string_view map : kMaps) {
    figures.elements[std::string{map}] = 0;
  }
  if (new_shape) {
    figures.elements["hairpin-connections"] = 0;
  }
  for (const Service& service : services_) {
    const std::int64_t node_port = has_node_port(service) ? 1 : 0;
    const std::int64_t balanced = has_load_balancer(service) ? 1 : 0;
    const std::int64_t affinity = has_affinity(service) ? 1 : 0;
    const std::int64_t endpoints = service.endpoints;
    const std::int64_t local = local_choices(service);
    figures.elements["cluster-ips"] += 1;
    if (turns_outsiders_away(service)) {
      figures.elements["no-endpoint-nodeports"] += node_port;
      figures.elements["no-endpoint-services"] += balanced;
    }
    if (endpoints == 0) {
      figures.elements["no-endpoint-services"] += 1;
      continue;
    }
    figures.services += 1;
    figures.endpoints += endpoints;
    figures.elements["service-ips"] += 1 + balanced;
    figures.elements["service-nodeports"] += node_port;
    figures.sets += affinity * endpoints;
    figures.chains += 1 + (local > 0 ? 1 : 0) + node_port;
    figures.rules += (new_shape ? 0 : 1) + 1 + affinity * endpoints;
    figures.rules += local > 0 ? 1 + affinity * local : 0;
    if (has_endpoint_chains(service, release_)) {
      figures.chains += endpoints;
      figures.rules += endpoints * ((new_shape ? 0 : 1) + affinity + 1);
    }
    if (node_port == 1) {
      figures.rules += routes_locally(service) ? 3 + (local > 0 ? 1 : 0) : 2;
    }
    if (has_firewall(service)) {
      figures.chains += 1;
      figures.rules += 1;
      figures.elements["firewall-ips"] += 1;
    }
  }
  return figures;
}

}  // namespace kubecliff::simulate
