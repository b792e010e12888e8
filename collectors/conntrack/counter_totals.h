// CounterTotals: the per-CPU counters summed up, 64 bits wide, never falling.
//
// The kernel's are 32 bits wide. Each CPU's difference to its last reading, modulo 2^32, is added
// to the total, so a counter that wraps goes on, and so does a CPU that was away for a while. A
// difference of more than half the range is a counter that began again at zero (the module was
// loaded anew), and what it has counted since is added. Totals begin at what the kernel has counted
// since it started, as `conntrack -S` shows it. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "collectors/conntrack/decode_stats.h"

namespace kubecliff::conntrack {

class CounterTotals {
 public:
  void add(const CpuCounters& reading);

  // Nothing for a counter that no reading had.
  [[nodiscard]] std::optional<std::uint64_t> total(Counter counter) const {
    return totals_[static_cast<std::size_t>(counter)];
  }

 private:
  using LastValues = std::array<std::uint32_t, kCounters>;

  std::vector<LastValues> last_;  // by CPU; zero for one not seen yet
  std::array<std::optional<std::uint64_t>, kCounters> totals_{};
};

}  // namespace kubecliff::conntrack
