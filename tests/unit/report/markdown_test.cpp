#include "exporter/report/markdown.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/report/report_of.h"

namespace kubecliff::report {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ToMarkdown, SaysWhatTheTextSays) {
  const std::string text = to_markdown(test::full_report());
  EXPECT_THAT(text,
              StartsWith("# kubecliff report: worker-1\n\n2024-11-22T21:50:03Z, kernel 6.1.0, "
                         "kubecliff 0.1.0\n\n- **Mode:** iptables-nft, and kube-proxy says "
                         "ipvs\n- **Conflict:** kube\\_proxy\\_disagrees\n"));
  EXPECT_THAT(text, HasSubstr("\n## CRITICAL: KubecliffConntrackUse\n\n**The connection tracking "
                              "table of worker-1 is 91.2% full** At 100 % the node drops new "
                              "connections.\n\n**Next:** See who opens them.\n\n"
                              "[Runbook](<https://example.org/KubecliffConntrackUse.md>), firing "
                              "since 2024-11-22T21:40:03Z\n"));
  EXPECT_THAT(text, HasSubstr("| conntrack use | **91.2%** |  | 70% | 85% |\n"));
  EXPECT_THAT(text, HasSubstr("| a new flow is sent in \\(median\\) \\(ipv4\\) | 108.8us |\n"));
  EXPECT_THAT(text, HasSubstr("\n## Flows to backends that are gone: 1,007\n"));
  EXPECT_THAT(text, HasSubstr("| 90,000 (or up to 12 more) | `10.244.1.9` |  |\n"));
}

TEST(ToMarkdown, HasCurvesFlowsAndWhatCouldNotBeRead) {
  const std::string text = to_markdown(test::full_report());
  EXPECT_THAT(text, HasSubstr("\n## The last hours, by the minute\n\n"
                              "| since 21:49 UTC | lowest | highest | at | last |\n"
                              "|---|---|---|---|---|\n"
                              "| Connections tracked | 1 | 2 | 21:50 | 2 |\n"));
  EXPECT_THAT(text, HasSubstr("\nFlows: 200,000, of them short-lived 150,000\n"));
  EXPECT_THAT(text, HasSubstr("\n## Services and flows that could not be read\n\n"
                              "- ipvs: not in this kernel\n"));
}

TEST(ToMarkdown, LeavesOutAListThatSaysWhatAnotherHasSaid) {
  Report report = test::full_report();
  report.names->services_by_rules = report.names->services_by_endpoints;
  report.names->short_lived_sources = report.names->sources;
  EXPECT_THAT(to_markdown(report), AllOf(Not(HasSubstr("by rules")), Not(HasSubstr("by short"))));
  report.names->services_by_rules.front().dataplane = "iptables-legacy";
  EXPECT_THAT(to_markdown(report), HasSubstr("## Services by rules"));
}

TEST(ToMarkdown, LetsWhatOthersWroteBeNothingButText) {
  const std::string text = to_markdown(test::full_report());
  EXPECT_THAT(text, HasSubstr("| `a?[31m<b>\\|'*[x](http://x)??\"'&`, iptables-nft "
                              "`10.96.0.10:53/udp` | 1,200 | 3,600 | 12,345 |\n"));

  Report report = test::full_report();
  report.findings.front().runbook = "x> <img src=x> [a](javascript:1)";
  report.sections.front().facts.front().unit = "<script>|";
  report.measures.front().unit = "<script>|";
  const std::string hostile = to_markdown(report);
  EXPECT_THAT(hostile, HasSubstr("\nRunbook: x\\> \\<img src=x\\> \\[a\\]\\(javascript:1\\)"));
  EXPECT_THAT(hostile, Not(HasSubstr("<script>")));
  EXPECT_THAT(hostile, HasSubstr("\\<script\\>\\|"));
}

}  // namespace
}  // namespace kubecliff::report
