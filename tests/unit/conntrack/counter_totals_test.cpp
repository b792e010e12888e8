#include "collectors/conntrack/counter_totals.h"

#include <limits>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace kubecliff::conntrack {
namespace {

constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();

CpuCounters drops(std::uint32_t cpu, std::uint32_t count) {
  CpuCounters counters{.cpu = cpu};
  counters[Counter::drop] = count;
  return counters;
}

TEST(CounterTotals, FollowEachCpuFromReadingToReading) {
  struct Case {
    const char* what;
    std::vector<CpuCounters> readings;
    std::uint64_t total;
  };
  const std::vector<Case> cases{
      {"the first reading counts as it is", {drops(0, 7), drops(1, 5)}, 12},
      {"one near the top of the range too", {drops(0, kMost)}, kMost},
      {"what stands still adds nothing", {drops(0, 7), drops(0, 7)}, 7},
      {"a difference is added", {drops(0, 7), drops(1, 5), drops(0, 9), drops(1, 6)}, 15},
      {"a counter that wraps goes on", {drops(0, kMost - 1), drops(0, 3)}, kMost + 4ULL},
      {"twice",
       {drops(0, kMost), drops(0, 0x7fff'fffe), drops(0, 0xffff'fffd), drops(0, 0)},
       0x2'0000'0000},
      {"a counter that began again adds what it has counted since",
       {drops(0, 1'000), drops(0, 10)},
       1'010},
      {"one that began again and was not used since adds nothing",
       {drops(0, 1'000), drops(0, 0)},
       1'000},
      {"a CPU that was away goes on where it was",
       {drops(0, 7), drops(1, 5), drops(0, 8), drops(0, 9), drops(1, 6)},
       15},
      {"CPU numbers may have gaps", {drops(0, 1), drops(65'535, 2)}, 3},
  };
  for (const Case& c : cases) {
    CounterTotals totals;
    for (const CpuCounters& reading : c.readings) {
      totals.add(reading);
    }
    EXPECT_EQ(totals.total(Counter::drop), c.total) << c.what;
  }
}

TEST(CounterTotals, NeverFall) {
  CounterTotals totals;
  std::uint64_t before = 0;
  std::uint32_t value = 0;
  for (int i = 0; i < 1'000; ++i) {
    value = value * 1'664'525U + 1'013'904'223U;
    totals.add(drops(static_cast<std::uint32_t>(i % 3), value));
    const std::uint64_t total = totals.total(Counter::drop).value_or(0);
    ASSERT_GE(total, before);
    before = total;
  }
}

TEST(CounterTotals, HaveNoTotalOfWhatTheKernelDoesNotCount) {
  CounterTotals totals;
  EXPECT_EQ(totals.total(Counter::drop), std::nullopt);
  totals.add(drops(0, 0));
  EXPECT_EQ(totals.total(Counter::drop), 0U);
  EXPECT_EQ(totals.total(Counter::chain_too_long), std::nullopt);
}

}  // namespace
}  // namespace kubecliff::conntrack
