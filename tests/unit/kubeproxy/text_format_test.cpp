#include "collectors/kubeproxy/text_format.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"

namespace kubecliff::kubeproxy {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Result<TextFamilies> parse(std::string_view text,
                           std::size_t step = std::numeric_limits<std::size_t>::max()) {
  TextParser parser{[](std::string_view name) { return name.starts_with("kubeproxy_"); }};
  for (; !text.empty(); text.remove_prefix(std::min(step, text.size()))) {
    if (const Result<void> fed = parser.feed(text.substr(0, step)); !fed) {
      return std::unexpected(fed.error());
    }
  }
  return parser.finish();
}

// "name{label=value,…} value" of every sample, a line each, after "name type".
std::string told(const Result<TextFamilies>& families) {
  std::string out;
  if (!families) {
    return families.error().message;
  }
  for (const auto& [name, family] : *families) {
    out += name + " " + family.type + "\n";
    for (const TextSample& sample : family.samples) {
      out += sample.name + "{";
      for (const TextLabel& label : sample.labels) {
        out += label.name + "=" + label.value + ",";
      }
      out += "} " + std::to_string(sample.value) + "\n";
    }
  }
  return out;
}

const std::string whole_text =
    "# HELP go_goroutines Number of goroutines that currently exist.\n"
    "# TYPE go_goroutines gauge\n"
    "go_goroutines 61\n"
    "\n"
    "# a comment\n"
    "# HELP kubeproxy_a_seconds [ALPHA] Of a { \"b\n"
    "# TYPE kubeproxy_a_seconds histogram\n"
    "kubeproxy_a_seconds_bucket{ip_family=\"IPv4\",le=\"0.001\"} 1\n"
    "kubeproxy_a_seconds_bucket{ip_family=\"IPv4\",le=\"+Inf\",} 3\n"
    "kubeproxy_a_seconds_sum{ip_family=\"IPv4\"} 1.5e-05\n"
    "kubeproxy_a_seconds_count{ip_family=\"IPv4\"} 3\n"
    "# TYPE rest_client_requests_total counter\n"
    "rest_client_requests_total{host=\"a\\\"b\\\\c\\nd}\",code=\"200\"} 12 1700000000000\n"
    "  # TYPE\tkubeproxy_b \t gauge \n"
    "kubeproxy_b { x = \"a\\\"b\\\\c\\nd} \" , y = \"\" } -Inf \n"
    "untyped_thing 1\n"
    "kubeproxy_c NaN\n";

const std::string whole_told =
    "kubeproxy_a_seconds histogram\n"
    "kubeproxy_a_seconds_bucket{ip_family=IPv4,le=0.001,} 1.000000\n"
    "kubeproxy_a_seconds_bucket{ip_family=IPv4,le=+Inf,} 3.000000\n"
    "kubeproxy_a_seconds_sum{ip_family=IPv4,} 0.000015\n"
    "kubeproxy_a_seconds_count{ip_family=IPv4,} 3.000000\n"
    "kubeproxy_b gauge\n"
    "kubeproxy_b{x=a\"b\\c\nd} ,y=,} -inf\n"
    "kubeproxy_c untyped\n"
    "kubeproxy_c{} nan\n";

TEST(TextFormat, IsTheSameHoweverItIsCut) {
  for (std::size_t step = 1; step < 200; ++step) {
    EXPECT_EQ(told(parse(whole_text, step)), whole_told) << step;
  }
}

TEST(TextFormat, EndInTheMiddleOfALineIsTorn) {
  const auto families = parse(whole_text.substr(0, whole_text.size() - 1));
  ASSERT_FALSE(families);
  EXPECT_EQ(families.error().kind, ErrorKind::torn);
}

TEST(TextFormat, LineThatIsNoneIsToldByItsNumber) {
  for (const std::string line : {"1name 1",
                                 "{a=\"b\"} 1",
                                 "name",
                                 "name{ 1",
                                 "name{a} 1",
                                 "name{a=b} 1",
                                 "name{a=\"b} 1",
                                 "name{a=\"b\" 1",
                                 "name{a=\"b\"c=\"d\"} 1",
                                 "name{1a=\"b\"} 1",
                                 "name{a:b=\"c\"} 1",
                                 "name{a=\"\\x\"} 1",
                                 "name{,} 1",
                                 "name one",
                                 "name 1 one",
                                 "name 1 2 3",
                                 "name 0x10",
                                 "name 1,5",
                                 "name --1",
                                 "name inf",
                                 "name nan",
                                 "name infinity",
                                 "name 1e999",
                                 "name -",
                                 "<html>",
                                 "# TYPE name thing",
                                 "# TYPE name",
                                 "# TYPE 1name gauge",
                                 "# TYPE name gauge more",
                                 "name\xff 1"}) {
    const auto families = parse("fine 1\n" + line + "\nfine 2\n");
    ASSERT_FALSE(families) << line;
    EXPECT_EQ(families.error().kind, ErrorKind::malformed) << line;
    EXPECT_THAT(families.error().message, StartsWith("line 2: ")) << line;
  }
}

TEST(TextFormat, FamilyStandsInOnePiece) {
  const std::string a = "# TYPE kubeproxy_a gauge\nkubeproxy_a 1\n";
  const std::string b = "# TYPE kubeproxy_b gauge\nkubeproxy_b 1\n";
  EXPECT_THAT(parse(a + b), test::has_value());
  for (const std::string& text : {a + b + a, a + a, a + b + "kubeproxy_a{x=\"y\"} 1\n"}) {
    const auto families = parse(text);
    ASSERT_FALSE(families) << text;
    EXPECT_THAT(families.error().message, HasSubstr("kubeproxy_a"));
  }
}

TEST(TextFormat, TakesWhatItWasBuiltFromWithItsNineLabels) {
  const auto families = parse(
      "# TYPE kubeproxy_build_info gauge\n"
      "kubeproxy_build_info{build_date=\"\",compiler=\"gc\",git_commit=\"\",git_tree_state=\"\","
      "git_version=\"v1.33.1\",go_version=\"\",major=\"1\",minor=\"33\",platform=\"\"} 1\n");
  ASSERT_TRUE(families);
  EXPECT_EQ(families->begin()->second.samples.front().labels.size(), 9U);
}

TEST(TextFormat, MemoryItTakesHasAnEnd) {
  std::string many = "# TYPE kubeproxy_a gauge\n";
  for (int i = 0; i <= 10'000; ++i) {
    many += "kubeproxy_a{x=\"" + std::to_string(i) + "\"} 1\n";
  }
  EXPECT_FALSE(parse(many));
  EXPECT_FALSE(parse(std::string(100'000, 'a'), 1'000)) << "a line without an end";
  std::string labels;
  for (int i = 0; i <= 16; ++i) {
    labels += "x=\"\",";
  }
  EXPECT_FALSE(parse("kubeproxy_a{" + labels + "} 1\n"));
  EXPECT_TRUE(parse("a{" + labels + "} 1\n")) << "not kept";
  EXPECT_FALSE(parse("a{b=\"" + std::string(100'000, 'a') + "\"} 1\n"));
}

TEST(TextFormat, ValuesAreThoseOfTheFormat) {
  EXPECT_EQ(parse_value("0.001"), 0.001);
  EXPECT_EQ(parse_value("+1.6384e+01"), 16.384);
  EXPECT_EQ(parse_value("+Inf"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(parse_value("-Inf"), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(parse_value("NaN").value_or(0)));
  EXPECT_FALSE(parse_value(""));
}

}  // namespace
}  // namespace kubecliff::kubeproxy
