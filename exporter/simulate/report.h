// What was measured, as a person reads it and as a script does. Pure functions; ASCII.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/simulate/measurement.h"
#include "exporter/simulate/outlook.h"

namespace kubecliff::simulate {

struct Report {
  int endpoints = 0;  // of each Service
  Measured measured;
  Present present;
  std::vector<Meeting> meetings;
};

// A table for each backend, and where the node meets each bound.
[[nodiscard]] std::string to_text(const Report& report);

// Its tables alone, and what was not measured.
[[nodiscard]] std::string tables_text(const Report& report);

// One object, as docs/simulate.md describes it, and a newline.
[[nodiscard]] std::string to_json(const Report& report);

// Where the node stands: two sentences.
[[nodiscard]] std::vector<std::string> present_lines(const Report& report);

// Where a backend meets the bounds of one check: a line of a table.
struct OutlookRow {
  struct Cell {
    std::string bound = {};  // "2.00s"; empty where the check has none
    std::string met = {};    // "2,000 in 267 days", "1,000, passed", "below 100", "over 5,000"
  };

  Backend backend = Backend::iptables_legacy;
  std::string check = {};
  std::array<Cell, 3> cells = {};  // by severity
};
[[nodiscard]] std::vector<OutlookRow> outlook_rows(const Report& report);
inline constexpr std::string_view kOutlookTitle = "Services at which the bounds of checks are met";

// "850 ms", "12.3 us".
[[nodiscard]] std::string time_text(double seconds);

// The largest spread of a point's figures, (most - least) / median.
[[nodiscard]] double noise_of(const Point& point);

}  // namespace kubecliff::simulate
