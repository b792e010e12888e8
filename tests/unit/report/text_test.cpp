#include "exporter/report/text.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/reports.h"
#include "tests/unit/report/report_of.h"

namespace kubecliff::report {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A word that no line has room for, such as an address that is to be copied.
bool ends_in_a_long_word(const std::string& line) {
  return line.size() - line.rfind(' ') > 80;
}

TEST(ToText, PutsModeVerdictAndTheWorstFirst) {
  EXPECT_THAT(
      to_text(test::full_report(), Colours::off),
      StartsWith(
          "kubecliff report: worker-1 at 2024-11-22T21:50:03Z, kernel 6.1.0, kubecliff 0.1.0\n"
          "Mode      iptables-nft, and kube-proxy says ipvs\n"
          "          conflict: kube_proxy_disagrees\n"
          "Verdict   1 critical, 1 warning, 1 could not be read; watched for 6h 0m 0s\n"
          "\n"
          "CRITICAL  KubecliffConntrackUse, firing since 2024-11-22T21:40:03Z\n"
          "          The connection tracking table of worker-1 is 91.2% full\n"
          "          At 100 % the node drops new connections.\n"
          "          -> See who opens them.\n"
          "             https://example.org/KubecliffConntrackUse.md\n"
          "\n"
          "warning   KubecliffNatRules\n"));
}

TEST(ToText, ShowsFiguresBesideTheirBoundsWhereTheyAreNear) {
  const std::string text = to_text(test::full_report(), Colours::off);
  EXPECT_THAT(text,
              HasSubstr("now          info       warning      critical\n"
                        "  conntrack use                                    91.2%             -"
                        "           70%           85%\n"
                        "  1 more, not half way to their bounds\n"));
  EXPECT_THAT(text, HasSubstr("\n  a new flow is sent in (median) (ipv4)  108.8us\n"));
}

TEST(ToText, ListsWhatHasANameAndWhatCouldNotBeRead) {
  const std::string text = to_text(test::full_report(), Colours::off);
  EXPECT_THAT(text, HasSubstr("90,000  10.244.1.9  (or up to 12 more)\n"));
  EXPECT_THAT(text, HasSubstr("\nFlows to backends that are gone: 1,007\n"));
  EXPECT_THAT(text, HasSubstr("7  kube-system/kube-dns:dns  -> 10.244.9.9:53\n"));
  EXPECT_THAT(text, HasSubstr("90%  10.244.1.7:8080          expected 50%\n"));
  EXPECT_THAT(text, HasSubstr("\n\nServices and flows that could not be read\n"
                              "  ipvs: not in this kernel\n"));
}

TEST(ToText, TellsWhatFiguresWereInTheLastHours) {
  Report report = test::full_report();
  report.curves.push_back({.id = "new_flow_seconds",
                           .title = "A new flow is sent in (median)",
                           .unit = "seconds",
                           .points = {{.at = test::at(1'732'312'080), .value = 0.000'02},
                                      {.at = test::at(1'732'312'200), .value = 0.000'01}}});
  EXPECT_THAT(to_text(report, Colours::off),
              HasSubstr("\n\nThe last hours, by the minute\n"
                        "  since 21:48 UTC                 lowest  highest     at  last\n"
                        "  Connections tracked                  1        2  21:50     2\n"
                        "  A new flow is sent in (median)    10us     20us  21:48  10us\n\n"));
}

TEST(ToText, CutsNoAddress) {
  Report report = test::full_report();
  report.names->services_by_endpoints.front().name =
      "observability/opentelemetry-collector-gateway-headless:otlp-grpc";
  report.names->services_by_rules = {{.name = std::string(143, 'a'),
                                      .address = "[fd00:10:96:aaaa:bbbb:cccc:dddd:eeee]:65535/sctp",
                                      .dataplane = "iptables-legacy",
                                      .endpoints = 1'000,
                                      .rules = 1'234'567,
                                      .packets = 999'999'999}};
  const std::string text = to_text(report, Colours::off);
  EXPECT_THAT(text, HasSubstr("      1,200     3,600       12,345  "
                              "observability/opentelemetry-collector-gateway-headless:otlp-grpc\n"
                              "                                    iptables-nft  "
                              "10.96.0.10:53/udp\n"));
  EXPECT_THAT(text, HasSubstr(" 1,234,567  999,999,999  " + std::string(61, 'a') + "...\n"));
  EXPECT_THAT(text, HasSubstr("  [fd00:10:96:aaaa:bbbb:cccc:dddd:eeee]:65535/sctp\n"));
}

TEST(ToText, OfAQuietNodeIsShort) {
  EXPECT_EQ(
      to_text({.node = "a", .kernel = "6.1", .version = "1", .covers = std::chrono::seconds{2}},
              Colours::off),
      "kubecliff report: a at 1970-01-01T00:00:00Z, kernel 6.1, kubecliff 1\n"
      "Mode      not known\n"
      "Verdict   nothing is known yet; rates over 2s, asked just now\n");
}

TEST(ToText, SaysWhyThereAreNoNames) {
  Report report;
  report.names_withheld = "Only to who is known.";
  EXPECT_THAT(to_text(report, Colours::off),
              EndsWith("\nServices and flows by name\n  Only to who is known.\n"));
}

TEST(ToText, LetsNothingForeignReachTheTerminal) {
  Report report = test::full_report();
  report.findings.front().summary = std::string(3'000, 'x').append(test::kHostile);
  report.findings.front().next = test::kHostile;
  report.mode.verdict = test::kHostile;
  report.sections.front().title = test::kHostile;
  report.sections.front().facts.front().unit = test::kHostile;
  report.measures.front().unit = test::kHostile;
  report.names->uneven_services.front().note = test::kHostile;
  const std::string text = to_text(report, Colours::off);
  EXPECT_TRUE(std::ranges::all_of(
      text, [](char byte) { return byte == '\n' || (byte >= ' ' && byte <= '~'); }));
}

TEST(ToText, StaysInItsColumns) {
  std::vector<test::NamedReport> reports = test::made_up_reports();
  reports.push_back({"full", test::full_report()});
  Report& uneven = reports.emplace_back("uneven", test::full_report()).report;
  uneven.names->uneven_services.front().note =
      "some were added later than others, and count from then on";
  uneven.names->uneven_services.front().name = std::string(67, 'a');
  uneven.measures.front().check = std::string(41, 'a');
  uneven.names->stale_flows.front().backend = "[fd00:10:244:aaaa:bbbb:cccc:dddd:eeee]:65535";
  uneven.names->stale_flows.front().service = std::string(143, 'a');
  for (const auto& [name, report] : reports) {
    std::istringstream lines{to_text(report, Colours::off)};
    for (std::string line; std::getline(lines, line);) {
      EXPECT_TRUE(line.size() <= 100 || ends_in_a_long_word(line)) << name << ": " << line;
      EXPECT_THAT(line, Not(EndsWith(" "))) << name;
    }
  }
}

TEST(ToText, HasColoursOnlyWhereTheyAreWanted) {
  EXPECT_THAT(to_text(test::full_report(), Colours::on),
              HasSubstr("\x1b[1;31mCRITICAL  \x1b[0m\x1b[1mKubecliffConntrackUse\x1b[0m"));
  EXPECT_THAT(to_text(test::full_report(), Colours::off), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace kubecliff::report
