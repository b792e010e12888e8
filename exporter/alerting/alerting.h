// Alerting: judges this node by the checks, again and again, on a thread of its own, from what a
// scrape would have served. What comes of it is handed on.
//
// Threads: anything from any. The functions given are called by its thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "collectors/core/options.h"
#include "exporter/alerting/alert_states.h"
#include "exporter/alerting/checks.h"
#include "exporter/alerting/history.h"
#include "exporter/runner/snapshot.h"

namespace kubecliff {

class Alerting {
 public:
  using Scrape = std::function<std::vector<SnapshotPtr>()>;
  // All alerts that fire, and those that ended within AlertStates::kEndedFor.
  using Tell = std::function<void(std::vector<Alert> alerts)>;

  // What else is to be remembered of what is scraped.
  using Remember = std::function<void(History& history)>;

  Alerting(Checks checks, Labels node, Duration interval, Scrape scrape, Tell tell,
           const Remember& remember_more = nullptr);
  Alerting(const Alerting&) = delete;
  Alerting& operator=(const Alerting&) = delete;
  ~Alerting();  // waits for the judgement under way

  // Other bounds, labels and interval from the next judgement on; what fires goes on.
  void change(Checks checks, Labels node, Duration interval);

  // Nothing is judged or told any more: what is scraped from now on is not the node. Returns at
  // once.
  void request_stop();

  // What there is at the last judgement, and since when it is remembered; not called before the
  // first. Nothing is judged meanwhile.
  using Inspect = std::function<void(const AlertStates& states, const History& history,
                                     Moment judged, Clock::duration covers)>;
  void inspect(const Inspect& inspect) const;

  // As of the last judgement.
  [[nodiscard]] std::vector<AlertStates::Active> active() const;

 private:
  void run(const std::stop_token& stop);
  void judge(const std::stop_token& stop);

  const Scrape scrape_;
  const Tell tell_;

  mutable std::mutex mutex_;
  std::condition_variable_any wakes_;
  Duration interval_;  // guarded by mutex_, as are these
  bool changed_ = false;
  AlertStates states_;
  History history_;
  std::optional<Moment> judged_ = {};
  const Clock::time_point began_ = Clock::now();
  std::vector<std::string> failures_;

  std::jthread thread_;  // the last, so that it ends before what it uses
};

}  // namespace kubecliff
