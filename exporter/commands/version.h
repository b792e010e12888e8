// What this binary is: for --version, the log's first line and kubecliff_build_info.
#pragma once

#include <string>

#include "exporter/runner/self_metrics.h"

namespace kubecliff {

[[nodiscard]] BuildInfo build_info();

// One line: `kubecliff 1.2.3 (revision …, g++ 12.2.0)`.
[[nodiscard]] std::string version_line();

}  // namespace kubecliff
