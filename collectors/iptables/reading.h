// What the readers of both backends hand to the collector.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/iptables/chain_record.h"

namespace kubecliff::iptables {

// The tables that iptables knows, in either backend.
inline constexpr std::array<std::string_view, 5> kTables{"filter", "mangle", "nat", "raw",
                                                         "security"};

// Why there are figures, or none.
enum class BackendState : std::uint8_t {
  rules,
  empty,       // tables, and not a rule in them
  no_table,    // the code is there, and no table
  not_loaded,  // a kernel module that is not loaded
  not_built,   // this kernel does not have the backend
  denied,      // we may not ask
};
inline constexpr std::size_t kBackendStates = 6;

// The label `state`.
[[nodiscard]] constexpr std::string_view name(BackendState state) {
  constexpr std::array<std::string_view, kBackendStates> kNames{
      "rules", "empty", "no_table", "not_loaded", "not_built", "denied"};
  return kNames[static_cast<std::size_t>(state)];
}

struct TableReading {
  std::string table;
  TableFigures figures;
  std::vector<BuiltInChain> built_in;
  std::uint64_t bytes = 0;  // legacy only: the size of its blob
};

// A total that only grows, from a kernel counter that restarts when its rule is written anew.
class FlowTotal {
 public:
  void observe(std::uint64_t packets) {
    total_ += packets >= last_ ? packets - last_ : packets;
    last_ = packets;
    seen_ = true;
  }
  // Nothing before the first rule was seen.
  [[nodiscard]] std::optional<std::uint64_t> value() const {
    return seen_ ? std::optional{total_} : std::nullopt;
  }

 private:
  std::uint64_t total_ = 0;
  std::uint64_t last_ = 0;
  bool seen_ = false;
};

// One backend in one address family.
struct BackendReading {
  std::optional<BackendState> state;  // nothing before the first look that succeeded
  std::vector<TableReading> tables;
  std::uint64_t changes = 0;  // how often the rules were found to have changed
  FlowTotal prerouting;       // packets that the jump to KUBE-SERVICES counted
  FlowTotal output;

  // Takes the state from the tables, and the flows from the nat table's built-in chains.
  void settle();
  void observe_flows(const BuiltInChain& chain);
};

inline void BackendReading::observe_flows(const BuiltInChain& chain) {
  if (!chain.services_jump) {
    return;
  }
  if (chain.kind == ChainKind::prerouting) {
    prerouting.observe(chain.services_packets);
  } else if (chain.kind == ChainKind::output) {
    output.observe(chain.services_packets);
  }
}

inline void BackendReading::settle() {
  state = tables.empty() ? BackendState::no_table : BackendState::empty;
  for (const TableReading& table : tables) {
    if (table.figures.rules > 0) {
      state = BackendState::rules;
    }
    if (table.table == "nat") {
      for (const BuiltInChain& chain : table.built_in) {
        observe_flows(chain);
      }
    }
  }
}

}  // namespace kubecliff::iptables
