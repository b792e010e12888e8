// How long the lists of a report may be.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "exporter/config/values.h"

namespace kubecliff::report {

inline constexpr std::size_t kTop = 5;
inline constexpr std::size_t kMostTop = 100;

// A number from 0 to kMostTop; nothing for any other text.
[[nodiscard]] inline std::optional<std::size_t> parse_top(std::string_view text) {
  const auto top = parse_integer(text);
  return top && *top >= 0 && *top <= static_cast<std::int64_t>(kMostTop)
             ? std::optional{static_cast<std::size_t>(*top)}
             : std::nullopt;
}

}  // namespace kubecliff::report
