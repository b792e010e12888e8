#include "exporter/config/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <ctime>
#include <limits>
#include <numeric>
#include <system_error>
#include <vector>

namespace kubecliff {
namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t milliseconds;
};

constexpr std::array<Unit, 7> kUnits{{{"y", 365LL * 24 * 3'600'000},
                                      {"w", 7LL * 24 * 3'600'000},
                                      {"d", 24LL * 3'600'000},
                                      {"h", 3'600'000},
                                      {"m", 60'000},
                                      {"s", 1'000},
                                      {"ms", 1}}};

template <typename T>
std::optional<T> parse_whole(std::string_view text) {
  T value{};
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stopped != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// Insertions, deletions and substitutions between the two (Levenshtein).
std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t substituted = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "0") {
    return Duration::zero();
  }
  if (text.empty()) {
    return std::nullopt;
  }
  std::int64_t total = 0;
  const auto* unit = kUnits.begin();
  while (!text.empty()) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parse_whole<std::int64_t>(text.substr(0, digits));
    text.remove_prefix(digits);
    const std::string_view suffix =
        text.substr(0, std::min(text.find_first_of("0123456789"), text.size()));
    text.remove_prefix(suffix.size());

    unit = std::find_if(unit, kUnits.end(), [suffix](const Unit& u) { return u.suffix == suffix; });
    if (!number || unit == kUnits.end() ||
        *number > (std::numeric_limits<std::int64_t>::max() - total) / unit->milliseconds) {
      return std::nullopt;
    }
    total += *number * unit->milliseconds;
    ++unit;
  }
  return Duration{total};
}

std::string to_text(Duration duration) {
  std::string text;
  std::int64_t left = duration.count();
  for (const Unit& unit : kUnits) {
    // 1w and 1y only where nothing else remains: nobody writes 1w3d for 10d.
    const bool coarse = unit.suffix == "w" || unit.suffix == "y";
    if (left >= unit.milliseconds && (!coarse || left % unit.milliseconds == 0)) {
      text += std::to_string(left / unit.milliseconds);
      text += unit.suffix;
      left %= unit.milliseconds;
    }
  }
  return text.empty() ? "0s" : text;
}

std::string to_utc(std::chrono::system_clock::time_point time) {
  const std::time_t since_epoch =
      std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  std::tm parts{};
  ::gmtime_r(&since_epoch, &parts);
  std::array<char, 40> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%FT%TZ", &parts)};
}

std::optional<std::chrono::system_clock::time_point> parse_utc(std::string_view text) {
  const std::string copy{text};
  std::tm parts{};
  const char* end = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || end != copy.c_str() + copy.size()) {
    return std::nullopt;
  }
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::optional<bool> parse_bool(std::string_view text) {
  if (text != "true" && text != "false") {
    return std::nullopt;
  }
  return text == "true";
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  return parse_whole<std::int64_t>(text);
}

std::optional<double> parse_number(std::string_view text) {
  const auto number = parse_whole<double>(text);
  return number && std::isfinite(*number) ? number : std::nullopt;
}

std::string to_text(double number) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), error == std::errc{} ? end : text.data()};
}

std::optional<std::string_view> closest(std::string_view name,
                                        std::span<const std::string_view> known) {
  std::optional<std::string_view> best;
  std::size_t least = 2 + name.size() / 5;  // further away, a suggestion only puzzles
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace kubecliff
