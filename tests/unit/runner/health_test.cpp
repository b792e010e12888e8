#include "exporter/runner/health.h"

#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace kubecliff {
namespace {

using namespace std::chrono_literals;

constexpr FamilySpec kFamily{.name = "kubecliff_x", .help = "X."};
constexpr Clock::time_point kStart{};
constexpr WallClock::time_point kWallStart{1'000s};

class HealthTest : public ::testing::Test {
 protected:
  // A refresh of 10 ms that ends at `now`.
  Refresh refresh_at(Clock::time_point now, Result<RefreshKind> result, double value = 0) {
    Refresh refresh{.result = std::move(result),
                    .samples = {},
                    .started = now - 10ms,
                    .ended = now,
                    .wall_ended = kWallStart + (now - kStart),
                    .cpu = 2ms};
    if (refresh.result == RefreshKind::full) {
      refresh.samples.add(kFamily, value);
    }
    return refresh;
  }

  static double value_of(const SnapshotPtr& snapshot) {
    return snapshot->families.at(0).metric.at(0).gauge.value;
  }

  Health health_{Schedule::background};
};

TEST_F(HealthTest, NothingIsServedAndNothingSucceededBeforeTheFirstRefresh) {
  EXPECT_EQ(health_.snapshot(kStart), nullptr);
  EXPECT_FALSE(health_.successful(kStart));
  EXPECT_EQ(health_.failure(kStart), "");
  EXPECT_FALSE(health_.last_success());
}

TEST_F(HealthTest, FullRefreshReplacesWhatIsServed) {
  EXPECT_FALSE(health_.refresh_ended(refresh_at(kStart, RefreshKind::full, 1)));
  EXPECT_FALSE(health_.refresh_ended(refresh_at(kStart + 1s, RefreshKind::full, 2)));
  EXPECT_EQ(value_of(health_.snapshot(kStart + 1s)), 2);
  EXPECT_TRUE(health_.successful(kStart + 1s));
  EXPECT_EQ(health_.last_success(), kWallStart + 1s);
  EXPECT_EQ(health_.last_duration(), 10ms);
  EXPECT_EQ(health_.cpu(), 4ms);
  EXPECT_EQ(health_.refreshes(RefreshKind::full), 2U);
}

TEST_F(HealthTest, UnchangedConfirmsWhatIsServed) {
  (void)health_.refresh_ended(refresh_at(kStart, RefreshKind::full, 1));
  (void)health_.refresh_ended(refresh_at(kStart + 1h, RefreshKind::unchanged));
  (void)health_.refresh_ended(refresh_at(kStart + 1h + 1s, fail(ErrorKind::torn, "torn")));
  EXPECT_EQ(value_of(health_.snapshot(kStart + 1h + 4min)), 1);
  EXPECT_EQ(health_.last_success(), kWallStart + 1h);
  EXPECT_EQ(health_.refreshes(RefreshKind::unchanged), 1U);
}

TEST_F(HealthTest, FailingCollectorServesItsLastReadingForFiveMinutes) {
  (void)health_.refresh_ended(refresh_at(kStart, RefreshKind::full, 1));
  (void)health_.refresh_ended(refresh_at(kStart + 1s, fail(ErrorKind::torn, "torn")));
  EXPECT_FALSE(health_.successful(kStart + 1s));
  EXPECT_EQ(health_.failure(kStart + 1s), "torn");
  EXPECT_EQ(health_.last_success(), kWallStart);
  EXPECT_NE(health_.snapshot(kStart + kWithdrawAfter), nullptr);
  EXPECT_EQ(health_.snapshot(kStart + kWithdrawAfter + 1ms), nullptr);
}

TEST_F(HealthTest, WithdrawnReadingComesBackWithTheCollector) {
  (void)health_.refresh_ended(refresh_at(kStart, RefreshKind::full, 1));
  (void)health_.refresh_ended(refresh_at(kStart + 10min, fail(ErrorKind::torn, "torn")));
  EXPECT_EQ(health_.snapshot(kStart + 10min), nullptr);
  (void)health_.refresh_ended(refresh_at(kStart + 11min, RefreshKind::unchanged));
  EXPECT_EQ(value_of(health_.snapshot(kStart + 11min)), 1);
}

TEST_F(HealthTest, CollectorThatOnlyRestsIsServedHoweverLong) {
  (void)health_.refresh_ended(refresh_at(kStart, RefreshKind::full, 1));
  EXPECT_NE(health_.snapshot(kStart + 1h), nullptr);
  EXPECT_TRUE(health_.successful(kStart + 1h));
}

TEST_F(HealthTest, RefreshThatHangsCountsAsFailingAfterFiveMinutes) {
  (void)health_.refresh_ended(refresh_at(kStart, RefreshKind::full, 1));
  health_.refresh_began(kStart + 1s);
  EXPECT_TRUE(health_.successful(kStart + 1s + kWithdrawAfter));
  EXPECT_FALSE(health_.successful(kStart + 2s + kWithdrawAfter));
  EXPECT_EQ(health_.failure(kStart + 2s + kWithdrawAfter), "a refresh does not come back");
  EXPECT_EQ(health_.snapshot(kStart + 2s + kWithdrawAfter), nullptr);
}

TEST_F(HealthTest, InsideTheScrapeAFailedReadingLeavesNothingToServe) {
  Health in_scrape{Schedule::in_scrape};
  (void)in_scrape.refresh_ended(refresh_at(kStart, RefreshKind::full, 1));
  EXPECT_NE(in_scrape.snapshot(kStart), nullptr);
  (void)in_scrape.refresh_ended(refresh_at(kStart, fail(ErrorKind::denied, "no")));
  EXPECT_EQ(in_scrape.snapshot(kStart), nullptr);
}

TEST_F(HealthTest, NoticesOnlyChanges) {
  struct Step {
    Result<RefreshKind> result;
    std::string_view notice;  // empty: none; "+": recovered
  };
  const std::vector<Step> steps{{RefreshKind::full, ""},
                                {fail(ErrorKind::torn, "a"), "a"},
                                {fail(ErrorKind::torn, "a"), ""},
                                {fail(ErrorKind::denied, "b"), "b"},
                                {RefreshKind::unchanged, "+"},
                                {RefreshKind::unchanged, ""},
                                {fail(ErrorKind::overrun, ""), "overrun"}};
  for (const Step& step : steps) {
    const auto notice = health_.refresh_ended(refresh_at(kStart, step.result));
    ASSERT_EQ(notice.has_value(), !step.notice.empty());
    if (notice) {
      EXPECT_EQ(notice->kind == Notice::Kind::recovered, step.notice == "+");
      EXPECT_EQ(notice->why, step.notice == "+" ? "" : step.notice);
    }
  }
  EXPECT_EQ(health_.errors(), 4U);
  EXPECT_TRUE(health_.failing(ErrorKind::overrun, kStart));
  EXPECT_FALSE(health_.failing(ErrorKind::torn, kStart));
}

TEST_F(HealthTest, MissesAreServedAroundAndCounted) {
  (void)health_.refresh_ended(refresh_at(kStart, RefreshKind::full, 1));
  Refresh partial = refresh_at(kStart + 1h, RefreshKind::full, 2);
  partial.samples.miss({.kind = ErrorKind::denied, .message = "nat"});
  partial.samples.miss({.kind = ErrorKind::torn, .message = "filter"});
  const auto notice = health_.refresh_ended(std::move(partial));
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->why, "nat; filter");
  EXPECT_EQ(value_of(health_.snapshot(kStart + 1h)), 2);
  EXPECT_FALSE(health_.successful(kStart + 1h));
  EXPECT_EQ(health_.last_success(), kWallStart);
  EXPECT_EQ(health_.errors(), 2U);
  EXPECT_TRUE(health_.failing(ErrorKind::denied, kStart));
  EXPECT_TRUE(health_.failing(ErrorKind::torn, kStart));

  std::ignore = health_.refresh_ended(refresh_at(kStart + 2h, RefreshKind::unchanged));
  EXPECT_FALSE(health_.failing(ErrorKind::denied, kStart));
}

TEST_F(HealthTest, SeriesPastTheDeclaredMostAreAnInternalError) {
  Refresh refresh = refresh_at(kStart, RefreshKind::full, 1);
  refresh.samples.add(kFamily, 2);
  const auto notice = health_.refresh_ended(std::move(refresh));
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->why, "1 series more than declared were left out");
  EXPECT_TRUE(health_.failing(ErrorKind::internal, kStart));
  EXPECT_EQ(value_of(health_.snapshot(kStart)), 1);
}

TEST(NextRefresh, KeepsTheIntervalAndTheBudget) {
  struct Case {
    std::chrono::nanoseconds took;
    std::chrono::nanoseconds cpu;
    double budget;
    std::chrono::nanoseconds due_after_start;
  };
  const std::vector<Case> cases{{0s, 0s, 0.01, 1s},
                                {10ms, 5ms, 0.01, 1s},              // 0.5 s of rest are within 1 s
                                {10ms, 10ms, 0.01, 1s + 10ms},      // 1 s after it ended
                                {800ms, 800ms, 0.01, 80s + 800ms},  // a full pass of a big table
                                {800ms, 800ms, 1, 1s + 600ms},
                                {5s, 1ms, 0.01, 5s + 100ms},  // waited, did not compute
                                {1s, 1s, 1e-300, 24h + 1s}};
  for (const Case& c : cases) {
    EXPECT_EQ(next_refresh(kStart, kStart + c.took, c.cpu, 1s, c.budget) - kStart,
              c.due_after_start)
        << c.cpu.count();
  }
}

}  // namespace
}  // namespace kubecliff
