// What a tick of an axis says. Pure functions; short texts, plain numbers where they are not told
// otherwise.
#pragma once

#include <string>

namespace kubecliff::chart {

[[nodiscard]] std::string number_text(double value);   // "0.5", "950", "1.2k", "1.5M"
[[nodiscard]] std::string seconds_text(double value);  // "250us", "1.5s", "10m", "2h"
[[nodiscard]] std::string percent_text(double ratio);  // "70%" of 0.7
[[nodiscard]] std::string bytes_text(double value);    // "512 B", "1.5 MiB"
// Of seconds since 1970, in UTC: "14:05".
[[nodiscard]] std::string clock_text(double value);

}  // namespace kubecliff::chart
