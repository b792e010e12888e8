// The metrics of alerting. Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/core/family.h"
#include "collectors/core/samples.h"
#include "exporter/alerting/alert_states.h"
#include "exporter/alerting/checks.h"
#include "exporter/runner/snapshot.h"

namespace kubecliff {

[[nodiscard]] std::vector<FamilySpec> alerting_families();

// Serves the bounds of checks that have something to judge: of those whose metrics are served.
class Thresholds {
 public:
  explicit Thresholds(const Checks& checks);

  void add(std::span<const SnapshotPtr> served, Samples& out) const;

 private:
  struct Served {
    std::string check;
    std::vector<std::string> families;  // any of them will do
    std::vector<std::pair<std::string_view, double>> bounds;
  };
  std::vector<Served> checks_;
};

void add_active(std::span<const AlertStates::Active> active, Samples& out);

}  // namespace kubecliff
