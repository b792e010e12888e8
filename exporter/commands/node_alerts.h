// NodeAlerts: what the daemon does about the checks. It serves their bounds; and where the
// configuration names a file of those who are to be told, it judges the node and tells them.
//
// Threads: apply from one; snapshot from any, at any time.
#pragma once

#include <memory>
#include <mutex>
#include <span>

#include "collectors/core/result.h"
#include "exporter/alerting/alerting.h"
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
  const Runner& runner_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Thresholds> thresholds_ =
      std::make_shared<const Thresholds>(default_checks());  // guarded by mutex_
};

}  // namespace kubecliff
