// What else stands in iptables of a node, or must never: flaws, rules of old releases, and those of
// others, for tests on top of a simulate::Ruleset.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "exporter/simulate/ruleset.h"
#include "tests/support/backend.h"
#include "tests/support/services.h"

namespace kubecliff::test {

using simulate::ExpectedFigures;
using simulate::Ruleset;

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
