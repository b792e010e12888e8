#include "exporter/alerting/alerting.h"

#include <algorithm>
#include <exception>
#include <stop_token>
#include <utility>

#include "exporter/alerting/answers.h"
#include "exporter/logging/log.h"

namespace kubecliff {
namespace {

constexpr Duration kAtTheStart{1'000};

}  // namespace

Alerting::Alerting(Checks checks, Labels node, Duration interval, Scrape scrape, Tell tell,
                   const Remember& remember_more)
    : scrape_{std::move(scrape)},
      tell_{std::move(tell)},
      interval_{interval},
      states_{std::move(checks), std::move(node)} {
  remember_checks(default_checks(), history_);
  if (remember_more) {
    remember_more(history_);
  }
  thread_ = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
}

Alerting::~Alerting() {
  request_stop();
}

void Alerting::request_stop() {
  thread_.request_stop();
}

void Alerting::change(Checks checks, Labels node, Duration interval) {
  const std::lock_guard lock{mutex_};
  interval_ = interval;
  states_.change(std::move(checks), std::move(node));
  changed_ = true;
  wakes_.notify_all();
}

std::vector<AlertStates::Active> Alerting::active() const {
  const std::lock_guard lock{mutex_};
  return states_.active();
}

void Alerting::inspect(const Inspect& inspect) const {
  const std::lock_guard lock{mutex_};
  if (judged_) {
    inspect(states_, history_, *judged_, judged_->steady - began_);
  }
}

void Alerting::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Clock::time_point began = Clock::now();
    try {
      judge(stop);
    } catch (const std::exception& error) {
      // There is no memory left, which may pass.
      log_error("this node cannot be judged", {{"error", error.what()}});
    }
    std::unique_lock lock{mutex_};
    // At the start more often, so that there is something to see before an interval is over.
    const Duration pause =
        began - began_ < interval_ ? std::min(interval_, kAtTheStart) : interval_;
    wakes_.wait_until(lock, stop, began + pause, [this] { return changed_; });
    changed_ = false;
  }
}

void Alerting::judge(const std::stop_token& stop) {
  const std::vector<SnapshotPtr> snapshots = scrape_();
  if (stop.stop_requested()) {
    return;
  }
  const Moment moment{.steady = Clock::now(), .wall = WallClock::now()};
  std::unique_lock lock{mutex_};
  history_.take(moment.steady, snapshots);
  std::vector<std::string> failures = states_.evaluate(history_, moment);
  judged_ = moment;
  std::vector<Alert> alerts = states_.alerts();
  for (const std::string& failure : failures) {
    if (std::ranges::find(failures_, failure) == failures_.end()) {
      log_error("a check cannot be judged", {{"error", failure}});
    }
  }
  failures_ = std::move(failures);
  lock.unlock();
  tell_(std::move(alerts));
}

}  // namespace kubecliff
