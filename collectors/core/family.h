// FamilySpec: a metric family as its collector declares it, once. HELP and TYPE lines, the cap on
// series, docs/metrics.md and the golden tests all come from here.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include <prometheus/metric_type.h>

namespace kubecliff {

// Names of labels, in the order in which samples give their values.
class LabelNames {
 public:
  static constexpr std::size_t kMost = 4;

  template <typename... Names>
    requires(sizeof...(Names) <= kMost)
  constexpr LabelNames(Names... names)  // NOLINT(*-explicit-*): reads as a list at the declaration
      : names_{std::string_view{names}...}, count_{sizeof...(Names)} {}

  [[nodiscard]] constexpr std::span<const std::string_view> names() const {
    return std::span{names_}.first(count_);
  }
  [[nodiscard]] constexpr std::size_t size() const { return count_; }

 private:
  std::array<std::string_view, kMost> names_;
  std::size_t count_;
};

struct FamilySpec {
  std::string_view name;  // in full, as it is served
  prometheus::MetricType type = prometheus::MetricType::Gauge;
  std::string_view help;  // one sentence an on-call engineer understands
  LabelNames labels = {};
  std::size_t max_series = 1;  // most combinations of labels that a node can have, at any size
  std::span<const double> bounds = {};  // histograms only: upper bounds of the buckets

  // Series that all of them are, +Inf, sum and count of a histogram among them.
  [[nodiscard]] constexpr std::size_t most_series() const {
    return max_series * (type == prometheus::MetricType::Histogram ? bounds.size() + 3 : 1);
  }
};

}  // namespace kubecliff
