#include "collectors/traversal/round.h"

#include <chrono>

#include <gtest/gtest.h>

namespace kubecliff::traversal {
namespace {

using namespace std::chrono_literals;

TEST(Round, WithoutProbesThereIsNoFloor) {
  EXPECT_EQ(Round{}.floor(), std::nullopt);
}

TEST(Round, FloorIsWhatATenthStayedBelowWhateverTheRestDid) {
  Round round;
  for (int i = 32; i > 0; --i) {
    round.add(i > 5 ? i * 1ms : i * 1us);
  }
  EXPECT_EQ(round.floor(), 4us);
}

TEST(Round, OneProbeIsItsOwnFloor) {
  Round round;
  round.add(7us);
  EXPECT_EQ(round.floor(), 7us);
}

}  // namespace
}  // namespace kubecliff::traversal
