#include "exporter/chart/axis.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>

namespace kubecliff::chart {
namespace {

constexpr double kLargest = 1e300;
constexpr double kSmallest = 1e-300;

// Where doubles are too coarse for ticks, there is nothing to tell apart either.
bool has_width(const Range& range) {
  const double size = std::max(std::abs(range.low), std::abs(range.high));
  return range.high - range.low > std::max(size * 1e-9, kSmallest);
}

Range widened(Scale scale, Range range) {
  if (has_width(range)) {
    return range;
  }
  const double value = range.low;
  if (scale == Scale::log) {
    return {.low = std::max(value / 2, kSmallest), .high = std::max(value * 2, 4 * kSmallest)};
  }
  if (std::abs(value) <= kSmallest) {
    return {.low = 0, .high = 1};
  }
  return value > 0 ? Range{.low = 0, .high = value * 1.25} : Range{.low = value * 1.25, .high = 0};
}

double decimal_step(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    // 0.1 is no binary fraction.
    if (factor * power >= least * (1 - 1e-9)) {
      return factor * power;
    }
  }
  return 10 * power;
}

double clock_step(double least) {
  constexpr std::array<double, 15> kSteps{1,     5,     10,    30,     60,     300,    600,   900,
                                          1'800, 3'600, 7'200, 10'800, 21'600, 43'200, 86'400};
  if (least < kSteps.front()) {
    return decimal_step(least);
  }
  const auto* const found = std::ranges::lower_bound(kSteps, least);
  return found != kSteps.end() ? *found : decimal_step(least / kSteps.back()) * kSteps.back();
}

double step_of(Steps steps, double least) {
  switch (steps) {
    case Steps::binary:
      return std::exp2(std::ceil(std::log2(least)));
    case Steps::clock:
      return clock_step(least);
    case Steps::decimal:
      break;
  }
  return decimal_step(least);
}

// The largest of 1, 2 and 5 times a power of ten that is not above, or the smallest not below.
double round_below(double value) {
  const double power = std::pow(10, std::floor(std::log10(value) + 1e-12));
  return value >= 5 * power * (1 - 1e-9)   ? 5 * power
         : value >= 2 * power * (1 - 1e-9) ? 2 * power
                                           : power;
}

double round_above(double value) {
  const double below = round_below(value);
  return below >= value * (1 - 1e-9) ? below : decimal_step(value);
}

// Of two that may be too far apart for their quotient to be a double.
double log_ratio(double value, double to) {
  const double ratio = value / to;
  return std::isnormal(ratio) ? std::log(ratio) : std::log(value) - std::log(to);
}

}  // namespace

bool can_show(Scale scale, double value) {
  return std::isfinite(value) && std::abs(value) < kLargest &&
         (scale == Scale::linear || value > kSmallest);
}

Axis::Axis(Shape shape, Range range) : shape_{shape}, range_{widened(shape.scale, range)} {
  shape_.most_ticks = std::max<std::size_t>(shape_.most_ticks, 2);
  if (shape_.scale == Scale::log) {
    place_log_ticks();
  } else {
    place_linear_ticks();
  }
}

double Axis::position(double value) const {
  if (shape_.scale == Scale::log) {
    return log_ratio(value, range_.low) / log_ratio(range_.high, range_.low);
  }
  return (value - range_.low) / (range_.high - range_.low);
}

void Axis::place_linear_ticks() {
  const auto gaps = static_cast<double>(shape_.most_ticks - 1);
  const double step = step_of(shape_.steps, (range_.high - range_.low) / gaps);
  // A value that is a tick but for rounding is one.
  constexpr double kSlack = 1e-6;
  double first = std::ceil(range_.low / step - kSlack);
  double last = std::floor(range_.high / step + kSlack);
  if (shape_.ends == Ends::round && shape_.scale == Scale::linear) {
    first = std::floor(range_.low / step + kSlack);
    last = std::ceil(range_.high / step - kSlack);
    range_ = {.low = first * step, .high = last * step};
  }
  // Round ends may take one more at each side.
  const auto most = static_cast<double>(shape_.most_ticks + 2);
  for (double index = 0; index < most && first + index <= last; ++index) {
    ticks_.push_back((first + index) * step);
  }
}

void Axis::place_log_ticks() {
  if (shape_.ends == Ends::round) {
    range_ = {.low = std::max(round_below(range_.low), kSmallest),
              .high = std::min(round_above(range_.high), kLargest)};
  }
  // Either 1, 2 and 5 of each decade, or each decade, or every so many of them.
  const auto first = static_cast<int>(std::floor(std::log10(range_.low) + 1e-9));
  const auto last = static_cast<int>(std::ceil(std::log10(range_.high) - 1e-9));
  const auto collect = [&](int stride, std::initializer_list<double> factors) {
    ticks_.clear();
    for (int decade = first; decade <= last; decade += stride) {
      for (const double factor : factors) {
        const double tick = factor * std::pow(10, decade);
        if (tick >= range_.low * (1 - 1e-9) && tick <= range_.high * (1 + 1e-9)) {
          ticks_.push_back(tick);
        }
      }
    }
    return ticks_.size() <= shape_.most_ticks;
  };
  if (!collect(1, {1, 2, 5}) && !collect(1, {1})) {
    for (int stride = 2; !collect(stride, {1}); ++stride) {
    }
  }
  if (ticks_.size() < 2) {
    ticks_.clear();
    place_linear_ticks();
  }
}

}  // namespace kubecliff::chart
