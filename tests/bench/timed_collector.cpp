#include "tests/bench/timed_collector.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/bench/workload.h"
#include "tests/support/served_collector.h"

namespace kubecliff::bench {
TimedCollector::TimedCollector(const CollectorSpec& spec, CollectorContext context) {
  context.options = test::default_options(spec);
  collector_ = must(spec.make(context));
}

TimedRefresh TimedCollector::refresh(Duration later) {
  now_ += later;
  Samples samples;
  TimedRefresh refresh;
  refresh.cpu = cpu_of([&] { refresh.kind = must(collector_->refresh(now_, samples)); });
  if (!samples.misses().empty()) {
    throw std::runtime_error{samples.misses().front().message};
  }
  if (!samples.empty()) {
    families_ = samples.take();
  }
  return refresh;
}

double TimedCollector::value(std::string_view family,
                             const std::vector<std::string_view>& label_values) const {
  const auto found = std::ranges::find(families_, family, &prometheus::MetricFamily::name);
  if (found != families_.end()) {
    for (const prometheus::ClientMetric& metric : found->metric) {
      if (std::ranges::equal(metric.label, label_values, {},
                             &prometheus::ClientMetric::Label::value)) {
        return metric.gauge.value + metric.counter.value;
      }
    }
  }
  throw std::runtime_error{"no series of " + std::string{family} + " with these labels"};
}

}  // namespace kubecliff::bench
