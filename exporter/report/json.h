// A report as JSON, as docs/report.md describes it, and back. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "collectors/core/result.h"
#include "exporter/report/report.h"

namespace kubecliff::report {

inline constexpr std::string_view kSchema = "kubecliff.report/1";

// One object, and a newline. Bytes that are no UTF-8 become U+FFFD; what is not a finite number is
// null.
[[nodiscard]] std::string to_json(const Report& report);

// What to_json() wrote, be it here or by a daemon of another version: keys that are missing leave
// what a report has without them, those that are not known are passed over. Malformed: no object of
// this schema, or a value of another type; the error names the key.
[[nodiscard]] Result<Report> from_json(std::string_view text);

}  // namespace kubecliff::report
