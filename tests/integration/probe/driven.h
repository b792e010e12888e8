// DrivenProbe: the collector as its thread runs it, in a test's hands.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collectors/core/collector.h"
#include "tests/support/figures.h"

namespace kubecliff::test {

// Options of the collector or of one target, those that are not named at their defaults.
using Named = std::map<std::string, OptionValue, std::less<>>;
[[nodiscard]] Options target(Named fields);
[[nodiscard]] Options probe_options(Named options);

class DrivenProbe {
 public:
  explicit DrivenProbe(Named options);

  // Refreshes each second and handles events until `enough` of the figures, or not within 20 s.
  [[nodiscard]] bool until(const std::function<bool(const Figures&)>& enough);
  // As long as that takes for a series to have that value.
  [[nodiscard]] bool until(const std::string& series, double value);

  // Names come without "kubecliff_".
  [[nodiscard]] const Figures& figures() const { return figures_; }
  // NaN where there is no such series.
  [[nodiscard]] double at(const std::string& series) const;
  [[nodiscard]] const std::vector<std::string>& remarks() const { return remarks_; }
  // Misses of all refreshes.
  [[nodiscard]] const std::vector<Error>& misses() const { return misses_; }

 private:
  std::unique_ptr<Collector> collector_;
  Figures figures_;
  std::vector<std::string> remarks_;
  std::vector<Error> misses_;
};

}  // namespace kubecliff::test
