#include "exporter/alerting/words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace kubecliff {
namespace {

constexpr std::string_view kOpen = "{{ $";
constexpr std::string_view kClose = " }}";
constexpr std::string_view kLabels = "labels.";

// Counts have no decimals, these do.
bool is_fraction(std::string_view unit) {
  constexpr std::array<std::string_view, 3> kFractions{"cores", "times", "entries a bucket"};
  return unit.ends_with("/s") || std::ranges::find(kFractions, unit) != kFractions.end();
}

// As printf's %.4g and %.*f.
std::string rounded(double value, std::chars_format format, int precision) {
  std::array<char, 400> text{};  // the largest double has 309 digits
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, format, precision).ptr;
  return {text.data(), end};
}

std::string four_digits(double value) {
  return rounded(value, std::chars_format::general, 4);
}

// As Prometheus' humanizeDuration.
std::string duration_text(double seconds) {
  if (!std::isfinite(seconds) || seconds == 0) {
    return four_digits(seconds) + (seconds == 0 ? "s" : "");
  }
  if (std::abs(seconds) < 1) {
    constexpr std::array<std::string_view, 8> kPrefixes{"m", "u", "n", "p", "f", "a", "z", "y"};
    std::string_view prefix;
    for (const std::string_view next : kPrefixes) {
      if (std::abs(seconds) >= 1) {
        break;
      }
      prefix = next;
      seconds *= 1000;
    }
    return four_digits(seconds).append(prefix) + "s";
  }
  constexpr double kMost = 9e18;
  const std::string sign = seconds < 0 ? "-" : "";
  const double size = std::min(std::abs(seconds), kMost);
  const auto whole = static_cast<std::int64_t>(size);
  const auto part = [](std::int64_t count, const char* unit) {
    return std::to_string(count) + unit;
  };
  const std::int64_t days = whole / 86'400;
  const std::int64_t hours = whole / 3'600 % 24;
  const std::int64_t minutes = whole / 60 % 60;
  if (whole < 60) {
    return sign + four_digits(size) + "s";
  }
  std::string text = sign;
  text += days > 0 ? part(days, "d ") : "";
  text += days > 0 || hours > 0 ? part(hours, "h ") : "";
  return text + part(minutes, "m ") + part(whole % 60, "s");
}

// `replace` gives the text for what stands between {{ $ and }}.
template <typename Replace>
std::string replaced(std::string_view text, Replace replace) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find(kOpen);
    const std::size_t close = text.find(kClose, open);
    out += text.substr(0, open);
    if (close == std::string_view::npos) {
      out += open == std::string_view::npos ? "" : text.substr(open);
      break;
    }
    out += replace(text.substr(open + kOpen.size(), close - open - kOpen.size()));
    text.remove_prefix(close + kClose.size());
  }
  return out;
}

}  // namespace

std::string value_text(std::string_view unit, double value) {
  if (unit == "ratio") {
    return four_digits(value * 100) + "%";
  }
  if (unit == "seconds") {
    return duration_text(value);
  }
  if (unit == "state") {
    return four_digits(value);
  }
  return rounded(value, std::chars_format::fixed, is_fraction(unit) ? 2 : 0)
      .append(" ")
      .append(unit);
}

std::string filled_in(std::string_view text, std::string_view unit, double value,
                      const Labels& labels) {
  return replaced(text, [&](std::string_view what) -> std::string {
    if (what == "value") {
      return value_text(unit, value);
    }
    if (what == "node") {
      const std::string_view node = value_of(labels, "node");
      return std::string{node.empty() ? value_of(labels, "instance") : node};
    }
    return std::string{what.starts_with(kLabels) ? value_of(labels, what.substr(kLabels.size()))
                                                 : std::string_view{}};
  });
}

std::string prometheus_template(std::string_view text, std::string_view unit) {
  return replaced(text, [unit](std::string_view what) -> std::string {
    if (what == "node") {
      return "{{ or $labels.node $labels.instance }}";
    }
    if (what != "value" || unit == "state") {
      return "{{ $" + std::string{what} + " }}";
    }
    if (unit == "ratio") {
      return "{{ $value | humanizePercentage }}";
    }
    if (unit == "seconds") {
      return "{{ $value | humanizeDuration }}";
    }
    return std::string{is_fraction(unit) ? R"({{ printf "%.2f" $value }} )"
                                         : R"({{ printf "%.0f" $value }} )"}
        .append(unit);
  });
}

}  // namespace kubecliff
