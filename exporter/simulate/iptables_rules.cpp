#include "exporter/simulate/iptables_rules.h"

#include <array>
#include <cstddef>
#include <cstdio>

namespace kubecliff::simulate::iptables_rules {
namespace {

constexpr std::string_view kSvc = "KUBE-SVC-";
constexpr std::string_view kSvl = "KUBE-SVL-";
constexpr std::string_view kExt = "KUBE-EXT-";
constexpr std::string_view kFw = "KUBE-FW-";
constexpr std::string_view kSep = "KUBE-SEP-";

constexpr std::string_view host_mask(AddressFamily family) {
  return family == AddressFamily::ipv4 ? "/32" : "/128";
}

constexpr std::string_view full_mask(AddressFamily family) {
  return family == AddressFamily::ipv4 ? "255.255.255.255"
                                       : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
}

}  // namespace

Names names_of(const Service& service, AddressFamily family) {
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
    endpoint.ip_and_port = family == AddressFamily::ipv4
                               ? concat(endpoint.ip, ":", kEndpointPort)
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

void mark_outsiders(Table& nat, const Names& names, AddressFamily family) {
  nat.rule(names.svc, " ! -s ", pod_cidr(family), " -d ", names.cluster_ip, names.protocol,
           comment(names.port_name, " cluster IP"), names.to_port, " -j KUBE-MARK-MASQ");
}

namespace {

std::string probability(double value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%0.10f", value);
  return text.data();
}

}  // namespace

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

namespace {

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
                              AddressFamily family, Comments comments) {
  for (const Endpoint& endpoint : endpoints) {
    nat.rule(
        chain,
        comments == Comments::all ? comment(names.port_name, " -> ", endpoint.ip_and_port) : "",
        " -m recent --rcheck --seconds 10800 --reap --name ", endpoint.chain, " --mask ",
        full_mask(family), " --rsource -j ", endpoint.chain);
  }
}

}  // namespace

void translate(Table& nat, const Service& service, const Names& names, AddressFamily family,
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

namespace {

// KUBE-EXT-: what becomes of traffic from outside.
void receive_outsiders(Table& nat, const Service& service, const Names& names,
                       AddressFamily family) {
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

void admit_sources(Table& nat, const Service& service, const Names& names, AddressFamily family) {
  for (int i = 0; i < service.source_ranges; ++i) {
    nat.rule(names.fw, " -s ", source_range(i, family),
             comment(names.port_name, " loadbalancer IP"), " -j ", names.ext);
  }
  nat.rule(names.fw, comment("other traffic to ", names.port_name,
                             " will be dropped by KUBE-PROXY-FIREWALL"));
}

}  // namespace

void write_chains(Table& nat, const Service& service, const Names& names, AddressFamily family,
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

}  // namespace kubecliff::simulate::iptables_rules
