#include "exporter/http/pages.h"

#include <string>

#include <gtest/gtest.h>

namespace kubecliff::http {
namespace {

TEST(HtmlEscaped, CoversTextAndAttributes) {
  EXPECT_EQ(html_escaped("<a href=\"x\">'&'</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
}

TEST(LandingPage, LinksWhatItIsGivenAndLoadsNothing) {
  const Response page = landing_page({.name = "kubecliff",
                                      .version = "0.1.0 <dirty>",
                                      .description = "Node & cliffs.",
                                      .links = {{"/metrics?a=1&b=2", "Metrics", "For Prometheus."},
                                                {"/\" onclick=\"x", "Quoted", ""}}});
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_NE(page.body.find("<a href=\"/metrics?a=1&amp;b=2\">Metrics</a>"), std::string::npos);
  EXPECT_NE(page.body.find("0.1.0 &lt;dirty&gt;"), std::string::npos);
  EXPECT_NE(page.body.find("Node &amp; cliffs."), std::string::npos);
  EXPECT_NE(page.body.find("href=\"/&quot; onclick=&quot;x\""), std::string::npos);
  EXPECT_NE(page.body.find("<html lang=\"en\">"), std::string::npos);
  for (const char* loaded : {"<script", "<img", "src=", "http://", "https://", "@import"}) {
    EXPECT_EQ(page.body.find(loaded), std::string::npos) << loaded;
  }
}

}  // namespace
}  // namespace kubecliff::http
