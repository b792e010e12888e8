#include "exporter/alerting/metrics.h"

#include <algorithm>
#include <unordered_set>

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
std::string family_of(std::string metric) {
  for (const std::string_view part : {"_bucket", "_sum", "_count"}) {
    if (metric.ends_with(part)) {
      metric.resize(metric.size() - part.size());
      break;
    }
  }
  return metric;
}

}  // namespace

std::vector<FamilySpec> alerting_families() {
  return {kThreshold, kActive};
}

Thresholds::Thresholds(const Checks& checks) {
  for (const Check& check : checks.all) {
    if (!check.has_threshold()) {
      continue;
    }
    Served& served = checks_.emplace_back();
    served.check = check.name;
    for (const Selector* selector : selectors(*check.value)) {
      served.families.push_back(selector->metric);
      served.families.push_back(family_of(selector->metric));
    }
    for (const Bound& bound : check.bounds) {
      served.bounds.emplace_back(name(bound.severity), bound.value);
    }
  }
}

void Thresholds::add(std::span<const SnapshotPtr> served, Samples& out) const {
  std::unordered_set<std::string_view> families;
  for (const SnapshotPtr& snapshot : served) {
    for (const prometheus::MetricFamily& family : snapshot->families) {
      families.insert(family.name);
    }
  }
  for (const Served& check : checks_) {
    if (std::ranges::any_of(check.families, [&families](const std::string& family) {
          return families.contains(family);
        })) {
      for (const auto& [severity, value] : check.bounds) {
        out.add(kThreshold, {check.check, severity}, value);
      }
    }
  }
}

void add_active(std::span<const AlertStates::Active> active, Samples& out) {
  for (const AlertStates::Active& one : active) {
    out.add(kActive, {one.check, name(one.severity)}, static_cast<double>(one.firing));
  }
}

}  // namespace kubecliff
