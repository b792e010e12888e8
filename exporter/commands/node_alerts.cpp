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
  std::unique_ptr<Told> told;
  if (!settings.alerting_config_file.empty()) {
    auto config = delivery::load_delivery_config(settings.alerting_config_file);
    if (!config) {
      return std::unexpected(config.error());
    }
    told = std::make_unique<Told>(std::move(*config));
    if (told_ != nullptr && told_->config == told->config) {
      told.reset();  // goes on
    } else {
      auto notifier = delivery::Notifier::start(told->config, told->state);
      if (!notifier) {
        return std::unexpected(notifier.error());
      }
      told->notifier = std::move(*notifier);
    }
  }

  const bool alerts = !settings.alerting_config_file.empty();
  std::unique_ptr<Alerting> ended;  // its thread may wait for the mutex
  std::unique_lock lock{mutex_};
  thresholds_ = std::make_shared<const Thresholds>(checks);
  if (told != nullptr || !alerts) {
    std::swap(told_, told);
  }
  if (!alerts) {
    std::swap(alerting_, ended);
  }
  lock.unlock();
  if (alerts) {
    judge(checks, told_->config);
  }
  return {};
}

void NodeAlerts::judge(const Checks& checks, const delivery::DeliveryConfig& config) {
  if (alerting_ != nullptr) {
    alerting_->change(checks, config.labels, config.interval);
    return;
  }
  auto scrape = [this] {
    auto snapshots = runner_.scrape();
    return snapshots ? std::move(*snapshots) : std::vector<SnapshotPtr>{};
  };
  auto alerting =
      std::make_unique<Alerting>(checks, config.labels, config.interval, std::move(scrape),
                                 [this](std::vector<Alert> alerts) { tell(std::move(alerts)); });
  const std::lock_guard lock{mutex_};
  alerting_ = std::move(alerting);
}

void NodeAlerts::tell(std::vector<Alert> alerts) const {
  const std::lock_guard lock{mutex_};
  if (told_ != nullptr) {
    told_->notifier->update(std::move(alerts));
  }
}

SnapshotPtr NodeAlerts::snapshot(std::span<const SnapshotPtr> served) const {
  Samples samples;
  const std::lock_guard lock{mutex_};
  thresholds_->add(served, samples);
  if (alerting_ != nullptr) {
    add_active(alerting_->active(), samples);
  }
  if (told_ != nullptr) {
    told_->notifier->add(samples);
  }
  return std::make_shared<const Snapshot>(samples.take());
}

}  // namespace kubecliff
