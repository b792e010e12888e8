// From rules to figures: ChainRecord is what is kept of a chain, TableFigures what is served of a
// table. Both backends meet here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "collectors/iptables/chain_names.h"
#include "collectors/iptables/link_fold.h"
#include "collectors/iptables/rule.h"

namespace kubecliff::iptables {

enum class ChainKind : std::uint8_t { user, prerouting, input, forward, output, postrouting };

// Which built-in chain has that name; `user` for a chain that is none.
[[nodiscard]] ChainKind built_in(std::string_view chain);

[[nodiscard]] std::string_view name(ChainKind kind);

// One for each chain: at 10,000 Services there are 60,000, so it is small and owns nothing.
struct ChainRecord {
  std::uint64_t handle = 0;   // nft: the kernel's; legacy: the offset of the chain's first rule
  std::uint64_t content = 0;  // hash of its rules, in order
  std::uint32_t use = 0;      // nft only: NFTA_CHAIN_USE, its rules and the jumps to it
  std::uint32_t rules = 0;
  std::uint32_t jumps = 0;             // rules that jump to a chain
  std::uint32_t duplicates = 0;        // rules equal to an earlier one of the chain
  std::uint32_t endpoint_jumps = 0;    // jumps to KUBE-SEP-*
  std::uint32_t services = 0;          // different Service ports that its rules dispatch to
  std::uint32_t affinity_rules = 0;    // svc, svl: rules with a recent match
  std::uint32_t masquerade_rules = 0;  // MASQUERADE, or marked for it
  std::uint32_t refusals = 0;          // DROP and REJECT
  std::uint32_t dangling_jumps = 0;    // legacy: jumps that lead here, where nothing is left
  std::uint32_t links_at = 0;          // where its links stand among the table's
  std::uint32_t links = 0;             // words of them
  ChainClass chain_class = ChainClass::foreign;
  Owner owner = Owner::other;
  ChainKind kind = ChainKind::user;
  bool is_services = false;  // KUBE-SERVICES itself
  bool unbalanced = false;   // svc, svl: the endpoints' shares differ
  // nft: the rules were read, and are those that `use` counts; tentative until all numbers of the
  // table are seen to add up.
  bool known = false;
  bool tentative = false;

  // A Service's chain from which no packet reaches an endpoint.
  [[nodiscard]] bool is_dead() const;
};

// What only built-in chains have; a table has at most five.
struct BuiltInChain {
  ChainKind kind = ChainKind::user;
  std::array<std::uint32_t, kOwners> owner_rules{};
  // The first jump to KUBE-SERVICES: how many rules stand before it, and the packets it counted.
  std::optional<std::uint32_t> services_jump = {};
  std::uint64_t services_packets = 0;
};

// Folds the rules of one chain after the other; keeps its buffers from chain to chain.
class ChainFold {
 public:
  void begin(std::string_view chain, ChainKind kind);
  void add(const Rule& rule);
  // Whether the destinations of the chain's rules matter.
  [[nodiscard]] bool wants_destinations() const { return dispatches(record_.chain_class); }
  // Of the chain that began last. `built_in()` is for built-in chains only; `links()` are good
  // until the next chain begins, and it is for the caller to say where they stand.
  [[nodiscard]] ChainRecord finish();
  [[nodiscard]] std::span<const LinkWord> links() const { return links_.words(); }
  [[nodiscard]] const BuiltInChain& built_in() const { return built_in_; }

 private:
  void add_jump(const Rule& rule, ChainClass target);

  ChainRecord record_;
  BuiltInChain built_in_;
  LinkFold links_;
  std::vector<std::uint64_t> contents_;
  std::vector<std::uint64_t> services_;
  double left_ = 1;  // chance that the rules so far let a packet go on
  std::vector<double> shares_;
};

struct ClassCount {
  std::uint32_t chains = 0;
  std::uint32_t rules = 0;
};

struct TableFigures {
  std::uint32_t chains = 0;
  std::uint32_t rules = 0;
  std::array<ClassCount, kChainClasses> classes{};
  std::array<std::uint32_t, kOwners> owner_rules{};
  std::uint32_t services = 0;   // Service ports that KUBE-SERVICES dispatches
  std::uint32_t endpoints = 0;  // KUBE-SEP-* chains with rules
  std::uint32_t nodeports = 0;
  std::uint32_t refusals = 0;  // for Services without endpoints
  std::uint32_t affinity_rules = 0;
  std::uint32_t masquerade_rules = 0;
  std::uint32_t duplicates = 0;
  std::uint32_t unbalanced_chains = 0;
  std::uint32_t dangling_jumps = 0;
  // Rules that a new flow passes at worst before it is dispatched.
  std::uint32_t worst_case_walk = 0;
  std::uint64_t content = 0;  // changes when any chain's rules do
};

[[nodiscard]] TableFigures summarize(std::span<const ChainRecord> chains,
                                     std::span<const BuiltInChain> built_in);

}  // namespace kubecliff::iptables
