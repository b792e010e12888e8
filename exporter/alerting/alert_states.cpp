#include "exporter/alerting/alert_states.h"

#include <algorithm>

#include "exporter/alerting/words.h"

namespace kubecliff {
namespace {

const Bound* find_bound(const Check& check, Severity severity) {
  const auto found = std::ranges::find(check.bounds, severity, &Bound::severity);
  return found == check.bounds.end() ? nullptr : &*found;
}

}  // namespace

void AlertStates::change(Checks checks, Labels node) {
  checks_ = std::move(checks);
  node_ = std::move(node);
  std::erase_if(states_, [this](const auto& entry) {
    const auto check = std::ranges::find(checks_.all, entry.first.check, &Check::name);
    return check == checks_.all.end() || find_bound(*check, entry.first.severity) == nullptr;
  });
}

std::vector<std::string> AlertStates::evaluate(const History& history, Moment moment) {
  std::vector<std::string> failures;
  for (const Check& check : checks_.all) {
    const auto answers = answers_of(check, history, moment);
    if (!answers) {
      failures.push_back(answers.error().message);
      continue;
    }
    for (const Bound& bound : check.bounds) {
      judge(check, bound, *answers, moment);
    }
  }
  return failures;
}

void AlertStates::judge(const Check& check, const Bound& bound, const Answers& answers,
                        Moment moment) {
  const Key first{.check = check.name, .severity = bound.severity, .labels = {}};
  for (auto at = states_.lower_bound(first); at != states_.end() && at->first.check == check.name &&
                                             at->first.severity == bound.severity;) {
    const auto answer = answers.find(at->first.labels);
    const bool exceeded = answer != answers.end() && bound.exceeded_by(answer->second);
    at = exceeded || calm(at->second, bound, moment) ? std::next(at) : states_.erase(at);
  }
  for (const auto& [labels, value] : answers) {
    if (bound.exceeded_by(value)) {
      State& state = states_[{.check = check.name, .severity = bound.severity, .labels = labels}];
      exceed(state, bound, value, moment);
    }
  }
}

void AlertStates::exceed(State& state, const Bound& bound, double value, Moment moment) {
  state.value = value;
  state.calm_since.reset();
  if (!state.exceeded_since) {
    state.exceeded_since = moment.steady;
  }
  if (!state.fires && moment.steady - *state.exceeded_since >= bound.hold) {
    state.fires = true;
    state.began = moment.wall;
    state.ended.reset();
  }
}

bool AlertStates::calm(State& state, const Bound& bound, Moment moment) {
  state.exceeded_since.reset();
  if (state.fires) {
    if (!state.calm_since) {
      state.calm_since = moment.steady;
    }
    if (moment.steady - *state.calm_since >= bound.keep) {
      state.fires = false;
      state.ended = moment;
    }
  }
  return state.fires || (state.ended && moment.steady - state.ended->steady <= kEndedFor);
}

std::vector<Alert> AlertStates::alerts() const {
  std::vector<Alert> all;
  for (const auto& [key, state] : states_) {
    const auto check = std::ranges::find(checks_.all, key.check, &Check::name);
    if ((state.fires || state.ended) && check != checks_.all.end()) {
      all.push_back(alert_of(*check, key, state));
    }
  }
  return all;
}

Alert AlertStates::alert_of(const Check& check, const Key& key, const State& state) const {
  Alert alert{.severity = key.severity, .labels = node_, .annotations = {}, .began = state.began};
  alert.labels.insert(key.labels.begin(), key.labels.end());
  alert.annotations = {
      {"summary", filled_in(check.summary, check.unit, state.value, alert.labels)},
      {"description", filled_in(check.description, check.unit, state.value, alert.labels)},
      {"runbook_url", checks_.runbook_of(check)}};
  alert.labels.insert_or_assign("alertname", check.alert_name());
  alert.labels.insert_or_assign("severity", std::string{name(key.severity)});
  if (state.ended) {
    alert.ended = state.ended->wall;
  }
  return alert;
}

std::optional<WallClock::time_point> AlertStates::fires_since(const std::string& check,
                                                              Severity severity,
                                                              const Labels& labels) const {
  const auto found = states_.find({.check = check, .severity = severity, .labels = labels});
  return found != states_.end() && found->second.fires ? std::optional{found->second.began}
                                                       : std::nullopt;
}

std::vector<AlertStates::Active> AlertStates::active() const {
  std::vector<Active> all;
  for (const Check& check : checks_.all) {
    if (check.value == nullptr) {
      continue;
    }
    for (const Bound& bound : check.bounds) {
      const auto firing = std::ranges::count_if(states_, [&](const auto& entry) {
        return entry.first.check == check.name && entry.first.severity == bound.severity &&
               entry.second.fires;
      });
      all.push_back({.check = check.name,
                     .severity = bound.severity,
                     .firing = static_cast<std::size_t>(firing)});
    }
  }
  return all;
}

}  // namespace kubecliff
