#include "collectors/kubeproxy/bursts.h"

#include <chrono>
#include <cstdint>
#include <optional>

#include <gtest/gtest.h>

namespace kubecliff::kubeproxy {
namespace {

using namespace std::chrono_literals;

// Looks once a second.
class BurstsTest : public ::testing::Test {
 protected:
  // `used`: CPU time since the last look.
  std::optional<std::chrono::nanoseconds> look(std::chrono::nanoseconds used,
                                               std::uint32_t generation,
                                               std::chrono::nanoseconds children = 0ns) {
    look_.at += 1s;
    look_.cpu += used;
    look_.children_cpu += children;
    look_.generation = generation;
    return bursts_.look(look_);
  }

  Bursts bursts_;
  Bursts::Look look_;
};

TEST_F(BurstsTest, NoWorkIsNone) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(look(10ms, 1), std::nullopt);
    EXPECT_EQ(bursts_.under_way(), 0s);
  }
}

TEST_F(BurstsTest, TakesAsLongAsTheWorkThatFitsBetweenTwoLooks) {
  look(0ms, 1);
  EXPECT_EQ(look(400ms, 2), std::nullopt);
  EXPECT_EQ(look(0ms, 2), 400ms);
}

TEST_F(BurstsTest, EdgesAreWhereTheWorkBeganAndEnded) {
  look(0ms, 1);
  look(300ms, 1);  // began 0.7 s after the look before
  look(1000ms, 1);
  look(500ms, 1);   // waited for another writer
  look(1900ms, 2);  // more than one thread
  EXPECT_EQ(bursts_.under_way(), 3300ms);
  EXPECT_EQ(look(100ms, 2), 3400ms);
  EXPECT_EQ(bursts_.under_way(), 0s);
}

TEST_F(BurstsTest, EndsBeforeTheLookWhereNothingFollows) {
  look(0ms, 1);
  look(1s, 1);
  look(600ms, 2);
  EXPECT_EQ(look(0ms, 2), 1600ms);
}

TEST_F(BurstsTest, WorkThatChangesNothingIsNotCounted) {
  look(0ms, 7);
  look(900ms, 7);
  EXPECT_EQ(bursts_.under_way(), 900ms);
  EXPECT_EQ(look(0ms, 7), std::nullopt);
}

TEST_F(BurstsTest, CommitAfterTheLastWorkCounts) {
  look(0ms, 7);
  look(900ms, 7);
  EXPECT_EQ(look(50ms, 8), 950ms);
}

TEST_F(BurstsTest, WorkOfChildrenIsTimedElsewhere) {
  look(0ms, 1);
  look(900ms, 2);
  EXPECT_EQ(look(0ms, 2, 2s), std::nullopt);
  look(900ms, 3);
  EXPECT_EQ(look(0ms, 3), 900ms);
}

TEST_F(BurstsTest, AnotherProcessStartsAnew) {
  look(0ms, 1);
  look(1s, 1);
  bursts_.forget();
  EXPECT_EQ(bursts_.under_way(), 0s);
  EXPECT_EQ(look(0ms, 2), std::nullopt);
  EXPECT_EQ(look(0ms, 3), std::nullopt);
}

}  // namespace
}  // namespace kubecliff::kubeproxy
