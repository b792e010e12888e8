#include "exporter/chart/axis.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff::chart {
namespace {

using testing::DoubleNear;
using testing::Pointwise;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> linear(Range range, std::size_t most, Axis::Ends ends = Axis::Ends::exact) {
  return Axis{{.ends = ends, .most_ticks = most}, range}.ticks();
}

std::vector<double> log(Range range, std::size_t most, Axis::Ends ends = Axis::Ends::exact) {
  return Axis{{.scale = Scale::log, .ends = ends, .most_ticks = most}, range}.ticks();
}

void expect_near(const std::vector<double>& ticks, const std::vector<double>& wanted) {
  EXPECT_THAT(ticks, Pointwise(testing::DoubleEq(), wanted));
}

TEST(CanShow, LeavesOutWhatHasNoPlace) {
  EXPECT_TRUE(can_show(Scale::linear, 0));
  EXPECT_TRUE(can_show(Scale::linear, -1e299));
  EXPECT_FALSE(can_show(Scale::linear, std::nan("")));
  EXPECT_FALSE(can_show(Scale::linear, kInfinity));
  EXPECT_FALSE(can_show(Scale::linear, std::numeric_limits<double>::max()));
  EXPECT_TRUE(can_show(Scale::log, 1e-9));
  EXPECT_FALSE(can_show(Scale::log, 0));
  EXPECT_FALSE(can_show(Scale::log, -1));
}

TEST(Axis, TicksAreRound) {
  expect_near(linear({0, 100}, 6), {0, 20, 40, 60, 80, 100});
  expect_near(linear({0, 0.6}, 4), {0, 0.2, 0.4, 0.6});
  expect_near(linear({-7, 7}, 4), {-5, 0, 5});
  expect_near(linear({1'234, 5'678}, 6), {2'000, 3'000, 4'000, 5'000});
}

TEST(Axis, RoundEndsReachAroundTheRange) {
  const Axis axis{{.ends = Axis::Ends::round, .most_ticks = 6}, {3, 97}};
  expect_near(axis.ticks(), {0, 20, 40, 60, 80, 100});
  EXPECT_EQ(axis.range().low, 0);
  EXPECT_EQ(axis.range().high, 100);
  EXPECT_DOUBLE_EQ(axis.position(25), 0.25);
}

TEST(Axis, StepsOfBytesArePowersOfTwo) {
  const Axis axis{{.steps = Steps::binary, .most_ticks = 5}, {0, 5'000}};
  expect_near(axis.ticks(), {0, 2'048, 4'096});
}

TEST(Axis, StepsOfClocksAreWholeHours) {
  const double midnight = 1'700'006'400;
  const Axis axis{{.steps = Steps::clock, .most_ticks = 5},
                  {midnight - 100, midnight + 6 * 3'600 - 100}};
  expect_near(axis.ticks(), {midnight, midnight + 7'200, midnight + 14'400});
  const Axis days{{.steps = Steps::clock, .most_ticks = 5}, {0, 86'400 * 8}};
  expect_near(days.ticks(), {0, 2 * 86'400, 4 * 86'400, 6 * 86'400, 8 * 86'400});
}

TEST(Axis, LogTicksAreDecadesOrTheirHalves) {
  expect_near(log({1, 100}, 8), {1, 2, 5, 10, 20, 50, 100});
  expect_near(log({1, 1e4}, 6), {1, 10, 100, 1'000, 1e4});
  expect_near(log({1e-9, 1e9}, 6), {1e-9, 1e-5, 1e-1, 1e3, 1e7});
  expect_near(log({3, 30}, 6, Axis::Ends::round), {2, 5, 10, 20, 50});
  expect_near(log({2.1, 2.5}, 6), {2.1, 2.2, 2.3, 2.4, 2.5});
}

TEST(Axis, LogPositionsAreByRatio) {
  const Axis axis{{.scale = Scale::log}, {1, 10'000}};
  EXPECT_DOUBLE_EQ(axis.position(100), 0.5);
  EXPECT_DOUBLE_EQ(axis.position(1), 0);
  EXPECT_DOUBLE_EQ(axis.position(10'000), 1);
}

TEST(Axis, ARangeWithoutWidthIsWidened) {
  EXPECT_EQ((Axis{{}, {0, 0}}.range().high), 1);
  EXPECT_EQ((Axis{{}, {8, 8}}.range().low), 0);
  EXPECT_EQ((Axis{{}, {8, 8}}.range().high), 10);
  EXPECT_EQ((Axis{{}, {-8, -8}}.range().low), -10);
  EXPECT_EQ((Axis{{.scale = Scale::log}, {8, 8}}.range().low), 4);
  // Too narrow for doubles to have ticks in between.
  EXPECT_EQ((Axis{{}, {1e16, 1e16 + 2}}.range().low), 0);
  EXPECT_EQ((Axis{{}, {0, 5e-324}}.range().high), 1);
}

TEST(Axis, AnyRangeHasFewTicksInOrderAndPositionsWithin) {
  std::mt19937_64 random{7};  // NOLINT(bugprone-random-generator-seed): the same each time
  std::uniform_real_distribution<double> exponent{-299, 299};
  std::uniform_int_distribution<int> any{0, 5};
  for (int round = 0; round < 20'000; ++round) {
    double one = std::pow(10, exponent(random));
    double other = any(random) == 0 ? one * (1 + 1e-8) : std::pow(10, exponent(random));
    const Scale scale = any(random) < 3 ? Scale::linear : Scale::log;
    if (scale == Scale::linear) {
      one *= any(random) < 2 ? -1 : 1;
      other *= any(random) < 2 ? -1 : 1;
    }
    const Range range{std::min(one, other), std::max(one, other)};
    const auto steps = static_cast<Steps>(any(random) % 3);
    const Axis::Ends ends = any(random) < 3 ? Axis::Ends::exact : Axis::Ends::round;
    const Axis axis{{.scale = scale, .steps = steps, .ends = ends, .most_ticks = 6}, range};
    ASSERT_LE(axis.ticks().size(), 8U) << range.low << " " << range.high;
    ASSERT_GE(axis.ticks().size(), 1U) << range.low << " " << range.high;
    for (std::size_t index = 0; index < axis.ticks().size(); ++index) {
      const double tick = axis.ticks()[index];
      ASSERT_TRUE(std::isfinite(tick));
      ASSERT_TRUE(index == 0 || tick > axis.ticks()[index - 1]) << range.low << " " << range.high;
      ASSERT_THAT(axis.position(tick), DoubleNear(0.5, 0.5 + 1e-5))
          << range.low << " " << range.high;
    }
    ASSERT_THAT(axis.position(range.low), DoubleNear(0.5, 0.5 + 1e-5));
    ASSERT_THAT(axis.position(range.high), DoubleNear(0.5, 0.5 + 1e-5));
  }
}

}  // namespace
}  // namespace kubecliff::chart
