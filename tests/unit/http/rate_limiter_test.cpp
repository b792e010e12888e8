#include "exporter/http/rate_limiter.h"

#include <chrono>

#include <gtest/gtest.h>

namespace kubecliff::http {
namespace {

using namespace std::chrono_literals;

TEST(RateLimiter, LetsABurstPassAndThenOnePerInterval) {
  const RateLimit limit{.interval = 100ms, .burst = 3};
  const RateLimiter::Clock::time_point start{1h};
  RateLimiter limiter;
  for (int request = 0; request < 3; ++request) {
    EXPECT_TRUE(limiter.allow(limit, start)) << request;
  }
  EXPECT_FALSE(limiter.allow(limit, start));
  EXPECT_FALSE(limiter.allow(limit, start + 99ms));
  EXPECT_TRUE(limiter.allow(limit, start + 100ms));
  EXPECT_FALSE(limiter.allow(limit, start + 100ms));
}

TEST(RateLimiter, IdleTimeGivesBackNoMoreThanTheBurst) {
  const RateLimit limit{.interval = 100ms, .burst = 2};
  const RateLimiter::Clock::time_point start{1h};
  RateLimiter limiter;
  EXPECT_TRUE(limiter.allow(limit, start));
  EXPECT_TRUE(limiter.allow(limit, start + 1h));
  EXPECT_TRUE(limiter.allow(limit, start + 1h));
  EXPECT_FALSE(limiter.allow(limit, start + 1h));
}

TEST(RateLimiter, BurstPassesEvenRightAfterTheMachineStarted) {
  const RateLimit limit{.interval = 1h, .burst = 2};
  RateLimiter limiter;
  EXPECT_TRUE(limiter.allow(limit, RateLimiter::Clock::time_point{1s}));
  EXPECT_TRUE(limiter.allow(limit, RateLimiter::Clock::time_point{1s}));
  EXPECT_FALSE(limiter.allow(limit, RateLimiter::Clock::time_point{1s}));
}

TEST(RateLimiter, NoIntervalIsNoLimit) {
  RateLimiter limiter;
  for (int request = 0; request < 1'000; ++request) {
    EXPECT_TRUE(limiter.allow({}, RateLimiter::Clock::time_point{}));
  }
}

}  // namespace
}  // namespace kubecliff::http
