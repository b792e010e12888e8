#include "exporter/commands/node_alerts.h"

#include <utility>

namespace kubecliff {

Checks checks_of(const Settings& settings) {
  Checks checks = changed_checks(settings.thresholds);
  if (!settings.runbooks.empty()) {
    checks.runbooks = settings.runbooks;
  }
  return checks;
}

Result<void> NodeAlerts::apply(const Settings& settings) {
  const Checks checks = checks_of(settings);
  auto thresholds = std::make_shared<const Thresholds>(checks);
  const std::lock_guard lock{mutex_};
  thresholds_ = std::move(thresholds);
  return {};
}

SnapshotPtr NodeAlerts::snapshot(std::span<const SnapshotPtr> served) const {
  std::unique_lock lock{mutex_};
  const auto thresholds = thresholds_;
  lock.unlock();
  Samples samples;
  thresholds->add(served, samples);
  return std::make_shared<const Snapshot>(samples.take());
}

}  // namespace kubecliff
