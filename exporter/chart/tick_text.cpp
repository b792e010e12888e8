#include "exporter/chart/tick_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>

namespace kubecliff::chart {
namespace {

// As printf's %.3g, but 1000000 for 1e+06.
std::string three_digits(double value) {
  std::array<char, 32> text{};
  const double size = std::abs(value);
  // What ticks are multiples of may leave -0, and 0.30000000000000004.
  if (size < 1e-300) {
    return "0";
  }
  const auto format =
      size >= 1000 && size < 1e9 ? std::chars_format::fixed : std::chars_format::general;
  const int precision = format == std::chars_format::fixed ? 0 : 3;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, format, precision).ptr;
  return {text.data(), end};
}

struct Unit {
  double size = 1;
  std::string_view name;
};

// In the largest unit that is not larger than the value, or the smallest; they come smallest first.
std::string in_units(double value, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (std::abs(value) >= unit.size * (1 - 1e-9)) {
      best = &unit;
    }
  }
  return three_digits(value / best->size).append(best->name);
}

}  // namespace

std::string number_text(double value) {
  constexpr std::array kUnits{Unit{1, ""}, Unit{1e3, "k"}, Unit{1e6, "M"}, Unit{1e9, "G"},
                              Unit{1e12, "T"}};
  return in_units(value, kUnits);
}

std::string seconds_text(double value) {
  constexpr std::array kUnits{Unit{1e-9, "ns"}, Unit{1e-6, "us"}, Unit{1e-3, "ms"}, Unit{1, "s"},
                              Unit{60, "m"},    Unit{3'600, "h"}, Unit{86'400, "d"}};
  return std::abs(value) < 1e-300 ? "0s" : in_units(value, kUnits);
}

std::string percent_text(double ratio) {
  return three_digits(ratio * 100) + "%";
}

std::string bytes_text(double value) {
  constexpr std::array kUnits{Unit{1, " B"}, Unit{1024, " KiB"}, Unit{1024.0 * 1024, " MiB"},
                              Unit{1024.0 * 1024 * 1024, " GiB"},
                              Unit{1024.0 * 1024 * 1024 * 1024, " TiB"}};
  return in_units(value, kUnits);
}

std::string clock_text(double value) {
  constexpr double kDay = 86'400;
  const double of_day = std::fmod(value, kDay);
  if (!std::isfinite(of_day)) {
    return "";
  }
  const auto minutes = static_cast<std::int64_t>(of_day < 0 ? of_day + kDay : of_day) / 60;
  const auto two_digits = [](std::int64_t number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
  };
  return two_digits(minutes / 60 % 24) + ":" + two_digits(minutes % 60);
}

}  // namespace kubecliff::chart
