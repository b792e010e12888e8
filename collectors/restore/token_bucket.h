// TokenBucket: so many of something in a second, and as many at once after a pause. Not
// thread-safe.
#pragma once

#include <algorithm>
#include <chrono>

namespace kubecliff::restore {

class TokenBucket {
 public:
  explicit TokenBucket(double per_second) : per_second_{per_second}, tokens_{per_second} {}

  // Time must not go back. What cannot be had in full is not taken.
  [[nodiscard]] bool take(std::chrono::nanoseconds now, double count = 1) {
    const double passed = std::chrono::duration<double>{now - last_}.count();
    tokens_ = std::min(per_second_, tokens_ + passed * per_second_);
    last_ = now;
    if (tokens_ < count) {
      return false;
    }
    tokens_ -= count;
    return true;
  }

 private:
  double per_second_;
  double tokens_;
  std::chrono::nanoseconds last_{};
};

}  // namespace kubecliff::restore
