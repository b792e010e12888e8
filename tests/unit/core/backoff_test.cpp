#include "collectors/core/backoff.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace kubecliff {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kFirst = 15s;

TEST(BackoffTest, WaitsLongerUpToAMostAndBeginsAnewAfterASuccess) {
  std::vector<std::chrono::milliseconds> longest(8);
  for (std::uint32_t seed = 1; seed <= 1'000; ++seed) {
    Backoff backoff{kFirst, seed};
    for (std::chrono::milliseconds& wait : longest) {
      wait = std::max(wait, backoff.next());
    }
    backoff.reset();
    EXPECT_LE(backoff.next(), kFirst);
  }
  EXPECT_GT(longest[0], kFirst * 9 / 10);
  EXPECT_LE(longest[0], kFirst);
  EXPECT_GT(longest[1], 2 * kFirst * 9 / 10);
  EXPECT_LE(longest.back(), Backoff::kMost);
}

// 10,000 nodes lose the API server at the same moment; it is back after `down`, and takes any
// number of them. How many come in each second, and when the last one is back.
struct Storm {
  std::vector<int> in_second;
  std::chrono::milliseconds over{};
};

Storm storm(std::chrono::milliseconds down) {
  constexpr std::size_t kNodes = 10'000;
  std::vector<Backoff> nodes;
  using Try = std::pair<std::chrono::milliseconds, std::size_t>;
  std::priority_queue<Try, std::vector<Try>, std::greater<>> tries;
  for (std::size_t i = 0; i < kNodes; ++i) {
    nodes.emplace_back(kFirst, static_cast<std::uint32_t>(i + 1));
    tries.emplace(nodes[i].next(), i);
  }
  Storm found;
  while (!tries.empty()) {
    const auto [at, node] = tries.top();
    tries.pop();
    found.in_second.resize(
        std::max<std::size_t>(found.in_second.size(), static_cast<std::size_t>(at / 1s) + 1));
    ++found.in_second[static_cast<std::size_t>(at / 1s)];
    if (at < down) {
      tries.emplace(at + nodes[node].next(), node);
    } else {
      found.over = at;
    }
  }
  return found;
}

TEST(BackoffTest, TenThousandNodesDoNotMeetWhenTheApiServerComesBack) {
  for (const auto down : {0s, 5s, 30s, 120s}) {
    SCOPED_TRACE(down.count());
    const Storm found = storm(down);
    // Without jitter all of them would come in one second.
    EXPECT_LT(*std::ranges::max_element(found.in_second), 1'100);
    EXPECT_LE(found.over, down + Backoff::kMost);
  }
}

}  // namespace
}  // namespace kubecliff
