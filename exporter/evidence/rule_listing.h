// What listings of rules share: which part of one is wanted, and where it goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collectors/kernel/bytes.h"
#include "exporter/evidence/json_lines.h"

namespace kubecliff::evidence {

// Names alone are what redaction needs of rules that are not in the bundle.
enum class Wanted : std::uint8_t { names, rules, rules_and_names };

[[nodiscard]] constexpr bool wants_rules(Wanted wanted) {
  return wanted != Wanted::names;
}
[[nodiscard]] constexpr bool wants_names(Wanted wanted) {
  return wanted != Wanted::rules;
}

struct Listing {
  Wanted wanted = Wanted::rules;
  Lines lines;
  Names names = {};
};

// A chain, set or table that its owner named. Those that everybody's have are passed over, and
// those that end in a hash; of others the owner's prefix is no name: `cali-pri-kns.shop` is learned
// as `pri-kns.shop` and its parts.
void learn_object(std::string_view name, Names& names);

// What a rule puts before the packets that it logs.
void learn_log_prefix(std::string_view prefix, Names& names);
// The same of a target of xtables, where that is one that logs.
void learn_log_target(std::string_view target, Bytes info, Names& names);

}  // namespace kubecliff::evidence
