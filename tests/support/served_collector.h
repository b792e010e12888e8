// ServedCollector: a collector at its defaults and what it serves, with time in the test's hands.
//
//   ServedCollector served{ipvs::spec(), "kubecliff_"};
//   served.refresh(15s);
//   EXPECT_EQ(served.figures(), …);
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/collector.h"
#include "tests/support/figures.h"

namespace kubecliff::test {

// What the collector's options are where nobody sets them.
[[nodiscard]] Options default_options(const CollectorSpec& spec);

class ServedCollector {
 public:
  // `prefix` is what all names of its metrics begin with; figures come without it. Where
  // `context` has no options, they have their defaults.
  ServedCollector(const CollectorSpec& spec, std::string_view prefix,
                  CollectorContext context = {});

  // Throws where the refresh fails as a whole.
  RefreshKind refresh(Duration later = std::chrono::seconds{1});

  // Of the last refresh that was not `unchanged`.
  [[nodiscard]] const Figures& figures() const { return figures_; }
  // Of the last refresh.
  [[nodiscard]] const std::vector<Error>& misses() const { return misses_; }
  [[nodiscard]] const std::vector<std::string>& remarks() const { return remarks_; }

 private:
  std::unique_ptr<Collector> collector_;
  std::string prefix_;
  Clock::time_point now_ = Clock::now();
  Figures figures_;
  std::vector<Error> misses_;
  std::vector<std::string> remarks_;
};

}  // namespace kubecliff::test
