#include "collectors/conntrack/counter_totals.h"

#include <algorithm>
#include <limits>

namespace kubecliff::conntrack {

void CounterTotals::add(const CpuCounters& reading) {
  constexpr std::uint32_t kHalfRange = std::numeric_limits<std::uint32_t>::max() / 2;

  last_.resize(std::max(last_.size(), std::size_t{reading.cpu} + 1));
  LastValues& last = last_[reading.cpu];
  for (std::size_t counter = 0; counter < kCounters; ++counter) {
    if (const std::optional<std::uint32_t> value = reading.values[counter]) {
      const std::uint32_t difference = *value - last[counter];
      totals_[counter] =
          totals_[counter].value_or(0) + (difference > kHalfRange ? *value : difference);
      last[counter] = *value;
    }
  }
}

}  // namespace kubecliff::conntrack
