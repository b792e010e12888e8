#include "exporter/report/words.h"

#include <limits>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/report/report_of.h"

namespace kubecliff::report {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Figure, ReadsAsAPersonWouldWriteIt) {
  EXPECT_EQ(figure("", 7), "7");
  EXPECT_EQ(figure("", 1'234'567), "1,234,567");
  EXPECT_EQ(figure("/min", -1'203.4), "-1,203/min");
  EXPECT_EQ(figure("/s", 0.125), "0.12/s");
  EXPECT_EQ(figure("rules", 51'008), "51,008 rules");
  EXPECT_EQ(figure("rules", 12), "12 rules");
  EXPECT_EQ(figure("packets/s", 0.02), "0.02 packets/s");
  EXPECT_EQ(figure("cores", 0.5), "0.50 cores");
  EXPECT_EQ(figure("ratio", 0.912), "91.2%");
  EXPECT_EQ(figure("seconds", 0.000'108'8), "108.8us");
  EXPECT_EQ(figure("seconds", 200), "3m 20s");
  EXPECT_EQ(figure("seconds", 86'400), "1d 0h 0m 0s");
  EXPECT_EQ(figure("rules", 1e300).substr(0, 4), "1000");
  EXPECT_EQ(figure("", std::numeric_limits<double>::infinity()), "inf");
}

TEST(IsNear, FromHalfOfTheFirstBoundOn) {
  Measure measure{
      .check = "a",
      .group = "b",
      .labels = {},
      .value = 49,
      .unit = "rules",
      .bounds = {{.severity = Severity::info, .side = Bound::Side::above, .value = 100},
                 {.severity = Severity::warning, .side = Bound::Side::above, .value = 200}},
      .exceeded = {}};
  EXPECT_FALSE(is_near(measure));
  measure.value = 50;
  EXPECT_TRUE(is_near(measure));
  measure.bounds = {{.severity = Severity::warning, .side = Bound::Side::below, .value = 100}};
  measure.value = 201;
  EXPECT_FALSE(is_near(measure));
  measure.value = 200;
  EXPECT_TRUE(is_near(measure));
  measure.bounds.front().value = 0;
  EXPECT_FALSE(is_near(measure));
  measure.exceeded = Severity::warning;
  EXPECT_TRUE(is_near(measure));
}

TEST(Same, ServicesOfTheSameAddressInTwoDataplanesAreTwo) {
  const std::vector<ServiceRow> nft{
      {.name = "a", .address = "10.96.0.10:53/udp", .dataplane = "iptables-nft", .packets = {}}};
  std::vector<ServiceRow> other = nft;
  other.front().rules = 7;
  EXPECT_TRUE(same(nft, other));
  other.front().dataplane = "iptables-legacy";
  EXPECT_FALSE(same(nft, other));
  EXPECT_FALSE(same(nft, {}));
}

TEST(CurveTable, TellsTheExtremesAndWhenTheHighestWas) {
  Report report = test::full_report();
  Curve& curve = report.curves.front();
  curve.points = {{.at = test::at(1'732'312'080), .value = 41'203},
                  {.at = test::at(1'732'312'140), .value = 187'001},
                  {.at = test::at(1'732'312'200), .value = 50'000}};
  report.curves.push_back({.id = "none", .title = "None", .unit = "", .points = {}});
  EXPECT_THAT(
      curve_table(report.curves),
      ElementsAre(ElementsAre("since 21:48 UTC", "lowest", "highest", "at", "last"),
                  ElementsAre("Connections tracked", "41,203", "187,001", "21:49", "50,000")));
  EXPECT_THAT(curve_table({}), IsEmpty());
}

TEST(IsWebAddress, OfNothingThatCouldEndALink) {
  EXPECT_TRUE(is_web_address("https://example.org/a/b.md?x=1#y"));
  EXPECT_TRUE(is_web_address("http://127.0.0.1:9909/"));
  for (const std::string_view text :
       {"", "javascript:1", "ftp://x", "https://x> <img>", "https://x y", "https://x\"",
        "https://x\n", "https://\xc3\xa4"}) {
    EXPECT_FALSE(is_web_address(text)) << text;
  }
}

TEST(Verdict, CountsBySeverity) {
  EXPECT_EQ(verdict(test::full_report()), "1 critical, 1 warning");
  EXPECT_EQ(verdict({}), "nothing is known yet");
  Report calm = test::full_report();
  EXPECT_EQ(unread(calm), ", 1 could not be read");
  calm.findings.clear();
  calm.failures.clear();
  EXPECT_EQ(verdict(calm), "no bound is exceeded");
  EXPECT_EQ(unread(calm), "");
}

}  // namespace
}  // namespace kubecliff::report
