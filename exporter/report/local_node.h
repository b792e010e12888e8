// LocalNode: a report of this node without a daemon: its collectors are asked here and now, twice,
// so that there are rates. Not thread-safe.
#pragma once

#include <span>
#include <vector>

#include "collectors/core/collector.h"
#include "exporter/alerting/checks.h"
#include "exporter/alerting/history.h"
#include "exporter/alerting/moment.h"
#include "exporter/config/settings.h"
#include "exporter/once/once.h"
#include "exporter/report/make_report.h"
#include "exporter/report/report.h"
#include "exporter/runner/snapshot.h"

namespace kubecliff::report {

class LocalNode {
 public:
  // Long enough for a rate to mean something, short enough to wait for.
  static constexpr Duration kOver{2'000};

  // `specs` must outlive it.
  LocalNode(Identity identity, Checks checks, const Settings& settings,
            std::span<const CollectorSpec> specs);

  // Asks all collectors; before that, where they were asked already, lets `over` go by. The first
  // time asks them twice, so that there are rates.
  void look(Duration over = kOver);

  // As of the last look. What counted since the first one is taken as if it had counted like that
  // for five minutes: so do the checks' rates mean what they mean to a daemon.
  [[nodiscard]] Report report() const;
  [[nodiscard]] const std::vector<SnapshotPtr>& snapshots() const { return snapshots_; }

 private:
  void ask();

  Identity identity_;
  Checks checks_;
  std::filesystem::path procfs_;
  Once once_;
  History history_;
  std::vector<SnapshotPtr> snapshots_;
  Moment asked_;
  Clock::time_point began_;
  bool has_rates_ = false;
};

}  // namespace kubecliff::report
