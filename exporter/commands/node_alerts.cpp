#include "exporter/commands/node_alerts.h"

#include <chrono>
#include <utility>

#include "exporter/report/facts.h"

namespace kubecliff {
namespace {

// Where nobody is told who could say otherwise.
constexpr Duration kInterval = std::chrono::seconds{15};

}  // namespace

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
  std::unique_ptr<Told> told_no_more;  // its threads may wait for the mutex
  Labels labels;
  Duration interval = kInterval;
  {
    const std::lock_guard lock{mutex_};
    thresholds_ = std::make_shared<const Thresholds>(prepared.checks);
    checks_ = std::make_shared<const Checks>(prepared.checks);
    if (prepared.told != nullptr && prepared.told->notifier == nullptr) {
      told_->config = std::move(prepared.told->config);
    } else {
      told_no_more = std::exchange(told_, std::move(prepared.told));
    }
    if (told_ != nullptr) {
      labels = told_->config.labels;
      interval = told_->config.interval;
    }
  }
  if (alerting_ != nullptr) {
    alerting_->change(std::move(prepared.checks), std::move(labels), interval);
    return;
  }
  auto alerting = start(std::move(prepared.checks), std::move(labels), interval);
  const std::lock_guard lock{mutex_};
  alerting_ = std::move(alerting);
}

std::unique_ptr<Alerting> NodeAlerts::start(Checks checks, Labels labels, Duration interval) {
  auto scrape = [this] {
    auto scraped = runner_.scrape();
    auto snapshots = scraped ? std::move(*scraped) : std::vector<SnapshotPtr>{};
    trail_.take({.steady = Clock::now(), .wall = WallClock::now()}, snapshots);
    return snapshots;
  };
  return std::make_unique<Alerting>(
      std::move(checks), std::move(labels), interval, std::move(scrape),
      [this](std::vector<Alert> alerts) { tell(std::move(alerts)); }, report::remember_facts);
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

report::Report NodeAlerts::report(const report::Identity& identity) const {
  const std::lock_guard lock{mutex_};
  report::Report report{
      .node = identity.node, .kernel = identity.kernel, .version = identity.version};
  if (alerting_ == nullptr) {
    return report;
  }
  alerting_->inspect([&](const AlertStates& states, const History& history, Moment judged,
                         Clock::duration covers) {
    report = report::make_report(
        identity, {.checks = *checks_,
                   .history = history,
                   .moment = judged,
                   .covers = std::chrono::duration_cast<std::chrono::seconds>(covers),
                   .alerts = &states});
    report.curves = trail_.curves(*checks_);
  });
  return report;
}

SnapshotPtr NodeAlerts::snapshot(std::span<const SnapshotPtr> served) const {
  Samples samples;
  const std::lock_guard lock{mutex_};
  thresholds_->add(served, samples);
  if (told_ != nullptr && alerting_ != nullptr) {
    add_active(alerting_->active(), samples);
  }
  if (told_ != nullptr) {
    told_->notifier->add(samples);
  }
  return std::make_shared<const Snapshot>(samples.take());
}

}  // namespace kubecliff
