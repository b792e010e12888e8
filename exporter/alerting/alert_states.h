// AlertStates: which checks are exceeded, for how long, and what that makes of alerts.
//
// As Prometheus does it (rules/alerting.go): an alert is pending until its cause has lasted for the
// bound's `hold`, fires, goes on for `keep` after its cause, and ends. Each severity of a check is
// an alert of its own. No clock, no thread: times are handed in. Not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "collectors/core/collector.h"
#include "exporter/alerting/answers.h"
#include "exporter/alerting/checks.h"
#include "exporter/alerting/history.h"

namespace kubecliff {

class AlertStates {
 public:
  // For so long after its end an alert is among alerts().
  static constexpr std::chrono::minutes kEndedFor{15};

  // `node` are the labels that every alert carries.
  AlertStates(Checks checks, Labels node) : checks_{std::move(checks)}, node_{std::move(node)} {}

  // Other bounds from now on; what is pending or fires goes on where its check and severity do.
  void change(Checks checks, Labels node);

  // What the history says now of every check. Returns what could not be told, and why, check by
  // check; such a check stays as it was.
  std::vector<std::string> evaluate(const History& history, Moment moment);

  // Those that fire, and those that ended of late.
  [[nodiscard]] std::vector<Alert> alerts() const;

  // Since when the alert of a check fires, with the check's labels; nothing where it does not.
  [[nodiscard]] std::optional<WallClock::time_point> fires_since(const std::string& check,
                                                                 Severity severity,
                                                                 const Labels& labels) const;

  // How many alerts fire, of each check and severity that there is.
  struct Active {
    std::string check;
    Severity severity{};
    std::size_t firing = 0;
  };
  [[nodiscard]] std::vector<Active> active() const;

 private:
  struct Key {
    std::string check;
    Severity severity{};
    Labels labels;

    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct State {
    double value = 0;
    std::optional<Clock::time_point> exceeded_since = {};
    std::optional<Clock::time_point> calm_since = {};  // fires on without its cause
    bool fires = false;
    std::chrono::system_clock::time_point began = {};  // of the firing, the last one
    std::optional<Moment> ended = {};                  // until it fires again
  };
  void judge(const Check& check, const Bound& bound, const Answers& answers, Moment moment);
  static void exceed(State& state, const Bound& bound, double value, Moment moment);
  // Whether the state is to be kept.
  static bool calm(State& state, const Bound& bound, Moment moment);
  [[nodiscard]] Alert alert_of(const Check& check, const Key& key, const State& state) const;

  Checks checks_;
  Labels node_;
  std::map<Key, State> states_;
};

}  // namespace kubecliff
