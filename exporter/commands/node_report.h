// NodeReport: what the daemon says of its node to those who ask for more than metrics.
//
// Threads: report from any, at any time; apply from one.
#pragma once

#include <cstddef>
#include <utility>

#include "exporter/commands/node_alerts.h"
#include "exporter/config/settings.h"
#include "exporter/http/message.h"
#include "exporter/report/make_report.h"
#include "exporter/report/names.h"
#include "exporter/report/report.h"
#include "exporter/runner/runner.h"

namespace kubecliff {

class NodeReport {
 public:
  // Both must outlive it.
  NodeReport(const Runner& runner, const NodeAlerts& alerts, report::Identity identity)
      : runner_{runner}, alerts_{alerts}, identity_{std::move(identity)} {}

  void apply(const Settings& settings);

  // With the `top` longest lists of what has a name, for who may see them; none where it is 0.
  // Costs some milliseconds, and what LatestNames says.
  [[nodiscard]] report::Report report(http::Asker asker, std::size_t top) const;

 private:
  const Runner& runner_;
  const NodeAlerts& alerts_;
  const report::Identity identity_;
  mutable report::LatestNames names_;
};

}  // namespace kubecliff
