// A report for a terminal, in at most 100 columns; a single word that is longer, such as a
// runbook's address, stays whole. A pure function: nothing in it that a terminal would act on but
// our own colours.
#pragma once

#include <cstdint>
#include <string>

#include "exporter/report/report.h"

namespace kubecliff::report {

enum class Colours : std::uint8_t { off, on };

[[nodiscard]] std::string to_text(const Report& report, Colours colours);

}  // namespace kubecliff::report
