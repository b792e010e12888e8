// A checklist as a person reads it, and as a script does. Pure functions.
//
// What stands in a report may come from kube-proxy's answers and files: of a control character, or
// of bytes that are no UTF-8, nothing reaches a terminal.
#pragma once

#include <string>

#include "exporter/preflight/checks.h"
#include "exporter/preflight/facts.h"
#include "exporter/preflight/target.h"

namespace kubecliff::preflight {

struct Report {
  Target target = Target::nftables;
  Facts facts;
  Checks checks;
  int exit_code = 0;
};

// In at most 100 columns: what is worst first, what is fine in a line each, the verdict last.
[[nodiscard]] std::string to_text(const Report& report);

// One object, as docs/preflight.md describes it, and a newline.
[[nodiscard]] std::string to_json(const Report& report);

}  // namespace kubecliff::preflight
