// Whether a node is ready for another way of carrying connections to Services. Pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/preflight/facts.h"
#include "exporter/preflight/target.h"

namespace kubecliff::preflight {

// In the order of how bad they are.
enum class Outcome : std::uint8_t {
  ok,
  note,     // nothing to do, but something will be different
  warning,  // look at it before the move, or after
  unknown,  // could not be found out, and decides
  blocked,  // the move would fail, or break something
};
inline constexpr std::array kOutcomes{Outcome::ok, Outcome::note, Outcome::warning,
                                      Outcome::unknown, Outcome::blocked};

// "ok", "note", …
constexpr std::string_view name(Outcome outcome) {
  constexpr std::array<std::string_view, kOutcomes.size()> kNames{"ok", "note", "warning",
                                                                  "unknown", "blocked"};
  return kNames[static_cast<std::size_t>(outcome)];
}

struct Check {
  std::string id;  // stable, for scripts: "kernel", "module/ip_vs", "node-ports/addresses"
  Outcome outcome = Outcome::ok;
  std::string found;   // what there is on this node
  std::string advice;  // what to do about it; empty where nothing is to be done

  friend bool operator==(const Check&, const Check&) = default;
};

using Checks = std::vector<Check>;

// Every check of the target, those that are fine among them, in an order that reads well.
[[nodiscard]] Checks run_checks(Target target, const Facts& facts);

enum class Verdict : std::uint8_t {
  ready,  // whatever there is to note, or to look at
  unknown,
  blocked,
};
[[nodiscard]] Verdict verdict_of(std::span<const Check> checks);

// "ready", "unknown", "blocked".
constexpr std::string_view name(Verdict verdict) {
  constexpr std::array<std::string_view, 3> kNames{"ready", "unknown", "blocked"};
  return kNames[static_cast<std::size_t>(verdict)];
}

}  // namespace kubecliff::preflight
