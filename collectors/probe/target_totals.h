// TargetTotals: what has become of all probes of one target so far, and how that is served.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <prometheus/histogram.h>

#include "collectors/core/family.h"
#include "collectors/core/samples.h"
#include "collectors/probe/phases.h"
#include "collectors/probe/target.h"

namespace kubecliff::probe {

// Of targets, in the order in which they are shown.
[[nodiscard]] std::span<const FamilySpec> target_families();

class TargetTotals {
 public:
  explicit TargetTotals(const Target& target);

  // What is worth a line in the log, or empty: the path has begun to fail, for another reason than
  // before, or works again.
  [[nodiscard]] std::string take_in(Path path, const Outcome& outcome);

  void add(std::string_view vantage, Samples& out) const;

 private:
  struct PathTotals {
    explicit PathTotals(const Url& asked);

    Url url;
    // Null for the phases that there are none of.
    std::array<std::unique_ptr<prometheus::Histogram>, kPhases.size()> phases;
    std::array<std::uint64_t, kReasons.size()> failures{};
    bool asked_once = false;
    std::optional<Reason> failing;
  };

  void add(Path path, const PathTotals& totals, std::string_view vantage, Samples& out) const;

  std::string name_;
  std::array<std::optional<PathTotals>, kPaths.size()> paths_;
};

}  // namespace kubecliff::probe
