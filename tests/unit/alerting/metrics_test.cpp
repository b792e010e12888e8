#include "exporter/alerting/metrics.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff {
namespace {

using ::testing::Contains;
using ::testing::Not;

constexpr FamilySpec kEntries{.name = "kubecliff_conntrack_entries", .help = ""};
constexpr FamilySpec kLookups{
    .name = "kubecliff_dns_lookup_seconds", .type = prometheus::MetricType::Histogram, .help = ""};
constexpr FamilySpec kConflict{.name = "kubecliff_dataplane_conflict", .help = ""};

TEST(Thresholds, AreServedWhereThereIsSomethingToJudge) {
  Samples served;
  served.add(kEntries, 1);
  served.add(kLookups, {}, prometheus::ClientMetric{});
  served.add(kConflict, 1);
  const std::vector<SnapshotPtr> snapshots{std::make_shared<const Snapshot>(served.take())};
  Samples samples;
  Thresholds{default_checks()}.add(snapshots, samples);

  std::vector<std::string> names;
  for (const auto& family : samples.take()) {
    for (const auto& metric : family.metric) {
      names.push_back(metric.label[0].value);
    }
  }
  EXPECT_THAT(names, Contains("conntrack_use").Times(2)) << "for each severity";
  EXPECT_THAT(names, Contains("dns_slow").Times(2)) << "of a histogram's buckets";
  EXPECT_THAT(names, Not(Contains("nat_rules"))) << "no rules are served";
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
