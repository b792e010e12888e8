// What an expression comes to on this node, as Prometheus would have it (2.42, functions.go and
// engine.go: extrapolation at the ends of a range, counter resets, quantiles of buckets).
//
// Pure function of the history and the times; any thread that may read the history.
#pragma once

#include <vector>

#include "collectors/core/result.h"
#include "exporter/alerting/expression.h"
#include "exporter/alerting/history.h"
#include "exporter/alerting/moment.h"

namespace kubecliff {

// One sample for each set of labels; a number is one without labels. The error says that a join has
// two candidates, which is a mistake in the expression.
[[nodiscard]] Result<std::vector<Sample>> evaluate(const Expression& expression,
                                                   const History& history, Moment moment);

// The aggregation of what was aggregated so far and one value more; what is not a number is passed
// over where there is another.
[[nodiscard]] double aggregated(Aggregation aggregation, double so_far, double value);

}  // namespace kubecliff
