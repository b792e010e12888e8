#include "collectors/kubeproxy/own_families.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/figures.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::kubeproxy {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNull;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

OwnFamilies checked(std::string_view text) {
  TextParser parser{is_own_family};
  EXPECT_THAT(parser.feed(text), test::has_value());
  const auto families = parser.finish();
  EXPECT_THAT(families, test::has_value());
  return check_own_families(*families);
}

test::Figures served(const OwnFamilies& own) {
  Samples samples;
  add(own, samples);
  EXPECT_EQ(samples.dropped(), 0U);
  return test::figures_of(samples, "kubeproxy_");
}

// Why the only family in the text is refused.
std::string refusal(std::string_view text) {
  const OwnFamilies own = checked(text);
  EXPECT_THAT(own.families, IsEmpty());
  return own.refused.size() == 1 ? own.refused.front().why.message : "";
}

const std::string histogram_text =
    "# TYPE kubeproxy_sync_proxy_rules_duration_seconds histogram\n"
    "kubeproxy_sync_proxy_rules_duration_seconds_bucket{le=\"0.001\"} 1\n"
    "kubeproxy_sync_proxy_rules_duration_seconds_bucket{le=\"0.002\"} 1\n"
    "kubeproxy_sync_proxy_rules_duration_seconds_bucket{le=\"0.016\"} 4\n"
    "kubeproxy_sync_proxy_rules_duration_seconds_bucket{le=\"16.384\"} 6\n"
    "kubeproxy_sync_proxy_rules_duration_seconds_bucket{le=\"+Inf\"} 7\n"
    "kubeproxy_sync_proxy_rules_duration_seconds_sum 41.5\n"
    "kubeproxy_sync_proxy_rules_duration_seconds_count 7\n";

TEST(OwnFamilies, ValuesAreThoseOfTheText) {
  const OwnFamilies own = checked(
      "# TYPE go_goroutines gauge\n"
      "go_goroutines 61\n"
      "# TYPE process_cpu_seconds_total counter\n"
      "process_cpu_seconds_total 3\n"
      "# TYPE kubecliff_kubeproxy_up gauge\n"
      "kubecliff_kubeproxy_up 17\n"
      "# TYPE kubeproxy_sync_proxy_rules_iptables_total gauge\n"
      "kubeproxy_sync_proxy_rules_iptables_total{table=\"nat\",ip_family=\"IPv4\"} 253\n"
      "kubeproxy_sync_proxy_rules_iptables_total{ip_family=\"IPv4\",table=\"filter\"} 14\n"
      "# TYPE kubeproxy_sync_proxy_rules_service_changes_total counter\n"
      "kubeproxy_sync_proxy_rules_service_changes_total 12\n"
      "# TYPE kubeproxy_something_new gauge\n"
      "kubeproxy_something_new 1\n");
  EXPECT_THAT(own.refused, IsEmpty());
  EXPECT_THAT(served(own),
              UnorderedElementsAre(Pair("sync_proxy_rules_iptables_total{IPv4,nat}", 253),
                                   Pair("sync_proxy_rules_iptables_total{IPv4,filter}", 14),
                                   Pair("sync_proxy_rules_service_changes_total", 12)));
  EXPECT_NE(find(own, "kubeproxy_sync_proxy_rules_iptables_total"), nullptr);
  EXPECT_FALSE(was_refused(own, "kubeproxy_sync_proxy_rules_iptables_total"));
  EXPECT_THAT(find(own, "kubeproxy_sync_proxy_rules_iptables_last"), IsNull());
}

TEST(OwnFamilies, LabelThatAnOlderKubeProxyDoesNotGiveIsEmpty) {
  EXPECT_THAT(served(checked("# TYPE kubeproxy_sync_proxy_rules_last_timestamp_seconds gauge\n"
                             "kubeproxy_sync_proxy_rules_last_timestamp_seconds 1.7e9\n")),
              ElementsAre(Pair("sync_proxy_rules_last_timestamp_seconds{}", 1.7e9)));
}

