#include "collectors/core/samples.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <tuple>
#include <utility>

namespace kubecliff {

void Samples::add(const FamilySpec& family, std::initializer_list<std::string_view> label_values,
                  double value) {
  const std::span values{label_values.begin(), label_values.size()};
  if (prometheus::ClientMetric* metric = make_metric(family, values, {})) {
    const bool counter = family.type == prometheus::MetricType::Counter;
    (counter ? metric->counter.value : metric->gauge.value) = value;
  }
}

void Samples::add(const FamilySpec& family, std::span<const std::string_view> label_values,
                  prometheus::ClientMetric metric) {
  std::ignore = make_metric(family, label_values, std::move(metric));
}

prometheus::ClientMetric* Samples::make_metric(const FamilySpec& family,
                                               std::span<const std::string_view> label_values,
                                               prometheus::ClientMetric metric) {
  const auto names = family.labels.names();
  if (label_values.size() != names.size()) {
    std::abort();
  }

  auto found = std::ranges::find(families_, family.name, &prometheus::MetricFamily::name);
  if (found == families_.end()) {
    found = families_.insert(found,
                             {std::string{family.name}, std::string{family.help}, family.type, {}});
  }
  if (found->metric.size() == family.max_series) {
    ++dropped_;
    return nullptr;
  }

  metric.label.clear();
  metric.label.reserve(names.size());
  auto label_value = label_values.begin();
  for (const std::string_view label : names) {
    metric.label.push_back({std::string{label}, std::string{*label_value++}});
  }
  return &found->metric.emplace_back(std::move(metric));
}

std::vector<prometheus::MetricFamily> Samples::take() {
  std::ranges::sort(families_, {}, &prometheus::MetricFamily::name);
  return std::exchange(families_, {});
}

}  // namespace kubecliff
