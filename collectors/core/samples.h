// Samples: what one refresh of a collector found, on its way to becoming a snapshot.
//
// Not thread-safe: a refresh fills its own. Families come out sorted by name, samples in the order
// in which they were added, families without a sample not at all.
#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include "collectors/core/family.h"
#include "collectors/core/result.h"

namespace kubecliff {

// A duration as the value of a sample.
[[nodiscard]] constexpr double seconds(std::chrono::duration<double> time) {
  return time.count();
}

class Samples {
 public:
  // Gauges and counters. The values stand in the order of the family's labels; another number of
  // values is a bug in the collector and aborts. A sample past the family's `max_series` is not
  // added but counted in `dropped()`: a node never serves more than it declared.
  void add(const FamilySpec& family, std::initializer_list<std::string_view> label_values,
           double value);
  void add(const FamilySpec& family, double value) { add(family, {}, value); }
  // Whole metrics, such as what prometheus::Histogram::Collect() gives; their labels are those
  // given here.
  void add(const FamilySpec& family, std::initializer_list<std::string_view> label_values,
           prometheus::ClientMetric metric) {
    add(family, std::span{label_values.begin(), label_values.size()}, std::move(metric));
  }
  void add(const FamilySpec& family, std::span<const std::string_view> label_values,
           prometheus::ClientMetric metric);

  // A part of what the collector reads could not be read; the rest stands. The runner counts and
  // logs it, and the collector does not count as successful.
  void miss(Error error) { misses_.push_back(std::move(error)); }

  // Something that has happened and is neither a figure nor a failure: a line for the log, in plain
  // words, said once.
  void remark(std::string text) { remarks_.push_back(std::move(text)); }

  [[nodiscard]] bool empty() const { return families_.empty(); }
  [[nodiscard]] std::size_t dropped() const { return dropped_; }
  [[nodiscard]] const std::vector<Error>& misses() const { return misses_; }
  [[nodiscard]] const std::vector<std::string>& remarks() const { return remarks_; }

  // The families, sorted by name; leaves the samples empty.
  [[nodiscard]] std::vector<prometheus::MetricFamily> take();

 private:
  // Null where the family has all the series that it may have.
  [[nodiscard]] prometheus::ClientMetric* make_metric(
      const FamilySpec& family, std::span<const std::string_view> label_values,
      prometheus::ClientMetric metric);

  std::vector<prometheus::MetricFamily> families_;
  std::vector<Error> misses_;
  std::vector<std::string> remarks_;
  std::size_t dropped_ = 0;
};

}  // namespace kubecliff
