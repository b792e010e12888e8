// The oracle: what the text of iptables-save says of a ruleset, read with none of the product's
// code.
//
// The figures are those of the metrics `iptables_*` (docs/metrics.md); their definitions stand here
// a second time, on purpose.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace kubecliff::test {

struct ChainsAndRules {
  std::int64_t chains = 0;
  std::int64_t rules = 0;
  friend bool operator==(const ChainsAndRules&, const ChainsAndRules&) = default;
};

struct SavedTable {
  std::int64_t rules = 0;   // lines that begin with -A
  std::int64_t chains = 0;  // lines that begin with a colon: built-in chains included

  // By the value of the label `class`; a class without chains is absent.
  std::map<std::string, ChainsAndRules, std::less<>> classes;

  // Rules that read the same as an earlier one of their chain.
  std::int64_t duplicate_rules = 0;
  // KUBE-SVC- and KUBE-SVL- chains whose jumps to KUBE-SEP- chains, those of session affinity
  // aside, give some endpoint a share that is more than 1 % off an equal one.
  std::int64_t unbalanced_service_chains = 0;
  // Jumps to a per-Service or endpoint chain that has no rules, or to a KUBE-SVC- or KUBE-SVL-
  // chain that has rules but no jump to a KUBE-SEP- chain.
  std::int64_t dangling_jumps = 0;

  friend bool operator==(const SavedTable&, const SavedTable&) = default;
};

struct SavedRuleset {
  std::map<std::string, SavedTable, std::less<>> tables;

  // From here on of the nat table, unless said otherwise.
  std::int64_t services = 0;    // hashes of the KUBE-SVC- and KUBE-SVL- chains that are jumped to
  std::int64_t endpoints = 0;   // KUBE-SEP- chains that are jumped to
  std::int64_t node_ports = 0;  // per-Service chains that KUBE-NODEPORTS jumps to
  // REJECT and DROP in the filter table's KUBE-SERVICES, KUBE-EXTERNAL-SERVICES and KUBE-NODEPORTS.
  std::int64_t no_endpoint_rules = 0;
  std::int64_t affinity_rules = 0;    // `-m recent` in KUBE-SVC- and KUBE-SVL- chains
  std::int64_t masquerade_rules = 0;  // to MASQUERADE or KUBE-MARK-MASQ
  // KUBE-SERVICES, the longest KUBE-SVC- or KUBE-SVL-, and 2; 0 where KUBE-SERVICES has no rules.
  std::int64_t worst_case_walk = 0;

  // How many rules stand before the first jump to KUBE-SERVICES; nothing where there is none.
  std::optional<std::int64_t> rules_before_services_in_prerouting;
  std::optional<std::int64_t> rules_before_services_in_output;

  friend bool operator==(const SavedRuleset&, const SavedRuleset&) = default;
};

// Reads what iptables-save and ip6tables-save print, of either backend. Text that is not of that
// form (a rule outside a table, or in a chain that was not declared) throws std::invalid_argument.
[[nodiscard]] SavedRuleset parse_iptables_save(std::string_view text);

// The value of the label `class` for a chain of this name.
[[nodiscard]] std::string_view class_of(std::string_view chain);

// For messages of failed assertions.
std::ostream& operator<<(std::ostream& out, const SavedRuleset& ruleset);

}  // namespace kubecliff::test
