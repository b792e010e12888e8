// What an expression comes to on this node, as Prometheus would have it (2.42, functions.go and
// engine.go: extrapolation at the ends of a range, counter resets, quantiles of buckets).
//
// Pure function of the history and the times; any thread that may read the history.
#pragma once

#include <chrono>
#include <vector>

#include "collectors/core/collector.h"
#include "collectors/core/result.h"
#include "exporter/alerting/expression.h"
#include "exporter/alerting/history.h"

namespace kubecliff {

struct Moment {
  Clock::time_point now;
  std::chrono::system_clock::time_point wall_now;  // what time() says
};

// One sample for each set of labels; a number is one without labels. The error says that a join has
// two candidates, which is a mistake in the expression.
[[nodiscard]] Result<std::vector<Sample>> evaluate(const Expression& expression,
                                                   const History& history, Moment moment);

}  // namespace kubecliff
