// What a check comes to on this node now. A pure function of the history and the times.
#pragma once

#include <map>

#include "collectors/core/result.h"
#include "exporter/alerting/alert.h"
#include "exporter/alerting/checks.h"
#include "exporter/alerting/history.h"
#include "exporter/alerting/moment.h"

namespace kubecliff {

// That the checks will be asked for.
void remember_checks(const Checks& checks, History& history);

// By the check's labels; of several answers that have the same the worst.
using Answers = std::map<Labels, double>;

// Empty where this node has nothing to say to it, or only Prometheus can. The error names the
// check.
[[nodiscard]] Result<Answers> answers_of(const Check& check, const History& history, Moment moment);

}  // namespace kubecliff
