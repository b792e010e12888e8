#include "exporter/chart/tick_text.h"

#include <limits>

#include <gtest/gtest.h>

namespace kubecliff::chart {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(NumberText, IsShort) {
  EXPECT_EQ(number_text(0), "0");
  EXPECT_EQ(number_text(-0.0), "0");
  EXPECT_EQ(number_text(0.1 + 0.2), "0.3");
  EXPECT_EQ(number_text(0.25), "0.25");
  EXPECT_EQ(number_text(950), "950");
  EXPECT_EQ(number_text(1'200), "1.2k");
  EXPECT_EQ(number_text(20'000), "20k");
  EXPECT_EQ(number_text(262'144), "262k");
  EXPECT_EQ(number_text(1'500'000), "1.5M");
  EXPECT_EQ(number_text(-20'000), "-20k");
  EXPECT_EQ(number_text(2e9), "2G");
  EXPECT_EQ(number_text(1e200), "1e+188T");
  EXPECT_LE(number_text(std::numeric_limits<double>::max()).size(), 16U);
  EXPECT_LE(number_text(kInfinity).size(), 16U);
}

TEST(SecondsText, TakesTheUnitThatFits) {
  EXPECT_EQ(seconds_text(0), "0s");
  EXPECT_EQ(seconds_text(2.5e-8), "25ns");
  EXPECT_EQ(seconds_text(0.000'25), "250us");
  EXPECT_EQ(seconds_text(0.002), "2ms");
  EXPECT_EQ(seconds_text(1.5), "1.5s");
  EXPECT_EQ(seconds_text(59), "59s");
  EXPECT_EQ(seconds_text(60), "1m");
  EXPECT_EQ(seconds_text(7'200), "2h");
  EXPECT_EQ(seconds_text(86'400), "1d");
}

TEST(PercentText, IsOfARatio) {
  EXPECT_EQ(percent_text(0.7), "70%");
  EXPECT_EQ(percent_text(0.855), "85.5%");
  EXPECT_EQ(percent_text(0), "0%");
}

TEST(BytesText, TakesPowersOf1024) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(512), "512 B");
  EXPECT_EQ(bytes_text(1'536), "1.5 KiB");
  EXPECT_EQ(bytes_text(64.0 * 1024 * 1024), "64 MiB");
}

TEST(ClockText, IsUtc) {
  EXPECT_EQ(clock_text(0), "00:00");
  EXPECT_EQ(clock_text(1'700'000'000), "22:13");  // date -u -d @1700000000
  EXPECT_EQ(clock_text(-60), "23:59");
  EXPECT_EQ(clock_text(kInfinity), "");
}

}  // namespace
}  // namespace kubecliff::chart
