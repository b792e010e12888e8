#include "collectors/inventory/top_counter.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <random>

#include <gtest/gtest.h>

namespace kubecliff::inventory {
namespace {

using Counter = TopCounter<int, std::hash<int>>;

TEST(TopCounter, IsExactWhereTheKeysFit) {
  Counter counter{10};
  for (int key = 0; key < 10; ++key) {
    for (int i = 0; i <= key; ++i) {
      counter.add(key);
    }
  }
  EXPECT_EQ(counter.error(), 0U);
  const auto top = counter.top(3);
  ASSERT_EQ(top.size(), 3U);
  EXPECT_EQ(top[0].key, 9);
  EXPECT_EQ(top[0].count, 10U);
  EXPECT_EQ(top[2].key, 7);
  EXPECT_EQ(counter.top(100).size(), 10U);
}

TEST(TopCounter, OrdersEqualOnesByKey) {
  Counter counter{10};
  for (const int key : {5, 3, 8}) {
    counter.add(key);
  }
  const auto top = counter.top(2);
  EXPECT_EQ(top[0].key, 3);
  EXPECT_EQ(top[1].key, 5);
}

// Against exact counts: no count is too high, none too low by more than the error, none is missing
// that is above it, and the error is bounded.
TEST(TopCounter, KeepsItsWordOnRandomInput) {
  std::mt19937 random{1};  // NOLINT(*-msc51-cpp)
  for (const std::size_t room : {2U, 3U, 16U, 100U, 1'000U}) {
    for (const double skew : {0.2, 0.6, 0.99}) {
      Counter counter{room};
      std::map<int, std::uint64_t> exact;
      std::geometric_distribution<int> heavy{0.3};
      std::uniform_int_distribution<int> light{1'000, 1'000'000};
      std::bernoulli_distribution is_heavy{skew};
      constexpr std::uint64_t kKeys = 20'000;
      for (std::uint64_t i = 0; i < kKeys; ++i) {
        const int key = is_heavy(random) ? heavy(random) : light(random);
        counter.add(key);
        ++exact[key];
        ASSERT_LE(counter.size(), room);
      }
      std::map<int, std::uint64_t> counted;
      for (const auto& [key, count] : counter.top(room)) {
        counted[key] = count;
        EXPECT_LE(count, exact.at(key));
        EXPECT_GE(count + counter.error(), exact.at(key));
      }
      for (const auto& [key, count] : exact) {
        EXPECT_TRUE(count <= counter.error() || counted.contains(key)) << key;
      }
      EXPECT_LE(counter.error(), 2 * kKeys / room + 1);
    }
  }
}

}  // namespace
}  // namespace kubecliff::inventory
