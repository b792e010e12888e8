#include "collectors/canary/turns.h"

#include <algorithm>

namespace kubecliff::canary {

propagation::Turn next_turn(const propagation::Turn& last, std::uint64_t busiest_second,
                            double limit) {
  if (last.size == propagation::Turn::kAll && busiest_second == 0) {
    // Nobody measures, or nobody gets through: not all are to come at once when that is mended.
    return {.from = 0, .size = kFirstTurn};
  }
  constexpr double kOfTheLimit = 0.8;
  constexpr double kMostGrowth = 4;
  const double busiest = std::max(static_cast<double>(busiest_second), 1.0);
  const double growth = std::min(kOfTheLimit * limit / busiest, kMostGrowth);
  const double size = std::clamp(static_cast<double>(last.size) * growth, 1.0,
                                 static_cast<double>(propagation::Turn::kAll));
  return {.from = last.from + last.size, .size = static_cast<std::uint32_t>(size)};
}

}  // namespace kubecliff::canary
