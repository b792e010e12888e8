// The metrics of alerting. Pure functions.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "collectors/core/family.h"
#include "collectors/core/samples.h"
#include "exporter/alerting/alert_states.h"
#include "exporter/alerting/checks.h"

namespace kubecliff {

[[nodiscard]] std::vector<FamilySpec> alerting_families();

// The bounds of every check that asks for none but `metrics`: what this process serves.
void add_thresholds(const Checks& checks, std::span<const std::string_view> metrics, Samples& out);

void add_active(std::span<const AlertStates::Active> active, Samples& out);

}  // namespace kubecliff
