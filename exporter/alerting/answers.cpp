#include "exporter/alerting/answers.h"

#include <utility>

#include "exporter/alerting/evaluate.h"

namespace kubecliff {

void remember_checks(const Checks& checks, History& history) {
  for (const Check& check : checks.all) {
    if (check.value != nullptr) {
      for (const Selector* selector : selectors(*check.value)) {
        history.remember(*selector);
      }
    }
  }
}

Result<Answers> answers_of(const Check& check, const History& history, Moment moment) {
  if (check.value == nullptr || check.bounds.empty()) {
    return {};
  }
  const auto samples = evaluate(*check.value, history, moment);
  if (!samples) {
    return fail(samples.error().kind, check.name + ": " + samples.error().message);
  }
  Answers found;
  const bool above = check.bounds.front().side == Bound::Side::above;
  for (const Sample& sample : *samples) {
    Labels labels;
    for (const std::string& name : check.labels) {
      const auto label = sample.labels.find(name);
      if (label != sample.labels.end()) {
        labels.insert(*label);
      }
    }
    const auto [answer, is_new] = found.emplace(std::move(labels), sample.value);
    if (!is_new) {
      answer->second =
          aggregated(above ? Aggregation::max : Aggregation::min, answer->second, sample.value);
    }
  }
  return found;
}

}  // namespace kubecliff
