#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "exporter/preflight/gather.h"

namespace kubecliff::preflight {
namespace {

// Where both address families are served, most Services are there twice: the larger figure is
// nearer to what people count. `of` gives that of one family.
template <typename Of>
Count larger(const Of& of) {
  return std::max<Count>(of("ipv4"), of("ipv6"));
}

// Series that a ruleset has no use for are not served: beside others of its kind they are 0.
Count or_none(Count count) {
  return count.value_or(0);
}

Features of_iptables(std::string_view backend, const Figures& figures) {
  const auto count = [&](std::string_view name) {
    return larger([&](std::string_view family) {
      return figures.sum(name, {{"backend", backend}, {"family", family}});
    });
  };
  const auto chains = [&](std::string_view chain_class) {
    return or_none(larger([&](std::string_view family) {
      return figures.sum(
          "kubecliff_iptables_kube_chains",
          {{"backend", backend}, {"family", family}, {"table", "nat"}, {"class", chain_class}});
    }));
  };
  return {.services = count("kubecliff_iptables_services"),
          .endpoints = count("kubecliff_iptables_endpoints"),
          .node_ports = count("kubecliff_iptables_nodeports"),
          .affinity = count("kubecliff_iptables_affinity_rules"),
          .source_ranges = chains("fw"),
          .local_policy = chains("svl")};
}

Features of_nftables(const Figures& figures) {
  const auto count = [&](std::string_view name) {
    return larger([&](std::string_view family) { return figures.sum(name, {{"family", family}}); });
  };
  const auto elements = [&](std::string_view family, std::string_view set) {
    return figures.sum("kubecliff_nftables_elements", {{"family", family}, {"set", set}});
  };
  const auto most_elements = [&](std::string_view set) {
    return or_none(larger([&](std::string_view family) { return elements(family, set); }));
  };
  // Sets with a name that is not fixed are those of affinity, one for each endpoint.
  const auto affinity_sets = [&](std::string_view family) -> Count {
    const Count sets = figures.sum("kubecliff_nftables_sets", {{"family", family}});
    std::uint64_t fixed = 0;
    for (const std::string_view set : {"cluster-ips", "nodeport-ips", "hairpin-connections"}) {
      fixed += elements(family, set) ? 1U : 0U;
    }
    return sets ? Count{*sets > fixed ? *sets - fixed : 0} : std::nullopt;
  };
  return {.services = count("kubecliff_nftables_services"),
          .endpoints = count("kubecliff_nftables_endpoints"),
          .node_ports = most_elements("service-nodeports"),
          .affinity = larger(affinity_sets),
          .source_ranges = most_elements("firewall-ips")};
}

Features of_ipvs(const Figures& figures) {
  const auto count = [&](std::string_view name) {
    return larger([&](std::string_view family) { return figures.sum(name, {{"family", family}}); });
  };
  const auto entries = [&](auto... sets) {
    return (std::uint64_t{0} + ... +
            figures.sum("kubecliff_ipset_entries", {{"set", sets}}).value_or(0));
  };
  return {
      .services = count("kubecliff_ipvs_virtual_servers"),
      .endpoints = count("kubecliff_ipvs_real_servers"),
      .node_ports = std::max(
          entries("KUBE-NODE-PORT-TCP", "KUBE-NODE-PORT-UDP", "KUBE-NODE-PORT-SCTP-HASH"),
          entries("KUBE-6-NODE-PORT-TCP", "KUBE-6-NODE-PORT-UDP", "KUBE-6-NODE-PORT-SCTP-HASH")),
      .source_ranges =
          std::max(entries("KUBE-LOAD-BALANCER-FW"), entries("KUBE-6-LOAD-BALANCER-FW"))};
}

}  // namespace

std::optional<Features> features_of(std::string_view mode, const Figures& figures) {
  constexpr std::string_view kIptables = "iptables-";
  Features features;
  if (mode.starts_with(kIptables)) {
    features = of_iptables(mode.substr(kIptables.size()), figures);
  } else if (mode == "nftables") {
    features = of_nftables(figures);
  } else if (mode == "ipvs") {
    features = of_ipvs(figures);
  }
  return features.services ? std::optional{features} : std::nullopt;
}

}  // namespace kubecliff::preflight
