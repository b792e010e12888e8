// TimedCollector: a collector in this process, at its defaults, that tells what each refresh cost.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include <prometheus/metric_family.h>

#include "collectors/core/collector.h"
#include "tests/bench/measure.h"

namespace kubecliff::bench {

struct TimedRefresh {
  RefreshKind kind = RefreshKind::unchanged;
  nanoseconds cpu{};
};

class TimedCollector {
 public:
  // Whatever options `context` has, it is at its defaults.
  explicit TimedCollector(const CollectorSpec& spec, CollectorContext context = {});

  // The clock that the collector is told goes on by `later`. Throws where anything could not be
  // read: what is not right has no cost worth telling.
  TimedRefresh refresh(Duration later = std::chrono::seconds{1});

  // The value that the last refresh gave to the series whose labels have these values.
  [[nodiscard]] double value(std::string_view family,
                             const std::vector<std::string_view>& label_values) const;

 private:
  std::unique_ptr<Collector> collector_;
  Clock::time_point now_ = Clock::now();
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace kubecliff::bench
