// NodeAlerts: what the daemon does about the checks. It serves their bounds and judges the node by
// them; and where the configuration names a file of those who are to be told, it tells them.
//
// Threads: snapshot and report from any, at any time; the rest from one.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "collectors/core/result.h"
#include "exporter/alerting/alerting.h"
#include "exporter/alerting/delivery/config.h"
#include "exporter/alerting/delivery/notifier.h"
#include "exporter/alerting/delivery/state_file.h"
#include "exporter/alerting/metrics.h"
#include "exporter/config/settings.h"
#include "exporter/report/make_report.h"
#include "exporter/report/report.h"
#include "exporter/report/trail.h"
#include "exporter/runner/runner.h"
#include "exporter/runner/snapshot.h"

namespace kubecliff {

// The checks, as the configuration changes them.
[[nodiscard]] Checks checks_of(const Settings& settings);

class NodeAlerts {
 public:
  // Those who are told, by one configuration.
  struct Told {
    delivery::DeliveryConfig config;
    std::shared_ptr<delivery::StateFile> state;
    std::unique_ptr<delivery::Notifier> notifier = {};
  };
  // What settings ask for, as far as something can be wrong with it.
  struct Prepared {
    Checks checks;
    std::unique_ptr<Told> told = {};  // null: nobody is to be told
  };

  // `runner` must outlive it.
  explicit NodeAlerts(const Runner& runner) : runner_{runner} {}

  // Changes nothing yet. The error says what is wrong with the file.
  [[nodiscard]] Result<Prepared> prepare(const Settings& settings) const;
  void apply(Prepared prepared);

  // To be called before the runner's: what a runner that stops serves is not the node.
  void request_stop();

  // What the checks and the last hours say of the node. Without a finding before the first
  // judgement.
  [[nodiscard]] report::Report report(const report::Identity& identity) const;

  // What is to be served beside `served`.
  [[nodiscard]] SnapshotPtr snapshot(std::span<const SnapshotPtr> served) const;

 private:
  void tell(std::vector<Alert> alerts) const;
  [[nodiscard]] std::unique_ptr<Alerting> start(Checks checks, Labels labels, Duration interval);

  const Runner& runner_;
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::shared_ptr<const Thresholds> thresholds_ =
      std::make_shared<const Thresholds>(default_checks());
  std::unique_ptr<Told> told_;  // null where nobody is to be told

  std::shared_ptr<const Checks> checks_;

  report::Trail trail_;
  std::unique_ptr<Alerting> alerting_;  // the last: its thread tells
};

}  // namespace kubecliff
