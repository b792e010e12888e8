// How receivers want times and texts. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "exporter/alerting/alert.h"
#include "exporter/alerting/delivery/receiver.h"

namespace kubecliff::delivery {

// RFC 3339 with milliseconds, in UTC: 2024-05-01T12:00:00.000Z.
[[nodiscard]] std::string to_rfc3339(WallClock::time_point time);

// What Prometheus and Alertmanager call an alert's fingerprint: FNV-1a over its labels.
[[nodiscard]] std::uint64_t fingerprint(const Labels& labels);
[[nodiscard]] std::string to_hex(std::uint64_t number);  // sixteen digits

// The text, or its beginning and "…", in at most so many bytes, of which there are at least three;
// no character is cut in two.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t most);

// JSON as text, whatever bytes its texts hold.
[[nodiscard]] std::string to_text(const Json& json);

}  // namespace kubecliff::delivery
