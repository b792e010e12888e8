#include "exporter/report/local_node.h"

#include <chrono>
#include <memory>
#include <utility>

#include "collectors/kernel/host_network.h"
#include "exporter/report/facts.h"
#include "exporter/runner/self_metrics.h"

namespace kubecliff::report {
namespace {

constexpr std::chrono::minutes kAsIfFor{5};

// What the runner serves of itself, and checks ask for.
SnapshotPtr own_figures(const std::filesystem::path& procfs) {
  Samples samples;
  if (const auto first = in_first_network_namespace(procfs)) {
    add_host_network(*first, samples);
  }
  return std::make_shared<const Snapshot>(samples.take());
}

}  // namespace

LocalNode::LocalNode(Identity identity, Checks checks, const Settings& settings,
                     std::span<const CollectorSpec> specs)
    : identity_{std::move(identity)},
      checks_{std::move(checks)},
      procfs_{settings.procfs},
      once_{settings, specs} {
  remember_checks(checks_, history_);
  remember_facts(history_);
}

void LocalNode::look(Duration over) {
  if (has_rates_) {
    once_.wait(over);
    ask();
    return;
  }
  ask();
  began_ = asked_.steady;
  once_.wait(over);
  ask();
  has_rates_ = true;
}

void LocalNode::ask() {
  snapshots_ = once_.ask();
  snapshots_.push_back(own_figures(procfs_));
  asked_ = {.steady = Clock::now(), .wall = WallClock::now()};
  history_.take(asked_.steady, snapshots_);
}

Report LocalNode::report() const {
  History history = history_;
  history.stretch(kAsIfFor);
  Report report = make_report(
      identity_, {.checks = checks_,
                  .history = history,
                  .moment = asked_,
                  .covers = std::chrono::round<std::chrono::seconds>(asked_.steady - began_)});
  const auto failures = once_.failures();
  report.failures.insert(report.failures.begin(), failures.begin(), failures.end());
  return report;
}

}  // namespace kubecliff::report
