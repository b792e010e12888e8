// The colours, dashes and fonts of charts, as CSS. Every selector begins with .kc-chart.
#pragma once

#include <cstddef>
#include <string_view>

namespace kubecliff::chart {

// So many lines are told apart, by dash pattern and colour.
inline constexpr std::size_t kMostLines = 8;

[[nodiscard]] std::string_view style();

}  // namespace kubecliff::chart
