#include "exporter/alerting/metrics.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff {
namespace {

using ::testing::Contains;
using ::testing::Not;

std::vector<std::string> checks_served(std::span<const std::string_view> metrics) {
  Samples samples;
  add_thresholds(default_checks(), metrics, samples);
  std::vector<std::string> names;
  for (const auto& family : samples.take()) {
    for (const auto& metric : family.metric) {
      names.push_back(metric.label[0].value);
    }
  }
  return names;
}

TEST(Thresholds, AreServedWhereWhatTheyAskForIs) {
  constexpr std::array<std::string_view, 3> kMetrics{"kubecliff_conntrack_entries",
                                                     "kubecliff_conntrack_entries_limit",
                                                     "kubecliff_dns_lookup_seconds"};
  const auto names = checks_served(kMetrics);
  EXPECT_THAT(names, Contains("conntrack_use").Times(2)) << "for each severity";
  EXPECT_THAT(names, Contains("dns_slow")) << "of a histogram's buckets";
  EXPECT_THAT(names, Not(Contains("conntrack_bucket_load"))) << "buckets are not served";
  EXPECT_THAT(names, Not(Contains("mode_conflict"))) << "has no bound";
}

TEST(Thresholds, HaveRoomForEveryBoundThatThereIs) {
  std::size_t bounds = 0;
  for (const Check& check : default_checks().all) {
    bounds += check.bounds.size();
  }
  for (const FamilySpec& family : alerting_families()) {
    EXPECT_GE(family.max_series, bounds);
  }
}

}  // namespace
}  // namespace kubecliff
