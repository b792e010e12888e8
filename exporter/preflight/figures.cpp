#include "exporter/preflight/figures.h"

#include <algorithm>
#include <iterator>

namespace kubecliff::preflight {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

std::string_view label(const ClientMetric& metric, std::string_view name) {
  const auto found = std::ranges::find(metric.label, name, &ClientMetric::Label::name);
  return found == metric.label.end() ? std::string_view{} : std::string_view{found->value};
}

bool has(const ClientMetric& metric, Figures::Labels labels) {
  return std::ranges::all_of(
      labels, [&](const auto& wanted) { return label(metric, wanted.first) == wanted.second; });
}

// Each is one of the two, and the other is 0.
double value(const ClientMetric& metric) {
  return metric.gauge.value + metric.counter.value;
}

}  // namespace

void Figures::take(const Snapshot& snapshot) {
  std::ranges::copy(snapshot.families, std::back_inserter(families_));
}

const MetricFamily* Figures::find(std::string_view family) const {
  const auto found = std::ranges::find(families_, family, &MetricFamily::name);
  return found == families_.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> Figures::sum(std::string_view family, Labels labels) const {
  std::optional<double> sum;
  if (const MetricFamily* found = find(family)) {
    for (const ClientMetric& metric : found->metric) {
      if (has(metric, labels)) {
        sum = sum.value_or(0) + value(metric);
      }
    }
  }
  return sum && *sum >= 0 ? std::optional{static_cast<std::uint64_t>(*sum)} : std::nullopt;
}

std::vector<std::string> Figures::ones(std::string_view family, std::string_view name,
                                       Labels labels) const {
  std::vector<std::string> values;
  if (const MetricFamily* found = find(family)) {
    for (const ClientMetric& metric : found->metric) {
      if (has(metric, labels) && value(metric) == 1) {
        values.emplace_back(label(metric, name));
      }
    }
  }
  return values;
}

}  // namespace kubecliff::preflight
