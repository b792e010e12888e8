#include "collectors/propagation/tracker.h"

#include <cstdint>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff::propagation {
namespace {

using namespace std::chrono_literals;

constexpr Clock::time_point kStart{1h};
constexpr std::chrono::nanoseconds kWritten = 1'763'800'000s;

Move move(std::uint64_t generation) {
  return {.generation = generation, .written = kWritten};
}

Tracker::Answer answer(Clock::time_point began, std::optional<std::uint64_t> generation) {
  // The node's clock is a second behind the canary's.
  return {.began = began, .wall_began = kWritten - 1s + (began - kStart), .generation = generation};
}

// Connects as the tracker asks, to a node that routes a generation from some time on; how often.
int connect_until_routed(Tracker& tracker, Clock::time_point routed, std::uint64_t generation,
                         std::vector<Tracker::Measured>& measured) {
  int connections = 0;
  while (const auto next = tracker.next()) {
    tracker.connected(*next);
    ++connections;
    const auto learned = tracker.answered(answer(*next, *next >= routed ? generation : 1));
    measured.insert(measured.end(), learned.measured.begin(), learned.measured.end());
    if (!measured.empty()) {
      break;
    }
  }
  return connections;
}

TEST(TrackerTest, MeasuresToATenthWithAsManyConnectionsAsTheLogarithmTells) {
  struct Case {
    Clock::duration delay;
    int most_connections;
  };
  for (const Case& c : {Case{0ms, 1}, Case{5ms, 3}, Case{50ms, 12}, Case{1s, 45}, Case{60s, 90},
                        Case{1'199s, 120}}) {
    SCOPED_TRACE(std::chrono::duration<double>{c.delay}.count());
    Tracker tracker{20min};
    tracker.moved(move(2), kStart);
    std::vector<Tracker::Measured> measured;
    EXPECT_LE(connect_until_routed(tracker, kStart + c.delay, 2, measured), c.most_connections);
    ASSERT_EQ(measured.size(), 1U);
    EXPECT_GE(measured[0].since_event, c.delay);
    EXPECT_LE(measured[0].since_event, c.delay + std::max<Clock::duration>(5ms, c.delay / 10));
  }
}

TEST(TrackerTest, AnswersOfTheOldPortAndRefusalsEndNothing) {
  Tracker tracker{20min};
  tracker.moved(move(2), kStart);
  EXPECT_THAT(tracker.answered(answer(kStart + 1ms, 1)).measured, testing::IsEmpty());
  EXPECT_THAT(tracker.answered(answer(kStart + 2ms, std::nullopt)).measured, testing::IsEmpty());
  EXPECT_EQ(tracker.waiting(kStart + 3s), 3s);
  EXPECT_TRUE(tracker.next());
}

TEST(TrackerTest, SeveralMovesMayBeUnderWayAndOneAnswerMayEndThem) {
  Tracker tracker{20min};
  tracker.moved(move(2), kStart);
  tracker.moved(move(3), kStart + 60s);
  tracker.moved(move(4), kStart + 120s);
  EXPECT_EQ(tracker.waiting(kStart + 130s), 130s);
  // kube-proxy was busy for two minutes and took two moves together.
  const auto learned = tracker.answered(answer(kStart + 125s, 3));
  ASSERT_EQ(learned.measured.size(), 2U);
  EXPECT_EQ(learned.measured[0].since_event, 125s);
  EXPECT_EQ(learned.measured[1].since_event, 65s);
  EXPECT_EQ(learned.measured[1].since_write, 124s);
  EXPECT_EQ(tracker.waiting(kStart + 130s), 10s);
}

TEST(TrackerTest, RulesMayHearOfAMoveBeforeWeDo) {
  Tracker tracker{20min};
  tracker.moved(move(2), kStart);
  EXPECT_EQ(tracker.answered(answer(kStart + 1s, 3)).measured.size(), 1U);
  EXPECT_EQ(tracker.answered(answer(kStart + 2s, 3)).reached, Tracker::Reached::the_new);
  // What was under way when the next one came tells nothing of it.
  tracker.passed_over(move(4));
  EXPECT_EQ(tracker.answered(answer(kStart + 3s, 3)).reached, Tracker::Reached::unsettled);
}

TEST(TrackerTest, AConnectionThatBeganBeforeTheEventProvesNothing) {
  Tracker tracker{20min};
  tracker.moved(move(2), kStart);
  EXPECT_THAT(tracker.answered(answer(kStart - 1ms, 2)).measured, testing::IsEmpty());
}

TEST(TrackerTest, AClockThatIsBehindMakesNoNegativeTimes) {
  Tracker tracker{20min};
  tracker.moved(move(2), kStart);
  const auto learned = tracker.answered(answer(kStart + 10ms, 2));
  ASSERT_EQ(learned.measured.size(), 1U);
  EXPECT_EQ(learned.measured[0].since_write, 0s);
}

TEST(TrackerTest, WhatComesAfterTheFirstThatReachedTheNewPortIsToldApart) {
  Tracker tracker{20min};
  tracker.moved(move(2), kStart);
  tracker.connected(kStart);
  EXPECT_EQ(tracker.answered(answer(kStart, 2)).reached, Tracker::Reached::unsettled);
  std::vector<Tracker::Reached> reached;
  int connections = 0;
  while (const auto next = tracker.next()) {
    tracker.connected(*next);
    ++connections;
    reached.push_back(tracker
                          .answered(answer(*next, connections == 1   ? std::optional{1}
                                                  : connections == 2 ? std::nullopt
                                                                     : std::optional{2}))
                          .reached);
  }
  EXPECT_EQ(connections, Tracker::kSettling);
  EXPECT_EQ(reached[0], Tracker::Reached::the_old);
  EXPECT_EQ(reached[1], Tracker::Reached::nothing);
  EXPECT_THAT(std::vector(reached.begin() + 2, reached.end()),
              testing::Each(Tracker::Reached::the_new));
}

TEST(TrackerTest, WhatIsNotRoutedWithinTheBoundIsGivenUp) {
  Tracker tracker{10min};
  tracker.moved(move(2), kStart);
  tracker.moved(move(3), kStart + 1min);
  EXPECT_EQ(tracker.give_up(kStart + 10min - 1ms), 0U);
  EXPECT_EQ(tracker.give_up(kStart + 10min), 1U);
  EXPECT_EQ(tracker.give_up(kStart + 11min), 1U);
  EXPECT_FALSE(tracker.next());
  EXPECT_EQ(tracker.waiting(kStart + 11min), 0s);
}

TEST(TrackerTest, AFloodOfMovesIsBounded) {
  Tracker tracker{20min};
  for (std::uint64_t i = 1; i <= 10'000; ++i) {
    tracker.moved(move(i), kStart);
  }
  EXPECT_EQ(tracker.give_up(kStart), 10'000 - Tracker::kMostPending);
  EXPECT_EQ(tracker.answered(answer(kStart, 10'000)).measured.size(), Tracker::kMostPending);
}

TEST(TrackerTest, AMoveThatIsTwiceHeardOfOrPassedOverIsNotMeasuredAgain) {
  Tracker tracker{20min};
  tracker.moved(move(2), kStart);
  EXPECT_EQ(tracker.answered(answer(kStart, 2)).measured.size(), 1U);
  tracker.moved(move(2), kStart + 1s);
  EXPECT_EQ(tracker.waiting(kStart + 2s), 0s);
  tracker.passed_over(move(3));
  EXPECT_FALSE(tracker.next());
  // The canary was made anew and counts from the beginning; a port still answers as before.
  tracker.passed_over(move(1));
  tracker.moved(move(2), kStart + 3s);
  EXPECT_EQ(tracker.waiting(kStart + 4s), 1s);
  EXPECT_THAT(tracker.answered(answer(kStart + 4s, 1'000)).measured, testing::IsEmpty());
  EXPECT_EQ(tracker.answered(answer(kStart + 5s, 2)).measured.size(), 1U);
}

}  // namespace
}  // namespace kubecliff::propagation
