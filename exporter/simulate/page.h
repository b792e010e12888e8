// The curves: as a page of its own, and as a drawing. Pure functions; nothing is loaded from
// anywhere.
#pragma once

#include <string>

#include "exporter/simulate/report.h"

namespace kubecliff::simulate {

[[nodiscard]] std::string to_html(const Report& report);
[[nodiscard]] std::string to_svg(const Report& report);

}  // namespace kubecliff::simulate
