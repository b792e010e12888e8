#include "collectors/canary/turns.h"

#include <cmath>
#include <cstdint>

#include <gtest/gtest.h>

namespace kubecliff::canary {
namespace {

using propagation::Turn;

constexpr double kLimit = 2'000;

struct Rounds {
  Turn turn;
  double busiest = 0;  // of all rounds
  double to_all = 0;   // after how many rounds every node has had its turn
};

// Rounds of a cluster whose chosen nodes each connect that often in the second after a move.
Rounds run(double nodes, double connections_per_node, int rounds) {
  Rounds found{.turn = {.from = 0, .size = kFirstTurn}};
  double share_so_far = 0;
  for (int i = 0; i < rounds; ++i) {
    const double share = static_cast<double>(found.turn.size) / Turn::kAll;
    const double busiest = std::floor(nodes * share * connections_per_node);
    found.busiest = std::max(found.busiest, busiest);
    share_so_far += share;
    if (found.to_all == 0 && share_so_far >= 1) {
      found.to_all = i + 1;
    }
    found.turn = next_turn(found.turn, static_cast<std::uint64_t>(busiest), kLimit);
  }
  return found;
}

TEST(NextTurn, StaysBelowTheLimitWhateverTheClustersSize) {
  for (const double nodes : {1.0, 10.0, 100.0, 1'000.0, 10'000.0, 50'000.0}) {
    for (const double per_node : {1.0, 10.0, 40.0}) {
      SCOPED_TRACE(std::to_string(nodes) +
                   " nodes, connections of each: " + std::to_string(per_node));
      EXPECT_LE(run(nodes, per_node, 500).busiest, kLimit);
    }
  }
}

TEST(NextTurn, IsEveryNodesWhereThereAreFew) {
  EXPECT_EQ(run(40, 40, 20).turn.size, Turn::kAll);
}

TEST(NextTurn, BeginsAnewWhereNobodyComes) {
  EXPECT_EQ(next_turn({.from = 0, .size = Turn::kAll}, 0, kLimit).size, kFirstTurn);
}

TEST(NextTurn, ComesToEveryNodeWithinHours) {
  // Nodes that route at once, and nodes that take longer than a second.
  EXPECT_LE(run(10'000, 1, 500).to_all, 60);
  EXPECT_LE(run(10'000, 40, 500).to_all, 300);
}

TEST(NextTurn, BeginsWhereTheLastOneEnded) {
  const Turn next = next_turn({.from = 0xFFFF'FFF0, .size = 0x20}, 100, kLimit);
  EXPECT_EQ(next.from, 0x10U);
  EXPECT_EQ(next.size, 0x80U);
  EXPECT_EQ(next_turn({.from = 0, .size = 0x100}, 16'000, kLimit).size, 0x19U);
  EXPECT_EQ(next_turn({.from = 0, .size = 1}, 1'000'000, kLimit).size, 1U);
}

}  // namespace
}  // namespace kubecliff::canary
