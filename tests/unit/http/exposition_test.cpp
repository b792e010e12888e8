#include "exporter/http/exposition.h"

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <prometheus/metric_family.h>

namespace kubecliff::http {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric gauge(double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  return metric;
}

ClientMetric counter(double value) {
  ClientMetric metric;
  metric.counter.value = value;
  return metric;
}

std::string rendered(Format format, std::vector<MetricFamily> families) {
  const std::vector<SnapshotPtr> snapshots = {
      std::make_shared<const Snapshot>(Snapshot{.families = std::move(families)})};
  return render(format, snapshots);
}

TEST(Negotiate, FollowsTheClientsQualities) {
  struct Case {
    std::string_view accept;
    Format expected;
  };
  constexpr auto kText = Format::text_0_0_4;
  constexpr auto kOpenMetrics = Format::openmetrics_1_0_0;
  const Case cases[] = {
      {"", kText},
      {"*/*", kText},
      {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", kText},
      // Prometheus 2.42, then 2.49 and later
      {"application/openmetrics-text;version=1.0.0,application/"
       "openmetrics-text;version=0.0.1;q=0.75,"
       "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       kOpenMetrics},
      {"application/openmetrics-text;version=1.0.0;q=0.5,application/"
       "openmetrics-text;version=0.0.1;"
       "q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
       kOpenMetrics},
      {"text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5", kText},
      {"application/openmetrics-text;version=0.0.1", kText},
      {"application/openmetrics-text", kOpenMetrics},
      {"application/openmetrics-text; version=1.0.0; charset=utf-8", kOpenMetrics},
      {"Application/OpenMetrics-Text; Version=1.0.0", kOpenMetrics},
      {"application/openmetrics-text;version=1.0.0;q=0", kText},
      {"application/openmetrics-text;version=2.0.0", kText},
      {"application/openmetrics-text;q=x", kText},
      {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
       kText},
      {",,;,q=1", kText},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(negotiate(c.accept), c.expected) << c.accept;
  }
}

TEST(ContentType, NamesVersionAndCharset) {
  EXPECT_EQ(content_type(Format::text_0_0_4), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(content_type(Format::openmetrics_1_0_0),
            "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

TEST(Render, NothingIsEmptyTextAndAnEndInOpenMetrics) {
  EXPECT_EQ(render(Format::text_0_0_4, {}), "");
  EXPECT_EQ(render(Format::openmetrics_1_0_0, {}), "# EOF\n");
}

TEST(Render, FamiliesOfAllSnapshotsAreSortedByName) {
  const std::vector<SnapshotPtr> snapshots = {
      std::make_shared<const Snapshot>(
          Snapshot{.families = {{"b", "B.", MetricType::Gauge, {gauge(1)}},
                                {"d", "D.", MetricType::Gauge, {gauge(2)}}}}),
      std::make_shared<const Snapshot>(
          Snapshot{.families = {{"a", "A.", MetricType::Gauge, {gauge(3)}},
                                {"c", "C.", MetricType::Gauge, {gauge(4)}}}}),
  };
  EXPECT_EQ(render(Format::text_0_0_4, snapshots),
            "# HELP a A.\n# TYPE a gauge\na 3\n"
            "# HELP b B.\n# TYPE b gauge\nb 1\n"
            "# HELP c C.\n# TYPE c gauge\nc 4\n"
            "# HELP d D.\n# TYPE d gauge\nd 2\n");
}

TEST(Render, CounterHasItsSuffixOnSamplesOnlyInOpenMetrics) {
  const std::vector<MetricFamily> families = {
      {"drops_total", "Drops.", MetricType::Counter, {counter(7)}}};
  EXPECT_EQ(rendered(Format::text_0_0_4, families),
            "# HELP drops_total Drops.\n# TYPE drops_total counter\ndrops_total 7\n");
  EXPECT_EQ(rendered(Format::openmetrics_1_0_0, families),
            "# HELP drops Drops.\n# TYPE drops counter\ndrops_total 7\n# EOF\n");
}

TEST(Render, CounterWithoutItsSuffixIsUnknownToOpenMetrics) {
  const std::vector<MetricFamily> families = {
      {"generation", "Changes.", MetricType::Counter, {counter(7)}}};
  EXPECT_EQ(rendered(Format::text_0_0_4, families),
            "# HELP generation Changes.\n# TYPE generation counter\ngeneration 7\n");
  EXPECT_EQ(rendered(Format::openmetrics_1_0_0, families),
            "# HELP generation Changes.\n# TYPE generation unknown\ngeneration 7\n# EOF\n");
}

TEST(Render, NumbersAreTheShortestThatReadBackTheSame) {
  struct Case {
    double value;
    std::string_view expected;
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Case cases[] = {
      {0, "0"},
      {1, "1"},
      {-1.5, "-1.5"},
      {0.1, "0.1"},
      {1234567, "1234567"},
      {9007199254740993.0, "9007199254740992"},
      {1e300, "1e+300"},
      {5e-324, "5e-324"},
      {kInfinity, "+Inf"},
      {-kInfinity, "-Inf"},
      {std::nan(""), "NaN"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(rendered(Format::text_0_0_4, {{"g", "", MetricType::Gauge, {gauge(c.value)}}}),
              "# HELP g \n# TYPE g gauge\ng " + std::string{c.expected} + '\n');
  }
}

TEST(Render, EscapesHelpAndLabels) {
  const std::vector<MetricFamily> families = {
      {"g", "a\\b\n\"c\"", MetricType::Gauge, {gauge(1, {{"l", "a\\b\n\"c\""}, {"m", ""}})}}};
  EXPECT_EQ(rendered(Format::text_0_0_4, families),
            "# HELP g a\\\\b\\n\"c\"\n# TYPE g gauge\ng{l=\"a\\\\b\\n\\\"c\\\"\",m=\"\"} 1\n");
  EXPECT_EQ(
      rendered(Format::openmetrics_1_0_0, families),
      "# HELP g a\\\\b\\n\\\"c\\\"\n# TYPE g gauge\ng{l=\"a\\\\b\\n\\\"c\\\"\",m=\"\"} 1\n# EOF\n");
}

TEST(Render, BytesThatAreNotUtf8BecomeReplacementCharacters) {
  struct Case {
    std::string_view bytes;
    std::string_view expected;
  };
  const Case cases[] = {
      {"\xC3\xA9", "\xC3\xA9"},                                  // é
      {"\xE2\x82\xAC", "\xE2\x82\xAC"},                          // €
      {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},                  // an emoji
      {"a\xFFz", "a\xEF\xBF\xBDz"},                              // never a byte of UTF-8
      {"\xC0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD"},                  // overlong
      {"\xE2\x82", "\xEF\xBF\xBD\xEF\xBF\xBD"},                  // cut short
      {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},  // a surrogate
      {"\x80", "\xEF\xBF\xBD"},                                  // a continuation of nothing
  };
  for (const Case& c : cases) {
    EXPECT_EQ(rendered(Format::text_0_0_4,
                       {{"g", "", MetricType::Gauge, {gauge(1, {{"l", std::string{c.bytes}}})}}}),
              "# HELP g \n# TYPE g gauge\ng{l=\"" + std::string{c.expected} + "\"} 1\n");
  }
}

TEST(Render, HistogramEndsWithTheInfiniteBucket) {
  ClientMetric metric;
  metric.label = {{"family", "ipv4"}};
  metric.histogram = {.sample_count = 5, .sample_sum = 3.5, .bucket = {{1, 0.25}, {4, 1}}};
  const std::vector<MetricFamily> families = {{"h", "H.", MetricType::Histogram, {metric}}};
  EXPECT_EQ(rendered(Format::text_0_0_4, families),
            "# HELP h H.\n# TYPE h histogram\n"
            "h_bucket{family=\"ipv4\",le=\"0.25\"} 1\n"
            "h_bucket{family=\"ipv4\",le=\"1\"} 4\n"
            "h_bucket{family=\"ipv4\",le=\"+Inf\"} 5\n"
            "h_sum{family=\"ipv4\"} 3.5\n"
            "h_count{family=\"ipv4\"} 5\n");
  EXPECT_NE(rendered(Format::openmetrics_1_0_0, families).find("le=\"1.0\"} 4\n"),
            std::string::npos);
}

TEST(Render, HistogramThatHasItsInfiniteBucketGetsNoSecond) {
  ClientMetric metric;
  metric.histogram = {
      .sample_count = 5, .sample_sum = 1, .bucket = {{5, std::numeric_limits<double>::infinity()}}};
  EXPECT_EQ(rendered(Format::text_0_0_4, {{"h", "H.", MetricType::Histogram, {metric}}}),
            "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 5\nh_sum 1\nh_count 5\n");
}

TEST(Render, SummaryAndUntyped) {
  ClientMetric summary;
  summary.summary = {.sample_count = 2, .sample_sum = 3, .quantile = {{0.5, 1}, {1, 2}}};
  ClientMetric untyped;
  untyped.untyped.value = 4;
  const std::vector<MetricFamily> families = {{"s", "S.", MetricType::Summary, {summary}},
                                              {"u", "U.", MetricType::Untyped, {untyped}}};
  EXPECT_EQ(rendered(Format::text_0_0_4, families),
            "# HELP s S.\n# TYPE s summary\ns{quantile=\"0.5\"} 1\ns{quantile=\"1\"} 2\ns_sum 3\n"
            "s_count 2\n# HELP u U.\n# TYPE u untyped\nu 4\n");
  EXPECT_NE(rendered(Format::openmetrics_1_0_0, families).find("# TYPE u unknown\n"),
            std::string::npos);
}

TEST(Render, TimestampsAreMillisecondsInTextAndSecondsInOpenMetrics) {
  ClientMetric metric = gauge(1);
  metric.timestamp_ms = 1'700'000'000'250;
  const std::vector<MetricFamily> families = {{"g", "G.", MetricType::Gauge, {metric}}};
  EXPECT_NE(rendered(Format::text_0_0_4, families).find("\ng 1 1700000000250\n"),
            std::string::npos);
  EXPECT_NE(rendered(Format::openmetrics_1_0_0, families).find("\ng 1 1700000000.25\n"),
            std::string::npos);
}

}  // namespace
}  // namespace kubecliff::http
