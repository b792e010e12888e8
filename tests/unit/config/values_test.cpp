#include "exporter/config/values.h"

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace kubecliff {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, ReadsWhatPrometheusReads) {
  struct Case {
    std::string_view text;
    Duration expected;
  };
  const std::vector<Case> cases{{"0", 0ms},
                                {"0s", 0ms},
                                {"500ms", 500ms},
                                {"15s", 15'000ms},
                                {"10m", 600'000ms},
                                {"1h30m", 5'400'000ms},
                                {"1m0s1ms", 60'001ms},
                                {"2d", 172'800'000ms},
                                {"1w", 604'800'000ms},
                                {"1y", 31'536'000'000ms}};
  for (const Case& c : cases) {
    EXPECT_EQ(parse_duration(c.text), c.expected) << c.text;
  }
}

TEST(ParseDuration, RefusesEverythingElse) {
  for (const std::string_view text :
       {"", "15", "s", "1.5s", "-1s", "+1s", "1 s", "15S", "1us", "30m1h", "1s1s", "1h30", " 1s",
        "9223372036854775807s", "9223372036854775808ms", "9223372036854775807ms1s", "300000000y"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(ToText, DurationReadsBack) {
  struct Case {
    Duration duration;
    std::string_view text;
  };
  const std::vector<Case> cases{
      {0ms, "0s"},          {1ms, "1ms"},           {1'500ms, "1s500ms"},
      {600'000ms, "10m"},   {5'400'000ms, "1h30m"}, {864'000'000ms, "10d"},
      {604'800'000ms, "1w"}};
  for (const Case& c : cases) {
    EXPECT_EQ(to_text(c.duration), c.text);
    EXPECT_EQ(parse_duration(c.text), c.duration);
  }
}

TEST(ParseNumber, TakesWholeFiniteNumbersOnly) {
  EXPECT_EQ(parse_number("0.01"), 0.01);
  EXPECT_EQ(parse_number("1e3"), 1000);
  for (const std::string_view text : {"", "1x", "nan", "inf", "1e999", " 1", "0x10"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

TEST(ParseInteger, TakesWholeNumbersOnly) {
  EXPECT_EQ(parse_integer("500000"), 500'000);
  EXPECT_EQ(parse_integer("-1"), -1);
  for (const std::string_view text : {"", "1.0", "1k", "9223372036854775808"}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  }
}

TEST(ParseBool, TakesTwoWordsOnly) {
  EXPECT_EQ(parse_bool("true"), true);
  EXPECT_EQ(parse_bool("false"), false);
  for (const std::string_view text : {"", "yes", "on", "1", "True"}) {
    EXPECT_EQ(parse_bool(text), std::nullopt) << text;
  }
}

TEST(Closest, SuggestsWhatIsNearAndNothingElse) {
  constexpr std::array<std::string_view, 3> kKnown{"web.listen-address", "log.level", "log.format"};
  EXPECT_EQ(closest("web.listen-adress", kKnown), "web.listen-address");
  EXPECT_EQ(closest("web.listen_addresses", kKnown), "web.listen-address");
  EXPECT_EQ(closest("log.levle", kKnown), "log.level");
  EXPECT_EQ(closest("something.else", kKnown), std::nullopt);
}

}  // namespace
}  // namespace kubecliff
