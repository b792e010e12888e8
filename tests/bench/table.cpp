#include "tests/bench/table.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <ostream>
#include <utility>

namespace kubecliff::bench {
namespace {

using Cells = std::array<std::string, 6>;
using Widths = std::array<std::size_t, 6>;

std::string times(double factor) {
  std::array<char, 32> text{};
  const int digits = factor < 0.095 ? 4 : 2;
  std::snprintf(text.data(), text.size(), "%.*f x", digits, factor);
  return text.data();
}

std::string verdict(const Target& target) {
  return target.overrun <= 1 ? "yes" : "no: " + times(target.overrun) + " of it";
}

Cells cells_of(const Row& row) {
  return {row.figure,
          row.measured,
          row.reference.empty() ? "-" : row.reference,
          row.ratio ? times(*row.ratio) : "-",
          row.target ? row.target->text : "-",
          row.target ? verdict(*row.target) : "-"};
}

void print_line(std::ostream& out, const Cells& cells, const Widths& widths) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    out << "| " << cells[i] << std::string(widths[i] - cells[i].size(), ' ') << ' ';
  }
  out << "|\n";
}

std::string limit_text(std::string_view relation, double limit, std::string_view unit) {
  std::array<char, 32> number{};
  std::snprintf(number.data(), number.size(), "%g", limit);
  return std::string{relation} + " " + number.data() + " " + std::string{unit};
}

}  // namespace

Target at_most(double limit, double measured, std::string text) {
  return {.text = std::move(text), .overrun = measured / limit};
}

Target at_least(double limit, double measured, std::string text) {
  return {.text = std::move(text), .overrun = limit / measured};
}

Target at_most_times(double limit, double ratio) {
  return at_most(limit, ratio, limit_text("<=", limit, "x"));
}

Target at_least_times_less(double limit, double ratio) {
  return at_least(limit, 1 / ratio, limit_text(">=", limit, "x less"));
}

void Table::print(std::ostream& out) const {
  std::vector<Cells> lines{
      {"figure", "measured", "reference in the same run", "ratio", "target", "met"}};
  for (const Row& row : rows_) {
    lines.push_back(cells_of(row));
  }
  Widths widths{};
  for (const Cells& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], line[i].size());
    }
  }
  Cells rule;
  for (std::size_t i = 0; i < rule.size(); ++i) {
    rule[i] = std::string(widths[i], '-');
  }
  lines.insert(lines.begin() + 1, rule);
  for (const Cells& line : lines) {
    print_line(out, line, widths);
  }
}

}  // namespace kubecliff::bench
