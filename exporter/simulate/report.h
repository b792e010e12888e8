// What was measured, as a person reads it and as a script does. Pure functions; ASCII.
#pragma once

#include <string>
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

// Where the node stands, and when it meets what: lines of plain words, as they end the text.
[[nodiscard]] std::vector<std::string> outlook_lines(const Report& report);

// "850 ms", "12.3 us".
[[nodiscard]] std::string time_text(double seconds);

// The largest spread of a point's figures, (most - least) / median.
[[nodiscard]] double noise_of(const Point& point);

}  // namespace kubecliff::simulate
