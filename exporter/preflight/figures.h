// Figures: what collectors found, to be asked by the names that they are served under.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

#include "exporter/runner/snapshot.h"

namespace kubecliff::preflight {

class Figures {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  void take(const Snapshot& snapshot);

  // The sum of all series that have these labels and perhaps others; nothing where there is none.
  [[nodiscard]] std::optional<std::uint64_t> sum(std::string_view family, Labels labels = {}) const;

  // The values of `label` in the series that have these labels and are 1, in the order in which
  // they were served.
  [[nodiscard]] std::vector<std::string> ones(std::string_view family, std::string_view label,
                                              Labels labels = {}) const;

 private:
  [[nodiscard]] const prometheus::MetricFamily* find(std::string_view family) const;

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace kubecliff::preflight