TEST(OwnFamilies, HistogramKeepsSomeOfItsBuckets) {
  const OwnFamilies own = checked(histogram_text);
  ASSERT_THAT(own.families, SizeIs(1));
  const auto& metric = own.families.front().metrics.begin()->second.histogram;
  EXPECT_EQ(metric.sample_count, 7U);
  EXPECT_EQ(metric.sample_sum, 41.5);
  std::vector<std::pair<double, std::uint64_t>> buckets;
  for (const auto& bucket : metric.bucket) {
    buckets.emplace_back(bucket.upper_bound, bucket.cumulative_count);
  }
  EXPECT_THAT(buckets, ElementsAre(Pair(0.016, 4), Pair(16.384, 6),
                                   Pair(std::numeric_limits<double>::infinity(), 7)));
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

TEST(OwnFamilies, HistogramThatDoesNotAddUpIsRefused) {
  for (const std::string& text : {
           replaced(histogram_text, "_count 7", "_count 8"),
           replaced(histogram_text, "_count 7", "_count NaN"),
           replaced(histogram_text, "\"0.016\"} 4", "\"0.016\"} 7.5"),
           replaced(histogram_text, "\"0.016\"} 4", "\"0.016\"} -4"),
           replaced(histogram_text, "\"0.016\"} 4", "\"0.016\"} 1e300"),
           replaced(histogram_text, "\"0.016\"} 4", "\"0.016\"} 40"),
           replaced(histogram_text, "\"0.002\"", "\"0.001\""),
           replaced(histogram_text, "\"0.002\"", "\"NaN\""),
           replaced(histogram_text, "\"0.002\"", "\"\""),
           replaced(histogram_text, "{le=\"0.002\"}", ""),
           replaced(histogram_text, "\"+Inf\"", "\"17\""),
           histogram_text.substr(0, histogram_text.rfind("kubeproxy")),
           histogram_text + "kubeproxy_sync_proxy_rules_duration_seconds_sum 41.5\n",
       }) {
    EXPECT_THAT(refusal(text), AnyOf(HasSubstr("part of its histogram"), HasSubstr("add up")))
        << text;
  }
}

TEST(OwnFamilies, WhatIsNotAsItIsKnownIsRefused) {
  const std::string type = "# TYPE kubeproxy_sync_proxy_rules_last_timestamp_seconds ";
  const std::string name = "kubeproxy_sync_proxy_rules_last_timestamp_seconds";
  EXPECT_THAT(refusal(type + "counter\n" + name + " 1\n"), HasSubstr("counter"));
  EXPECT_THAT(refusal(name + " 1\n"), HasSubstr("untyped"));
  EXPECT_THAT(refusal(type + "gauge\n" + name + "{node=\"a\"} 1\n"), HasSubstr("label"));
  EXPECT_THAT(refusal(type + "gauge\n" + name + "{ip_family=\"\xff\"} 1\n"), HasSubstr("plain"));
  EXPECT_THAT(
      refusal(type + "gauge\n" + name + "{ip_family=\"" + std::string(100, 'x') + "\"} 1\n"),
      HasSubstr("plain"));
  EXPECT_THAT(refusal(type + "gauge\n" + name + " 1\n" + name + "{} 2\n"), HasSubstr("twice"));
  EXPECT_THAT(refusal(type + "gauge\n" + name + "{ip_family=\"IPv4\",ip_family=\"IPv6\"} 1\n"),
              HasSubstr("twice"));
}

TEST(OwnFamilies, OneThatIsRefusedHurtsNoOther) {
  const OwnFamilies own = checked(
      "# TYPE kubeproxy_sync_proxy_rules_service_changes_pending counter\n"
      "kubeproxy_sync_proxy_rules_service_changes_pending 1\n" +
      histogram_text);
  EXPECT_THAT(own.families, SizeIs(1));
  EXPECT_THAT(own.refused, SizeIs(1));
  EXPECT_TRUE(was_refused(own, "kubeproxy_sync_proxy_rules_service_changes_pending"));
}

TEST(OwnFamilies, OneWithMoreSeriesThanItCanHaveIsRefused) {
  std::string text = "# TYPE kubeproxy_sync_proxy_rules_last_timestamp_seconds gauge\n";
  for (const std::string family : {"a", "b", "c"}) {
    text += "kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family=\"" + family + "\"} 1\n";
  }
  EXPECT_THAT(refusal(text), HasSubstr("more series"));
}

// Those of nftables mode and those of iptables mode are not there at the same time.
TEST(OwnFamilies, TakeTheirShareOfANodesSeries) {
  std::size_t series = 0;
  for (const FamilySpec& family : own_families()) {
    series += family.name.find("nftables") == std::string_view::npos ? family.most_series() : 0;
  }
  EXPECT_EQ(series, 86U) << "tests/integration/program counts with it";
}

TEST(OwnFamilies, BoundsAreSomeOfKubeProxysOwn) {
  // 1 ms, doubled fourteen times; and what kube-proxy has for network programming.
  std::vector<double> sync;
  for (double bound = 0.001; sync.size() < 15; bound *= 2) {
    sync.push_back(bound);
  }
  std::vector<double> programming{0.25, 0.5};
  for (int second = 1; second < 60; ++second) {
    programming.push_back(second);
  }
  for (int second = 60; second < 120; second += 5) {
    programming.push_back(second);
  }
  for (int second = 120; second <= 300; second += 30) {
    programming.push_back(second);
  }
  for (const FamilySpec& family : own_families()) {
    const bool programs = family.name.find("programming") != std::string_view::npos;
    const auto& all = programs ? programming : sync;
    for (const double bound : family.bounds) {
      EXPECT_NE(std::ranges::find(all, bound), all.end()) << family.name << " " << bound;
    }
  }
}

}  // namespace
}  // namespace kubecliff::kubeproxy
