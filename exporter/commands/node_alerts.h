// NodeAlerts: what the daemon does about the checks. It serves their bounds; and where the
// configuration names a file of those who are to be told, it judges the node and tells them.
//
// Threads: apply from one; snapshot from any, at any time.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "collectors/core/result.h"
#include "exporter/alerting/alerting.h"
#include "exporter/alerting/delivery/config.h"
#include "exporter/alerting/delivery/notifier.h"
#include "exporter/alerting/delivery/state_file.h"
#include "exporter/alerting/metrics.h"
#include "exporter/config/settings.h"
#include "exporter/runner/runner.h"
#include "exporter/runner/snapshot.h"

namespace kubecliff {

// The checks, as the configuration changes them.
[[nodiscard]] Checks checks_of(const Settings& settings);

class NodeAlerts {
 public:
  // `runner` must outlive it.
  explicit NodeAlerts(const Runner& runner) : runner_{runner} {}

  // Leaves everything as it was where the file is wrong.
  [[nodiscard]] Result<void> apply(const Settings& settings);

  // What is to be served beside `served`.
  [[nodiscard]] SnapshotPtr snapshot(std::span<const SnapshotPtr> served) const;

 private:
  // Those who are told, by one configuration.
  struct Told {
    Told(delivery::DeliveryConfig of) : config{std::move(of)}, state{config.state_file} {}

    delivery::DeliveryConfig config;
    delivery::StateFile state;
    std::unique_ptr<delivery::Notifier> notifier;
  };

  void tell(std::vector<Alert> alerts) const;
  void judge(const Checks& checks, const delivery::DeliveryConfig& config);

  const Runner& runner_;
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::shared_ptr<const Thresholds> thresholds_ =
      std::make_shared<const Thresholds>(default_checks());
  std::unique_ptr<Told> told_;  // null where nobody is to be told

  std::unique_ptr<Alerting> alerting_;  // the last: its thread tells
};

}  // namespace kubecliff
