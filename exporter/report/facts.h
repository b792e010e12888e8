// Facts: what a report tells of a node beside its checks, each asked for as a check is, by an
// expression over what collectors serve (exporter/alerting/expression.h).
#pragma once

#include <chrono>
#include <vector>

#include "exporter/alerting/history.h"
#include "exporter/alerting/moment.h"
#include "exporter/report/report.h"

namespace kubecliff::report {

// That the facts will be asked for, and the mode.
void remember_facts(History& history);

// Sections without a fact are left out; so are facts that need a longer look back than `covers`.
[[nodiscard]] std::vector<Section> sections_of(const History& history, Moment moment,
                                               std::chrono::seconds covers);

[[nodiscard]] Mode mode_of(const History& history, Moment moment);

}  // namespace kubecliff::report
