// Trail: what a handful of figures was in each minute of the last six hours, for the curves of a
// report. It is fed with what a scrape would serve, several times a minute.
//
// Gauges are as they were last in the minute. Of histograms it is what was observed within the
// minute: the mean, by sums and counts, or the median, interpolated within its bucket as PromQL's
// histogram_quantile does it. A minute in which nothing was served or observed has no point, and so
// has the one after a figure had not been served for a while.
//
// Minutes are those of a clock that never jumps, from the first take() on. The wall clock only
// labels them, as it goes when it is asked: a clock that was set right labels all of them right.
//
// 28 KiB, all of it in the object; take() allocates nothing.
//
// Threads: anything from any.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include <prometheus/client_metric.h>

#include "exporter/alerting/checks.h"
#include "exporter/alerting/moment.h"
#include "exporter/report/report.h"
#include "exporter/runner/snapshot.h"

namespace kubecliff::report {

class Trail {
 public:
  static constexpr std::size_t kMinutes = 360;

  // What is served at `moment`; the times of later calls are not earlier.
  void take(const Moment& moment, std::span<const SnapshotPtr> served);

  // Figures of which no minute is known are left out. The bounds are those of the checks that judge
  // the same figure.
  [[nodiscard]] std::vector<Curve> curves(const Checks& checks) const;

 private:
  static constexpr std::size_t kFigures = 7;
  static constexpr std::size_t kMostBuckets = 32;

  // All series of a figure together, since the process began.
  struct Observed {
    double count = 0;
    double sum = 0;
    std::size_t buckets = 0;
    std::array<double, kMostBuckets> counts{};  // cumulative
    std::array<double, kMostBuckets> bounds{};  // upper ones, rising

    // False where the buckets are not those of the series before.
    [[nodiscard]] bool add(const prometheus::ClientMetric::Histogram& histogram);
  };

  struct Figure {
    std::array<double, kMinutes> values{};  // a ring; NaN where nothing is known
    // Of the minute that goes on:
    double last = 0;   // NaN: not served
    Observed begin{};  // when it began; nothing was observed before anything was served
    Observed now{};
    bool is_known = true;  // what `begin` says
  };

  void close_minutes_before(std::int64_t minute);
  void take_figure(std::size_t index, std::span<const SnapshotPtr> served);
  [[nodiscard]] static double value_of_minute(std::size_t index, const Figure& figure);

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::array<Figure, kFigures> figures_{};
  std::optional<Moment> first_;
  Moment newest_{};
  std::int64_t minute_ = 0;  // the one that goes on; the first is 0
  double limit_ = 0;         // of connections, when it was last served; NaN: never
};

}  // namespace kubecliff::report
