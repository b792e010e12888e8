// The Prometheus rule file that says what the checks say. Pure function.
#pragma once

#include <string>

#include "exporter/alerting/checks.h"

namespace kubecliff {

// A rule for each bound of each check. Bounds that are served are taken from kubecliff_threshold of
// the node that is judged, the others are written down.
[[nodiscard]] std::string prometheus_rules(const Checks& checks);

}  // namespace kubecliff
