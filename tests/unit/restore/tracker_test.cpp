#include "collectors/restore/tracker.h"

#include <gtest/gtest.h>

#include "collectors/restore/token_bucket.h"

namespace kubecliff::restore {
namespace {

using namespace std::chrono_literals;

constexpr Tool kRestore{Command::iptables_restore, Backend::nft};
constexpr Tool kCall{Command::iptables, Backend::legacy};
constexpr int kKilled = 9;
constexpr int kExitedWithOne = 0x100;

TEST(Tracker, ARunLastsFromExecToExit) {
  Tracker tracker;
  tracker.exec(42, 10s, kRestore);
  ASSERT_EQ(tracker.running().size(), 1U);
  const auto ended = tracker.exit(42, 13s, 0, std::nullopt);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->tool, kRestore);
  EXPECT_EQ(ended->outcome, Outcome::success);
  EXPECT_EQ(ended->duration, 3s);
  EXPECT_TRUE(tracker.running().empty());
}

TEST(Tracker, TheStatusTellsTheOutcome) {
  Tracker tracker;
  tracker.exec(42, 10s, kRestore);
  EXPECT_EQ(tracker.exit(42, 11s, kExitedWithOne, std::nullopt)->outcome, Outcome::failure);
  tracker.exec(42, 12s, kRestore);
  EXPECT_EQ(tracker.exit(42, 13s, kKilled, std::nullopt)->outcome, Outcome::killed);
}

TEST(Tracker, OtherProgramsAreNotFollowed) {
  Tracker tracker;
  tracker.exec(42, 10s, std::nullopt);
  EXPECT_FALSE(tracker.exit(42, 11s, 0, std::nullopt));
  EXPECT_FALSE(tracker.exit(43, 11s, 0, kRestore)) << "a task that never became a program";
}

TEST(Tracker, OfAChainOfProgramsTheLastIsTheRun) {
  Tracker tracker;
  tracker.exec(42, 10s, std::nullopt);  // a shell
  tracker.exec(42, 11s, kCall);
  tracker.exec(42, 12s, kRestore);
  const auto ended = tracker.exit(42, 13s, 0, std::nullopt);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->tool, kRestore);
  EXPECT_EQ(ended->duration, 1s);
}

TEST(Tracker, AToolThatBecomesAnotherProgramIsNoRun) {
  Tracker tracker;
  tracker.exec(42, 10s, kRestore);
  tracker.exec(42, 11s, std::nullopt);
  EXPECT_TRUE(tracker.running().empty());
  EXPECT_FALSE(tracker.exit(42, 12s, 0, std::nullopt));
}

TEST(Tracker, AProcessIdUsedAgainIsAnotherRun) {
  Tracker tracker;
  tracker.exec(42, 10s, kRestore);  // its end was lost
  tracker.exec(42, 100s, kRestore);
  EXPECT_EQ(tracker.exit(42, 101s, 0, std::nullopt)->duration, 1s);
}

TEST(Tracker, WhatNobodyLookedAtIsToldByItsNameAtTheEnd) {
  Tracker tracker;
  tracker.exec_unidentified(42, 10s);
  tracker.exec_unidentified(43, 10s);
  EXPECT_TRUE(tracker.running().empty());
  const auto ended = tracker.exit(42, 12s, 0, kCall);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->tool, kCall);
  EXPECT_EQ(ended->duration, 2s);
  EXPECT_FALSE(tracker.exit(43, 12s, 0, std::nullopt));
  EXPECT_TRUE(tracker.unidentified().empty());
}

TEST(Tracker, WhatIsLookedAtLateKeepsItsBeginning) {
  Tracker tracker;
  tracker.exec_unidentified(42, 10s);
  tracker.exec(42, tracker.unidentified().at(42), kRestore);
  EXPECT_EQ(tracker.exit(42, 15s, 0, std::nullopt)->duration, 5s);
}

TEST(Tracker, ARunThatBeganUnseenHasNoDuration) {
  Tracker tracker;
  tracker.found(42, 10s, kRestore, Beginning::unseen);
  EXPECT_EQ(tracker.running().at(42).start, 10s);
  const auto ended = tracker.exit(42, 15s, 0, std::nullopt);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->outcome, Outcome::success);
  EXPECT_EQ(ended->duration, std::nullopt);
}

TEST(Tracker, ARunThatWasFoundAndHasAKnownBeginningHasADuration) {
  Tracker tracker;
  tracker.found(42, 10s, kRestore, Beginning::known);
  EXPECT_EQ(tracker.exit(42, 15s, 0, std::nullopt)->duration, 5s);
}

TEST(Tracker, WhatIsFoundUnderWayAfterItsBeginningWasSeenKeepsIt) {
  Tracker tracker;
  tracker.exec_unidentified(42, 10s);
  tracker.found(42, 9s, kRestore, Beginning::unseen);
  EXPECT_TRUE(tracker.unidentified().empty());
  EXPECT_EQ(tracker.exit(42, 15s, 0, std::nullopt)->duration, 5s);
  EXPECT_TRUE(tracker.running().empty());
}

TEST(Tracker, ABackendThatOnlyTheEndTellsIsTaken) {
  Tracker tracker;
  tracker.exec(42, 10s, Tool{Command::iptables, Backend::unknown});
  EXPECT_EQ(tracker.exit(42, 11s, 0, kCall)->tool, kCall);
  tracker.exec(42, 12s, Tool{Command::iptables, Backend::unknown});
  EXPECT_EQ(tracker.exit(42, 13s, 0, kRestore)->tool.command, Command::iptables);
}

TEST(Tracker, ARunOfWhichTheEndWasMissedIsUnknown) {
  Tracker tracker;
  tracker.exec(42, 10s, kRestore);
  const auto ended = tracker.gone(42);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->outcome, Outcome::unknown);
  EXPECT_EQ(ended->duration, std::nullopt);
  EXPECT_FALSE(tracker.gone(42));
}

TEST(TokenBucket, GivesSeveralAtOnceOrNone) {
  TokenBucket bucket{10};
  EXPECT_FALSE(bucket.take(10s, 11));
  EXPECT_TRUE(bucket.take(10s, 7));
  EXPECT_FALSE(bucket.take(10s, 4));
  EXPECT_TRUE(bucket.take(10s, 3));
  EXPECT_TRUE(bucket.take(11s, 10));
}

TEST(TokenBucket, GivesSoManyASecondAndNoMoreAtOnce) {
  TokenBucket bucket{10};
  const auto taken = [&](std::chrono::nanoseconds now) {
    int count = 0;
    while (bucket.take(now)) {
      ++count;
    }
    return count;
  };
  EXPECT_EQ(taken(100s), 10);
  EXPECT_EQ(taken(100s), 0);
  EXPECT_EQ(taken(100s + 510ms), 5);
  EXPECT_EQ(taken(1'000s), 10);
}

}  // namespace
}  // namespace kubecliff::restore
