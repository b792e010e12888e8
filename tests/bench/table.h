// What was measured, as a Markdown table whose columns stand under each other.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kubecliff::bench {

// A target, and how far what was measured is from it.
struct Target {
  std::string text;    // "<= 1.4 x"
  double overrun = 0;  // the part of the target that is used up: met up to 1
};

// The target is stated as text too, for it has a unit.
[[nodiscard]] Target at_most(double limit, double measured, std::string text);
[[nodiscard]] Target at_least(double limit, double measured, std::string text);
// For a ratio to the reference.
[[nodiscard]] Target at_most_times(double limit, double ratio);
[[nodiscard]] Target at_least_times_less(double limit, double ratio);

struct Row {
  std::string figure;
  std::string measured;
  std::string reference = {};         // what it is compared with, from the same run
  std::optional<double> ratio = {};   // measured to reference
  std::optional<Target> target = {};  // none: told for the sake of completeness
};

class Table {
 public:
  void add(Row row) { rows_.push_back(std::move(row)); }
  void print(std::ostream& out) const;

 private:
  std::vector<Row> rows_;
};

}  // namespace kubecliff::bench
