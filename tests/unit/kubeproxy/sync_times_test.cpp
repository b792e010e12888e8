#include "collectors/kubeproxy/sync_times.h"

#include <optional>

#include <gtest/gtest.h>

namespace kubecliff::kubeproxy {
namespace {

using S = Seconds;

TEST(SyncTimes, AgeIsTheTimeSinceTheLastUpdate) {
  SyncTimes times;
  const auto ages = times.look("IPv4", {.last = S{100}, .queued = S{90}}, S{130}, S{10});
  EXPECT_EQ(ages.synced, S{30});
  EXPECT_EQ(ages.queued, S{0});
}

TEST(SyncTimes, WithoutAnUpdateAgeIsThatOfTheProcess) {
  SyncTimes times;
  EXPECT_EQ(times.look("IPv4", {}, S{130}, S{10}).synced, S{120});
  EXPECT_EQ(times.look("IPv4", {}, S{130}, std::nullopt).synced, std::nullopt);
}

TEST(SyncTimes, ClockThatWasSetBackMakesNoAgeNegative) {
  SyncTimes times;
  const auto ages = times.look("", {.last = S{200}, .queued = S{210}}, S{130}, S{150});
  EXPECT_EQ(ages.synced, S{0});
  EXPECT_EQ(ages.queued, S{0});
}

TEST(SyncTimes, ChangeWaitsFromTheFirstThatWasSeenNotTheLast) {
  SyncTimes times;
  EXPECT_EQ(times.look("IPv4", {.last = S{100}, .queued = S{101}}, S{105}, S{1}).queued, S{4});
  // More changes come in and nothing is updated.
  EXPECT_EQ(times.look("IPv4", {.last = S{100}, .queued = S{119}}, S{120}, S{1}).queued, S{19});
  // An update, and a change after it began.
  EXPECT_EQ(times.look("IPv4", {.last = S{125}, .queued = S{126}}, S{130}, S{1}).queued, S{4});
  EXPECT_EQ(times.look("IPv4", {.last = S{127}, .queued = S{126}}, S{130}, S{1}).queued, S{0});
}

TEST(SyncTimes, ChangeThatCameDuringAnUpdateWaitsForTheNext) {
  SyncTimes times;
  EXPECT_EQ(times.look("IPv4", {.last = S{100}, .queued = S{101}}, S{105}, S{1}).queued, S{4});
  // An update began at 106 and ended at 160; a change came in at 110.
  EXPECT_EQ(
      times.look("IPv4", {.last = S{160}, .queued = S{110}, .pending = true}, S{165}, S{1}).queued,
      S{55});
  EXPECT_EQ(
      times.look("IPv4", {.last = S{160}, .queued = S{166}, .pending = true}, S{170}, S{1}).queued,
      S{60});
  EXPECT_EQ(times.look("IPv4", {.last = S{180}, .queued = S{166}}, S{185}, S{1}).queued, S{0});
}

TEST(SyncTimes, ChangesOfANewProcessWaitSinceItsStart) {
  SyncTimes times;
  EXPECT_EQ(times.look("", {.pending = true}, S{1'000}, S{990}).queued, S{10});
  EXPECT_EQ(times.look("IPv4", {.pending = true}, S{1'000}, std::nullopt).queued, S{0});
  EXPECT_EQ(times.look("IPv4", {.pending = true}, S{1'010}, std::nullopt).queued, S{10});
}

TEST(SyncTimes, FamiliesWaitByThemselves) {
  SyncTimes times;
  EXPECT_EQ(times.look("IPv4", {.last = S{100}, .queued = S{110}}, S{120}, S{1}).queued, S{10});
  EXPECT_EQ(times.look("IPv6", {.last = S{100}, .queued = S{115}}, S{120}, S{1}).queued, S{5});
}

TEST(SyncTimes, FirstSyncIsKnownWhereTheTimeBeforeItWasSeen) {
  SyncTimes times;
  EXPECT_EQ(times.look("IPv4", {.last = S{100}}, S{101}, S{90}).first_sync, std::nullopt);

  // Another process.
  EXPECT_EQ(times.look("IPv4", {}, S{201}, S{200}).first_sync, std::nullopt);
  EXPECT_EQ(times.look("IPv4", {.last = S{203}}, S{204}, S{200}).first_sync, S{3});
  EXPECT_EQ(times.look("IPv4", {.last = S{230}}, S{231}, S{200}).first_sync, S{3});
}

TEST(SyncTimes, FirstSyncIsKnownWhereThereWasNoOther) {
  SyncTimes times;
  EXPECT_EQ(times.look("IPv4", {.last = S{100}, .only = true}, S{101}, S{90}).first_sync, S{10});
  EXPECT_EQ(times.look("IPv4", {.last = S{120}}, S{121}, S{90}).first_sync, S{10});
}

TEST(SyncTimes, AnotherProcessWaitsForNothingThatTheLastOneLearnedOf) {
  SyncTimes times;
  EXPECT_EQ(times.look("IPv4", {.last = S{100}, .queued = S{101}}, S{105}, S{1}).queued, S{4});
  EXPECT_EQ(times.look("IPv4", {.queued = S{120}}, S{121}, S{110}).queued, S{1});
}

}  // namespace
}  // namespace kubecliff::kubeproxy
