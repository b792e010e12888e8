#include "exporter/alerting/metrics.h"

#include <algorithm>

namespace kubecliff {
namespace {

// Checks and their severities; a test holds it to what there are.
constexpr std::size_t kMostBounds = 90;

constexpr FamilySpec kThreshold{
    .name = "kubecliff_threshold",
    .help =
        "From where on a check raises an alert of that severity on this node: the value of "
        "alerts/thresholds.yaml, or of alerting.thresholds. Alert rules compare with it.",
    .labels = {"check", "severity"},
    .max_series = kMostBounds,
};
constexpr FamilySpec kActive{
    .name = "kubecliff_alert_active",
    .help =
        "Alerts of that check that fire by kubecliff's own judgement. There with "
        "--alerting.config.",
    .labels = {"check", "severity"},
    .max_series = kMostBounds,
};

// Of a histogram, what it is served as is named after it.
bool serves(std::span<const std::string_view> metrics, std::string_view name) {
  const auto is_part = [name](std::string_view metric) {
    const std::string_view part =
        name.starts_with(metric) ? name.substr(metric.size()) : std::string_view{"none"};
    return part.empty() || part == "_bucket" || part == "_sum" || part == "_count";
  };
  return std::ranges::any_of(metrics, is_part);
}

}  // namespace

std::vector<FamilySpec> alerting_families() {
  return {kThreshold, kActive};
}

void add_thresholds(const Checks& checks, std::span<const std::string_view> metrics, Samples& out) {
  for (const Check& check : checks.all) {
    if (!check.has_threshold() ||
        !std::ranges::all_of(selectors(*check.value), [metrics](const Selector* selector) {
          return serves(metrics, selector->metric);
        })) {
      continue;
    }
    for (const Bound& bound : check.bounds) {
      out.add(kThreshold, {check.name, name(bound.severity)}, bound.value);
    }
  }
}

void add_active(std::span<const AlertStates::Active> active, Samples& out) {
  for (const AlertStates::Active& one : active) {
    out.add(kActive, {one.check, name(one.severity)}, static_cast<double>(one.firing));
  }
}

}  // namespace kubecliff
