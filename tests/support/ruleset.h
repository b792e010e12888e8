// Rulesets in the shape that kube-proxy's iptables mode (1.28 and later) gives a node, as text for
// iptables-restore and ip6tables-restore, of any size, together with the figures they must yield.
//
//   Ruleset ruleset{varied(100, 5, Family::ipv4)};
//   restore(Backend::nft, Family::ipv4, ruleset.restore_input());
//   restore(Backend::nft, Family::ipv4, ruleset.add_service(), Flush::none);   // a partial sync
//   EXPECT_EQ(measured_services, ruleset.expected().services);
//
// Deterministic: the same shape gives the same text. 10,000 Services x 5 take about 0.2 s and 110
// MB.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/backend.h"
#include "tests/support/services.h"

namespace kubecliff::test {

// Counted from the Services, not from the text.
struct ExpectedFigures {
  struct Table {
    std::int64_t rules = 0;
    std::int64_t chains = 0;  // built-in ones included
    friend bool operator==(const Table&, const Table&) = default;
  };

  Table nat;
  Table filter;
  Table mangle;
  std::int64_t services = 0;  // with endpoints: the others have no chains
  std::int64_t endpoints = 0;
  std::int64_t node_ports = 0;
  std::int64_t no_endpoint_rules = 0;
  std::int64_t affinity_rules = 0;
  std::int64_t masquerade_rules = 0;
  std::int64_t worst_case_walk = 0;

  friend bool operator==(const ExpectedFigures&, const ExpectedFigures&) = default;
};

class Ruleset {
 public:
  explicit Ruleset(const RulesetShape& shape);

  // Everything: tables nat, filter and mangle with kube-proxy's and kubelet's chains and the jumps
  // to them. Replaces what these tables held.
  [[nodiscard]] std::string restore_input() const;

  // Adds the Service that the shape would have next, or `service`; removes the one at `index` of
  // services(). What they return is kube-proxy's partial sync of that change, for `--noflush`: the
  // filter table and KUBE-SERVICES in full, of the other chains only those that change.
  [[nodiscard]] std::string add_service();
  [[nodiscard]] std::string add_service(const Service& service);
  [[nodiscard]] std::string remove_service(std::size_t index);

  [[nodiscard]] ExpectedFigures expected() const;
  [[nodiscard]] std::span<const Service> services() const { return services_; }

 private:
  RulesetShape shape_;
  int next_number_ = 0;
  std::vector<Service> services_;
};

// What must never be there, each for `--noflush` on top of a Ruleset's restore_input().
enum class Flaw : std::uint8_t {
  duplicate_rules,            // nat: 2 duplicate rules, in KUBE-SERVICES and in a KUBE-SVC- chain
  unbalanced_service,         // nat: 1 unbalanced chain, of 3 endpoints with 1/2, 1/4, 1/4
  jump_to_empty_chain,        // nat: 1 dangling jump, to a KUBE-SVC- chain without rules
  service_without_endpoints,  // nat: 1 dangling jump, to a KUBE-SVC- chain with no jump to a
                              // KUBE-SEP-
};
[[nodiscard]] std::string flawed_rules(Flaw flaw, Family family);

// Chains that only releases before 1.28 wrote (KUBE-XLB-, KUBE-MARK-DROP), for `--noflush` on top
// of a Ruleset's restore_input(): one Service with one endpoint.
[[nodiscard]] std::string old_release_rules(Family family);

// Who else writes iptables rules on a node.
enum class Owner : std::uint8_t {
  calico,
  cilium,
  flannel,
  kube_router,
  antrea,
  weave,
  aws_cni,
  cni_plugins,
  nodelocaldns,
  ip_masq_agent,
  docker,
  istio,
  libvirt,
  ufw,
  firewalld,
};
inline constexpr std::array kOwners{
    Owner::calico, Owner::cilium,  Owner::flannel,     Owner::kube_router,  Owner::antrea,
    Owner::weave,  Owner::aws_cni, Owner::cni_plugins, Owner::nodelocaldns, Owner::ip_masq_agent,
    Owner::docker, Owner::istio,   Owner::libvirt,     Owner::ufw,          Owner::firewalld};

// The value of the label `owner`.
[[nodiscard]] std::string_view label(Owner owner);

// A small sample of the chains that this owner makes and of its jumps from built-in chains, for
// `--noflush`. Every rule in it is the owner's, and told by the name of its chain or, in a built-in
// chain, of its target; only NodeLocal DNS has no chains, and is told by nothing but comments. All
// samples can be loaded together.
[[nodiscard]] std::string foreign_rules(Owner owner, Family family);

}  // namespace kubecliff::test
