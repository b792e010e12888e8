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
      const std::string name = family.name.substr(prefix.size());
      std::string labels;
      for (const auto& label : metric.label) {
        labels += (labels.empty() ? "{" : ",") + label.value;
      }
      labels += labels.empty() ? "" : "}";
      if (histogram) {
        figures[name + "_count" + labels] = static_cast<double>(metric.histogram.sample_count);
        figures[name + "_sum" + labels] = metric.histogram.sample_sum;
      } else {
        figures[name + labels] = metric.gauge.value + metric.counter.value;
      }
    }
  }
  return figures;
}

}  // namespace kubecliff::test
