// alerts/thresholds.yaml, compiled in.
#pragma once

#include <string_view>

namespace kubecliff {

[[nodiscard]] std::string_view default_checks_text();

}  // namespace kubecliff
