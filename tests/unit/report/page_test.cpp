#include "exporter/report/page.h"

#include <map>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/markup.h"
#include "tests/support/reports.h"
#include "tests/support/result_matchers.h"
#include "tests/support/run_tool.h"

namespace kubecliff::report {
namespace {

using namespace std::chrono_literals;
using test::has_value;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string html(const Report& report, const PageSettings& settings = {}) {
  return page(report, settings).body;
}

std::string header(const http::Response& response, std::string_view name) {
  for (const http::Header& each : response.headers) {
    if (each.name == name) {
      return each.value;
    }
  }
  return "";
}

http::Request asking(std::string refresh) {
  return {.query = {{.key = "refresh", .value = std::move(refresh)}}};
}

TEST(Page, OfAnyReportIsWellFormedAndBounded) {
  for (const auto& [name, report] : test::made_up_reports()) {
    const std::string text = html(report);
    EXPECT_THAT(test::well_formed(text), has_value()) << name;
    EXPECT_LT(text.size(), 1'500U * 1024) << name;
  }
}

TEST(Page, AllowsItsOwnStyleAndNothingElse) {
  const http::Response response = page(test::bad_report());
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/html; charset=utf-8");
  // What a browser would digest, by openssl's own word.
  const std::size_t begin = response.body.find("<style>") + 7;
  const std::string style =
      response.body.substr(begin, response.body.find("</style>", begin) - begin);
  EXPECT_EQ(style, page_style());
  const std::string digest =
      test::must_run({"openssl", "base64", "-A"},
                     test::must_run({"openssl", "dgst", "-sha256", "-binary"}, style));
  EXPECT_EQ(header(response, "Content-Security-Policy"),
            "default-src 'none'; style-src 'sha256-" + digest +
                "'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  EXPECT_EQ(header(response, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(header(response, "Referrer-Policy"), "no-referrer");
  EXPECT_EQ(header(response, "Cache-Control"), "no-store");
  EXPECT_EQ(response.body.find("<style", begin), std::string::npos) << "one style";
}

// Of every element, what stands between < and >.
std::vector<std::string_view> tags(std::string_view text) {
  std::vector<std::string_view> tags;
  for (std::size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at + 1)) {
    tags.push_back(text.substr(at + 1, text.find('>', at) - at - 1));
  }
  return tags;
}

TEST(Page, LoadsNothingAndRunsNothing) {
  constexpr std::string_view kHref = " href=\"";
  for (const auto& [name, report] : test::made_up_reports()) {
    const std::string text = html(report);
    for (const std::string_view tag : tags(text)) {
      for (const char* loads : {"script", "img", "iframe", "object", "form", "image", "use"}) {
        ASSERT_FALSE(tag == loads || tag.starts_with(std::string{loads} + " ")) << tag;
      }
      for (const char* loads : {" src=", " style=", " on", "url(", "javascript:", "data:text"}) {
        ASSERT_THAT(std::string{tag}, Not(HasSubstr(loads))) << name;
      }
      const std::size_t at = tag.find(kHref);
      if (at == std::string_view::npos) {
        continue;
      }
      const std::string_view to = tag.substr(at + kHref.size());
      const bool stays = to.starts_with('/') || to.starts_with('?') || to.starts_with('#');
      if (tag.starts_with("link ")) {
        EXPECT_EQ(to, "data:,\"/");
      } else if (!stays) {
        // To runbooks, when somebody follows them.
        EXPECT_THAT(std::string{tag}, AllOf(HasSubstr("class=\"runbook\""), HasSubstr("noreferrer"),
                                            HasSubstr(" href=\"https://")));
      }
    }
    EXPECT_THAT(std::string{page_style()},
                AllOf(Not(HasSubstr("url(")), Not(HasSubstr("@import"))));
  }
}

TEST(Page, TextsOfOthersStayTexts) {
  const std::string text = html(test::report_of(test::hostile_text()));
  EXPECT_THAT(text, HasSubstr("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"));
  for (const char* raw :
       {"<script", "\"onload", "\x01", "\x1B", "\xFF", "\xC0", "\u202E", "\u2066"}) {
    EXPECT_THAT(text, Not(HasSubstr(raw)));
  }
}

TEST(Page, SaysWhatIsWorstAndWhatToDo) {
  const std::string text = html(test::bad_report());
  for (const char* said : {
           "<title>Critical: ip-10-31-4-112.eu-central-1.compute.internal - kubecliff</title>",
           "<b>1 critical, 1 warning, 1 info</b>",
           "<b>Next:</b> Look at which Services have the most endpoints",
           "href=\"https://github.com/kubecliff/kubecliff/blob/main/alerts/runbooks/"
           "KubecliffRestoreDuration.md\">Runbook of KubecliffRestoreDuration</a>",
           "Firing since <time datetime=\"2026-11-22T21:08:05Z\">2026-11-22 21:08:05 UTC</time>",
           "Modes in conflict: both iptables backends hold KUBE-SERVICES",
           "probe: connect 10.96.0.1:443: Connection refused",
           "<a href=\"#failures\">2 could not be read</a>",
       }) {
    EXPECT_THAT(text, HasSubstr(said));
  }
  // The link of the third is none that a browser should follow.
  EXPECT_THAT(text, HasSubstr("<p class=\"small quiet\">KubecliffConntrackLimitPerBucket</p>"));
}

TEST(Page, ShowsFiguresBesideTheirBounds) {
  const std::string text = html(test::bad_report());
  EXPECT_THAT(text, HasSubstr("71.2%, warning</span>"));
  EXPECT_THAT(text, HasSubstr("warning above 70%, critical above 85%"));
  EXPECT_THAT(text, HasSubstr("3 other checks, not half way to the first bound"));
  EXPECT_THAT(text, HasSubstr("warning below 0 bytes"));
  // 71.2 of 93.5, what is shown beside the bar being a tenth above the highest bound.
  EXPECT_THAT(text, HasSubstr("<rect class=\"value warning\" width=\"76.15%\""));
  EXPECT_THAT(text, HasSubstr("<rect class=\"bound\" x=\"74.87%\""));
  EXPECT_THAT(text, HasSubstr("<dt>connections that can be tracked</dt><dd "
                              "class=\"figure\">262,144</dd>"));
}

TEST(Page, DrawsCurvesWithBoundsThatAreNear) {
  Report report = test::fine_report();
  const std::string text = html(report);
  EXPECT_THAT(text, HasSubstr("<title id=\"curve-conntrack_entries-title\">Connections tracked"));
  EXPECT_THAT(text, HasSubstr("From 2026-11-22T15:50:05Z to 2026-11-22T21:49:05Z, between "));
  EXPECT_THAT(text, HasSubstr(">warning 183,501</text>"));
  report.curves.front().bounds.front().value = 1e7;
  EXPECT_THAT(html(report), Not(HasSubstr(">warning 1")));
}

TEST(Page, SaysByHowMuchACountMayBeTooLow) {
  EXPECT_THAT(html(test::fine_report()), HasSubstr("20,101<br/><span class=\"small quiet\">or up "
                                                   "to 12 more</span>"));
}

TEST(Page, SaysHowManyFlowsAreStale) {
  EXPECT_THAT(html(test::fine_report()),
              HasSubstr("<caption>Flows to backends that are gone: 41</caption>"));
}

TEST(Page, NamesServicesToThoseWhoMaySeeThem) {
  EXPECT_THAT(html(test::fine_report()), HasSubstr("shop/<wbr/>checkout:<wbr/>https"));
  const std::string text = html(test::report_without_names());
  EXPECT_THAT(text, Not(HasSubstr("checkout")));
  EXPECT_THAT(text, HasSubstr("Names are shown to users of web.config.file alone."));
}

TEST(Page, BeforeAnythingIsKnownSaysSo) {
  const std::string text = html(Report{.node = "node-1"});
  EXPECT_THAT(text, HasSubstr("Nothing is known yet</b>The first figures come within seconds."));
  EXPECT_THAT(text, Not(HasSubstr("Fine")));
  EXPECT_THAT(text, Not(HasSubstr("1970")));
}

TEST(Page, WhereNothingCanBeReadPromisesNothing) {
  const std::string text = html(Report{.node = "node-1", .failures = {"conntrack: denied"}});
  EXPECT_THAT(text, HasSubstr("No figure was read that a check could judge. <a "
                              "href=\"#failures\">1 could not be read</a>."));
  EXPECT_THAT(text, Not(HasSubstr("within seconds")));
  EXPECT_THAT(html(Report{.node = "node-1", .covers = 15s}), Not(HasSubstr("within seconds")));
}

TEST(Page, LeavesOutAListThatSaysWhatAnotherHasSaid) {
  Report report = test::fine_report();
  EXPECT_THAT(html(report), AllOf(HasSubstr("Services with the most endpoints"),
                                  Not(HasSubstr("Services with the most rules"))));
  report.names->services_by_rules.front().dataplane = "iptables-legacy";
  EXPECT_THAT(html(report), HasSubstr("Services with the most rules"));
  report.names->short_lived_sources = report.names->sources;
  EXPECT_THAT(html(report), Not(HasSubstr("Sources of the most short-lived flows")));
}

TEST(Page, LeadsToWhatElseIsServed) {
  const std::string text = html(test::fine_report(), {.metrics = "/\"m&"});
  for (const char* address : {"/&quot;m&amp;", "/api/v1/report", "/-/ready", "/-/healthy"}) {
    EXPECT_THAT(text, HasSubstr("<li><a href=\"" + std::string{address} + "\">"));
  }
  EXPECT_THAT(text, HasSubstr("kubecliff 0.9.0"));
}

TEST(Page, ComesAgainOnlyWhenAsked) {
  EXPECT_THAT(html(test::fine_report()),
              AllOf(Not(HasSubstr("http-equiv")), HasSubstr("?refresh=30")));
  const std::string text = html(test::fine_report(), {.refresh = 60s});
  EXPECT_THAT(text, HasSubstr("<meta http-equiv=\"refresh\" content=\"60\"/>"));
  EXPECT_THAT(text, HasSubstr("<a href=\"?\">Stop</a>"));
  EXPECT_THAT(html(test::fine_report(), {.refresh = 0s}), HasSubstr("content=\"5\""));
}

TEST(RefreshAskedFor, IsBounded) {
  EXPECT_EQ(refresh_asked_for({}), std::nullopt);
  EXPECT_EQ(refresh_asked_for(asking("30")), 30s);
  EXPECT_EQ(refresh_asked_for(asking("0")), 5s);
  EXPECT_EQ(refresh_asked_for(asking("99999")), 1h);
  EXPECT_EQ(refresh_asked_for(asking("99999999999999999999999")), 1h);
  for (const char* nonsense : {"", "-1", "30s", "0;url=//evil.example", " 30", "1e3"}) {
    EXPECT_EQ(refresh_asked_for(asking(nonsense)), std::nullopt) << nonsense;
  }
}

TEST(PageStyle, ColoursAreReadableInLightAndDark) {
  const std::string css{page_style().substr(page_style().find(":root {"))};
  static const std::regex colour{R"(--([a-z-]+): (#[0-9a-f]{6});)"};
  std::map<std::string, std::string> schemes[2];
  for (std::sregex_iterator at{css.begin(), css.end(), colour}; at != std::sregex_iterator{};
       ++at) {
    schemes[schemes[0].contains((*at)[1]) ? 1 : 0].emplace((*at)[1], (*at)[2]);
  }
  for (const auto& scheme : schemes) {
    ASSERT_EQ(scheme.size(), 15U);
    for (const auto& [name, value] : scheme) {
      const bool is_ground = name.ends_with("ground") || name == "raised";
      if (!is_ground) {
        continue;
      }
      for (const char* text : {"text", "quiet", "link", "critical", "warning", "info", "fine"}) {
        // On a tinted ground stand its own colour, text and links.
        const bool occurs = !name.ends_with("-ground") || name.starts_with(text) ||
                            std::string_view{text} == "text" || std::string_view{text} == "link";
        if (occurs) {
          EXPECT_GE(test::contrast(scheme.at(text), value), 4.5) << text << " on " << name;
        }
      }
    }
    EXPECT_GE(test::contrast(scheme.at("bar"), scheme.at("ground")), 3);
  }
}

}  // namespace
}  // namespace kubecliff::report
