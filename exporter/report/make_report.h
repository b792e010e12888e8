// From what was watched to a Report. Pure functions of what they are given.
#pragma once

#include <chrono>
#include <string>

#include "exporter/alerting/alert_states.h"
#include "exporter/alerting/checks.h"
#include "exporter/alerting/history.h"
#include "exporter/alerting/moment.h"
#include "exporter/report/report.h"

namespace kubecliff::report {

// Who reports.
struct Identity {
  std::string node;
  std::string kernel;
  std::string version;
};

// This machine, and this program in that version.
[[nodiscard]] Identity identity(std::string version);

// What was seen of the node.
struct Watched {
  const Checks& checks;
  const History& history;  // remember_facts() was told it, and the checks
  Moment moment;           // of the last sample
  std::chrono::seconds covers{0};
  const AlertStates* alerts = nullptr;  // where somebody goes on watching
};

// All of a report but what does not follow from the history: curves, names, failures of collectors.
[[nodiscard]] Report make_report(const Identity& identity, const Watched& watched);

}  // namespace kubecliff::report
