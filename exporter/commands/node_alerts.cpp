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

Result<NodeAlerts::Prepared> NodeAlerts::prepare(const Settings& settings) const {
  Prepared prepared{.checks = checks_of(settings)};
  if (settings.alerting_config_file.empty()) {
    return prepared;
  }
  auto config = delivery::load_delivery_config(settings.alerting_config_file);
  if (!config) {
    return std::unexpected(config.error());
  }
  prepared.told = std::make_unique<Told>(Told{.config = std::move(*config), .state = {}});
  Told& told = *prepared.told;
  if (told_ != nullptr && told_->config.same_receivers(told.config)) {
    return prepared;  // theirs go on, and their connections
  }
  told.state = told_ != nullptr && told_->config.state_file == told.config.state_file
                   ? told_->state
                   : std::make_shared<delivery::StateFile>(told.config.state_file);
  auto notifier = delivery::Notifier::start(told.config, *told.state);
  if (!notifier) {
    return std::unexpected(notifier.error());
  }
  told.notifier = std::move(*notifier);
  return prepared;
}

void NodeAlerts::apply(Prepared prepared) {
  std::unique_ptr<Alerting> ended;  // its thread may wait for the mutex
  std::unique_ptr<Told> told_no_more;
  {
    const std::lock_guard lock{mutex_};
    thresholds_ = std::make_shared<const Thresholds>(prepared.checks);
    if (prepared.told != nullptr && prepared.told->notifier == nullptr) {
      told_->config = std::move(prepared.told->config);
    } else {
      told_no_more = std::exchange(told_, std::move(prepared.told));
    }
    if (told_ == nullptr) {
      ended = std::move(alerting_);
    }
  }
  if (told_ == nullptr) {
    return;
  }
  if (alerting_ != nullptr) {
    alerting_->change(prepared.checks, told_->config.labels, told_->config.interval);
    return;
  }
  auto alerting = start(prepared.checks, told_->config);
  const std::lock_guard lock{mutex_};
  alerting_ = std::move(alerting);
}

std::unique_ptr<Alerting> NodeAlerts::start(const Checks& checks,
                                            const delivery::DeliveryConfig& config) {
  auto scrape = [this] {
    auto snapshots = runner_.scrape();
    return snapshots ? std::move(*snapshots) : std::vector<SnapshotPtr>{};
  };
  return std::make_unique<Alerting>(checks, config.labels, config.interval, std::move(scrape),
                                    [this](std::vector<Alert> alerts) { tell(std::move(alerts)); });
}

void NodeAlerts::request_stop() {
  if (alerting_ != nullptr) {
    alerting_->request_stop();
  }
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
