#include "exporter/simulate/report.h"

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "exporter/simulate/page.h"

namespace kubecliff::simulate {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

Figure of(double median) {
  return {.median = median, .least = median * 0.9, .most = median * 1.2, .times = 5};
}

Point point(Backend backend, int services) {
  Point point{.backend = backend,
              .services = services,
              .endpoints = 10,
              .rules = 12'345,
              .worst_case_walk = 20,
              .full = of(1.234),
              .update = of(0.0567),
              .list = of(0.0089),
              .read = of(0.00076),
              .paths = {},
              .missed_new_flow = of(3.3e-6),
              .missed_established = of(1.1e-6),
              .peak_bytes = 1'000'000,
              .took = 4.5};
  for (std::size_t i = 0; i < point.paths.size(); ++i) {
    const auto nth = static_cast<double>(i + 1);
    point.paths[i] = {
        .new_flow = of(nth * 1.11e-5), .established = of(1.5e-6), .connections = of(54'321 / nth)};
  }
  return point;
}

Report report() {
  Report report{.endpoints = 10,
                .measured = {.machine = {.kernel = "6.1.0",
                                         .node = "worker<1>\x1b[31m",
                                         .cpus = 4,
                                         .tools = {{Backend::iptables_nft, "/sbin/x", "v1.8.9"}}},
                             .points = {point(Backend::iptables_nft, 100),
                                        point(Backend::iptables_nft, 2'500)},
                             .missing = {{Backend::ipvs, {}, "this kernel does not have ip_vs"},
                                         {Backend::iptables_nft, 5'000, "stopped"}},
                             .ending = Ending::signal,
                             .took = 9.25},
                .present = {.services = 1'200, .from = "as it is", .mode = "", .growth = 3},
                .meetings = {}};
  report.meetings = meetings(report.measured.points, default_checks(), report.present);
  return report;
}

TEST(FigureOf, IsTheMedianWithItsEnds) {
  const Figure odd = figure_of(std::array{5.0, 1.0, 3.0});
  EXPECT_EQ(odd.median, 3);
  EXPECT_EQ(odd.least, 1);
  EXPECT_EQ(odd.most, 5);
  EXPECT_EQ(odd.times, 3);
  EXPECT_EQ(figure_of(std::array{1.0, 2.0, 4.0, 100.0}).median, 3);
  EXPECT_EQ(figure_of({}).times, 0);
}

TEST(TimeText, HasThreeDigits) {
  EXPECT_EQ(time_text(0.0000123), "12.3us");
  EXPECT_EQ(time_text(0.00099951), "1.00ms");
  EXPECT_EQ(time_text(0.123), "123ms");
  EXPECT_EQ(time_text(9.999), "10.0s");
  EXPECT_EQ(time_text(12.5), "12.5s");
}

TEST(ToText, HasALineForEachPoint) {
  const std::string text = to_text(report());
  EXPECT_THAT(text, HasSubstr("     2,500    12,345     1.23s    56.7ms    8.90ms       760us    "
                              "11.1us    33.3us    1.50us    18,107       30%"));
  EXPECT_THAT(text, HasSubstr("Not measured: ipvs: this kernel does not have ip_vs."));
  EXPECT_THAT(text, HasSubstr("Not measured: iptables-nft, from 5,000 Services on: stopped."));
  EXPECT_THAT(text, HasSubstr("This node: 1,200 Service ports, as it is."));
  EXPECT_THAT(text, HasSubstr("\n  iptables-nft     services_in_iptables          1,000, passed"
                              "    2,000 in 267 days  5,000 in 1,267 days\n"));
  EXPECT_THAT(text, HasSubstr("\n  iptables-nft     restore_duration                          -"
                              "           over 2,500           over 2,500\n"));
  EXPECT_THAT(text, HasSubstr("Took 9.25s; signal."));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(ToText, SaysWhatIsNotKnown) {
  Report unknown = report();
  unknown.present = {.services = {}, .from = "nothing is seen", .mode = "", .growth = {}};
  const std::string text = to_text(unknown);
  EXPECT_THAT(text, HasSubstr("Where this node stands is not known: nothing is seen."));
  EXPECT_THAT(text, HasSubstr("How it grows is not known"));
}

TEST(ToJson, HasTheSameFigures) {
  const json parsed = json::parse(to_json(report()));
  EXPECT_EQ(parsed["ending"], "signal");
  EXPECT_EQ(parsed["machine"]["cpus"], 4);
  EXPECT_EQ(parsed["machine"]["node"], "worker<1>?[31m");
  ASSERT_EQ(parsed["points"].size(), 2U);
  const json& last = parsed["points"][1];
  EXPECT_EQ(last["services"], 2'500);
  EXPECT_EQ(last["rules"], 12'345);
  EXPECT_EQ(time_text(last["full_restore_seconds"]["median"]), "1.23s");
  EXPECT_EQ(time_text(last["update_seconds"]["median"]), "56.7ms");
  EXPECT_EQ(time_text(last["list_seconds"]["median"]), "8.90ms");
  EXPECT_EQ(time_text(last["read_seconds"]["median"]), "760us");
  EXPECT_EQ(time_text(last["services_at"]["last"]["new_flow_seconds"]["median"]), "33.3us");
  EXPECT_EQ(last["update_seconds"]["times"], 5);
  EXPECT_EQ(parsed["missing"][0]["from_services"], nullptr);
  EXPECT_EQ(parsed["missing"][1]["from_services"], 5'000);
  EXPECT_EQ(parsed["now"]["services"], 1'200);
  EXPECT_EQ(parsed["bounds"][0]["where"], "at");
  EXPECT_EQ(parsed["bounds"][0]["days"], 0);
}

TEST(Page, IsWholeAndEscapesWhatOthersSaid) {
  for (const std::string& text : {to_html(report()), to_svg(report())}) {
    EXPECT_THAT(text, HasSubstr("worker&lt;1&gt;"));
    EXPECT_THAT(text, Not(HasSubstr("worker<1>")));
    EXPECT_THAT(text, HasSubstr("this node today"));
    EXPECT_THAT(text, HasSubstr("iptables-nft"));
    EXPECT_THAT(text, Not(HasSubstr("<script")));
    EXPECT_THAT(text, Not(HasSubstr("src=")));
  }
  EXPECT_THAT(to_html(report()), HasSubstr("</html>"));
  EXPECT_THAT(to_html(report()),
              HasSubstr("<td>2,000 in 267 days<br><small>2,000 Services</small></td>"));
}

TEST(Page, WithoutPointsIsOneStill) {
  Report empty = report();
  empty.measured.points.clear();
  empty.meetings.clear();
  EXPECT_THAT(to_html(empty), HasSubstr("</html>"));
  EXPECT_THAT(to_svg(empty), HasSubstr("</svg>"));
}

}  // namespace
}  // namespace kubecliff::simulate
