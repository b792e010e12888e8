#include "tests/support/figures.h"

#include <stdexcept>

namespace kubecliff::test {

Figures figures_of(Samples& samples, std::string_view prefix) {
  Figures figures;
  for (const prometheus::MetricFamily& family : samples.take()) {
    if (!family.name.starts_with(prefix)) {
      throw std::runtime_error{family.name + " does not begin with " + std::string{prefix}};
    }
    const bool histogram = family.type == prometheus::MetricType::Histogram;
    for (const prometheus::ClientMetric& metric : family.metric) {
      std::string key = family.name.substr(prefix.size()) + (histogram ? "_count" : "");
      char separator = '{';
      for (const auto& label : metric.label) {
        key += separator + label.value;
        separator = ',';
      }
      figures[key + (metric.label.empty() ? "" : "}")] =
          histogram ? static_cast<double>(metric.histogram.sample_count)
                    : metric.gauge.value + metric.counter.value;
    }
  }
  return figures;
}

}  // namespace kubecliff::test
