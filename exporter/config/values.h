// Values as people write them: text to value and back. Pure functions; no value means that the text
// is not one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "collectors/core/options.h"

namespace kubecliff {

// As Prometheus writes durations: `500ms`, `15s`, `1h30m`; units from years to milliseconds, each
// at most once, the largest first; or a plain `0`.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
[[nodiscard]] std::string to_text(Duration duration);

[[nodiscard]] std::optional<bool> parse_bool(std::string_view text);  // `true` or `false`, no other
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);
[[nodiscard]] std::optional<double> parse_number(std::string_view text);  // finite
[[nodiscard]] std::string to_text(double number);  // the shortest that reads back

// In UTC: 2026-11-22T21:50:03Z. A fraction of a second is left out.
[[nodiscard]] std::string to_utc(std::chrono::system_clock::time_point time);
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> parse_utc(std::string_view text);

// The one of `known` that `name` was probably meant to be; nothing where none is near.
[[nodiscard]] std::optional<std::string_view> closest(std::string_view name,
                                                      std::span<const std::string_view> known);

}  // namespace kubecliff
