// Axis: which values a chart shows along one side, where each of them lies, and which are marked by
// ticks. Pure functions of numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kubecliff::chart {

enum class Scale : std::uint8_t { linear, log };

// Where the ticks of a linear axis stand: at 1, 2 or 5 times a power of ten, at powers of two, or,
// of seconds since 1970, at whole minutes, hours and days of UTC.
enum class Steps : std::uint8_t { decimal, binary, clock };

struct Range {
  double low = 0;
  double high = 0;
};

// What can be drawn: finite, below 1e300 in size, and above 0 on a log axis.
[[nodiscard]] bool can_show(Scale scale, double value);

class Axis {
 public:
  // Whether it ends at the range's ends or at the round values around them.
  enum class Ends : std::uint8_t { exact, round };

  struct Shape {
    Scale scale = Scale::linear;
    Steps steps = Steps::decimal;
    Ends ends = Ends::exact;
    std::size_t most_ticks = 6;  // at least 2; an axis may have a few less
  };

  // Both ends of the range can be shown. A range without width is widened.
  Axis(Shape shape, Range range);

  // From 0 to 1, for what lies within; below and above for the rest of what can be shown.
  [[nodiscard]] double position(double value) const;
  [[nodiscard]] const Range& range() const { return range_; }
  [[nodiscard]] const std::vector<double>& ticks() const { return ticks_; }  // rising

 private:
  void place_linear_ticks();
  void place_log_ticks();

  Shape shape_;
  Range range_;
  std::vector<double> ticks_;
};

}  // namespace kubecliff::chart
