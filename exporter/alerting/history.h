// History: what this node's metrics were of late, as far as checks ask for them.
//
// It remembers what Prometheus would have scraped: samples by series, the newest for five minutes
// at the most, those of ranges for as long as the longest that asks for them. A series that is not
// there any more ends at once. Times are those of a clock that never jumps. Not thread-safe.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/metric_family.h>

#include "collectors/core/collector.h"
#include "exporter/alerting/alert.h"
#include "exporter/alerting/expression.h"
#include "exporter/runner/snapshot.h"

namespace kubecliff {

struct Sample {
  Labels labels;  // without the metric's name
  double value = 0;
};

struct Point {
  Clock::time_point at;
  double value = 0;
};

class History {
 public:
  // Prometheus' own: so old may the newest sample of a series be.
  static constexpr std::chrono::minutes kLookback{5};

  // That `selector` will be asked for.
  void remember(const Selector& selector);

  // A whole scrape: series that it does not have end.
  void take(Clock::time_point now, std::span<const SnapshotPtr> snapshots);

  // Of what is known for less than `back`: counters as if they had counted like that for so long;
  // of all else, whose trend nothing tells yet, only the newest sample. Counters are told by the
  // ends of their names.
  void stretch(std::chrono::milliseconds back);

  // Its parts. A metric that nobody asked for is left alone.
  void append(std::string_view metric, const Labels& labels, Point point);
  void end(std::string_view metric, const Labels& labels);

  // The newest sample of each series.
  [[nodiscard]] std::vector<Sample> newest(const Selector& selector, Clock::time_point now) const;

  struct Series {
    const Labels* labels;
    std::vector<Point> points;  // at least one, oldest first
  };
  // The samples of each series within the selector's range, both ends included.
  [[nodiscard]] std::vector<Series> range(const Selector& selector, Clock::time_point now) const;

 private:
  struct Points {
    std::deque<Point> points;
    bool ended = false;
    bool seen = false;  // by the scrape that is being taken
  };
  struct Metric {
    std::vector<Selector> selectors;  // a series is kept that any of them takes
    std::chrono::milliseconds keep = kLookback;
    std::map<Labels, Points> series;
  };

  void take_family(Clock::time_point now, const prometheus::MetricFamily& family);
  static void append_to(Metric& metric, const Labels& labels, Point point);

  std::map<std::string, Metric, std::less<>> metrics_;
};

}  // namespace kubecliff
