#include "exporter/report/trail.h"

#include <chrono>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace kubecliff::report {
namespace {

using namespace std::chrono_literals;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;
using testing::SizeIs;

MetricFamily gauges(std::string name, std::initializer_list<double> values) {
  MetricFamily family{.name = std::move(name), .help = "", .type = MetricType::Gauge, .metric = {}};
  for (const double value : values) {
    family.metric.emplace_back().gauge.value = value;
  }
  return family;
}

struct Histogram {
  std::string flow = {};
  std::vector<std::pair<double, std::uint64_t>> cumulative;  // by upper bound
  double sum = 0;
};

MetricFamily histograms(std::string name, const std::vector<Histogram>& all) {
  MetricFamily family{
      .name = std::move(name), .help = "", .type = MetricType::Histogram, .metric = {}};
  for (const Histogram& each : all) {
    ClientMetric& metric = family.metric.emplace_back();
    if (!each.flow.empty()) {
      metric.label.push_back({.name = "flow", .value = each.flow});
    }
    for (const auto& [bound, count] : each.cumulative) {
      metric.histogram.bucket.push_back({.cumulative_count = count, .upper_bound = bound});
      metric.histogram.sample_count = count;
    }
    metric.histogram.sample_sum = each.sum;
  }
  return family;
}

// Runs of which `count` took `sum` together.
MetricFamily restores(std::uint64_t count, double sum) {
  return histograms("kubecliff_restore_duration_seconds",
                    {{.cumulative = {{1, count}, {10, count}}, .sum = sum}});
}

class TrailTest : public testing::Test {
 protected:
  void take(std::vector<MetricFamily> families) {
    const std::vector<SnapshotPtr> served{
        std::make_shared<const Snapshot>(Snapshot{.families = std::move(families)})};
    trail_.take({.steady = time_.now(), .wall = time_.wall_now() + wall_jump_}, served);
  }

  [[nodiscard]] std::optional<Curve> curve(std::string_view id) const {
    for (Curve& each : trail_.curves(default_checks())) {
      if (each.id == id) {
        return std::move(each);
      }
    }
    return std::nullopt;
  }
  // Of a curve that there is.
  [[nodiscard]] std::vector<double> values(std::string_view id) const {
    std::vector<double> values;
    const auto found = curve(id);
    for (const Curve::Point& point : found ? found->points : std::vector<Curve::Point>{}) {
      values.push_back(point.value);
    }
    return values;
  }

  test::FakeClock clock_;
  TimeSource time_ = clock_.source();
  std::chrono::hours wall_jump_{0};
  Trail trail_;
};

TEST_F(TrailTest, BeforeAnythingWasTakenThereIsNoCurve) {
  EXPECT_THAT(trail_.curves(default_checks()), IsEmpty());
  take({gauges("kubecliff_conntrack_entries", {7})});
  EXPECT_THAT(trail_.curves(default_checks()), IsEmpty()) << "the minute goes on";
}

TEST_F(TrailTest, AGaugeIsAsItWasLastInTheMinute) {
  for (const double entries : {10, 20, 30, 40, 50, 60, 70, 80, 90}) {
    take({gauges("kubecliff_conntrack_entries", {entries})});
    clock_.advance(15s);
  }
  EXPECT_THAT(values("conntrack_entries"), ElementsAre(40, 80));
}

TEST_F(TrailTest, RulesOfAllTablesAndOfBothToolsAreAddedUp) {
  take({gauges("kubecliff_iptables_rules", {100, 20, 3}), gauges("kubecliff_nftables_rules", {9})});
  clock_.advance(1min);
  take({gauges("kubecliff_nftables_rules", {9})});
  clock_.advance(1min);
  take({});
  clock_.advance(1min);
  take({});
  EXPECT_THAT(values("rules"), ElementsAre(132, 9));
}

TEST_F(TrailTest, AMeanIsOfWhatWasObservedWithinTheMinute) {
  take({restores(2, 10)});
  clock_.advance(30s);
  take({restores(4, 30)});
  clock_.advance(30s);
  take({restores(5, 31)});
  clock_.advance(30s);
  take({restores(7, 36)});
  clock_.advance(30s);
  take({restores(7, 36)});
  clock_.advance(1min);
  take({restores(7, 36)});
  // The one that came with the take at the turn of the minute belongs to the one that begins.
  EXPECT_THAT(values("restore_seconds"), ElementsAre(7.5, 2)) << "and nothing in the third";
}

TEST_F(TrailTest, AHistogramThatIsNewlyServedWasEmptyBefore) {
  take({});
  clock_.advance(1min);
  take({});
  clock_.advance(1min + 30s);
  take({restores(1, 3)});
  clock_.advance(30s);
  take({restores(1, 3)});
  EXPECT_THAT(values("restore_seconds"), ElementsAre(3));
}

TEST_F(TrailTest, AfterItWasNotServedAHistogramBeginsAnew) {
  take({restores(1, 1)});
  clock_.advance(1min);
  take({});
  clock_.advance(1min);
  take({restores(50, 500)});
  clock_.advance(30s);
  take({restores(51, 502)});
  clock_.advance(30s);
  take({restores(51, 502)});
  EXPECT_THAT(values("restore_seconds"), ElementsAre(1, 2)) << "49 happened nobody knows when";
}

TEST_F(TrailTest, SeriesThatBeganAnewAreNotComparedWithThoseBefore) {
  take({restores(100, 100)});
  clock_.advance(1min);
  take({restores(100, 100)});
  clock_.advance(30s);
  take({restores(3, 3)});
  clock_.advance(15s);
  take({restores(4, 8)});
  clock_.advance(15s);
  take({restores(4, 8)});
  EXPECT_THAT(values("restore_seconds"), ElementsAre(1, 5));
}

TEST_F(TrailTest, AMedianIsInterpolatedAsPromQlDoesIt) {
  const auto flows = [](std::uint64_t first, std::uint64_t second, std::uint64_t all) {
    return histograms(
        "kubecliff_traversal_seconds",
        {{.flow = "new",
          .cumulative = {{0.001, first},
                         {0.002, second},
                         {std::numeric_limits<double>::infinity(), all}}},
         {.flow = "established", .cumulative = {{0.001, 10}, {0.002, 10}, {0.004, 10}}}});
  };
  take({flows(0, 0, 0)});
  clock_.advance(59s);
  take({flows(2, 10, 10)});
  clock_.advance(1s);
  take({flows(2, 10, 10)});
  clock_.advance(59s);
  take({flows(2, 10, 20)});
  clock_.advance(1s);
  take({flows(2, 10, 20)});
  // histogram_quantile(0.5, …): rank 5 of 10 is 3/8 into the second bucket; then the highest bound.
  EXPECT_THAT(values("new_flow_seconds"),
              ElementsAre(DoubleNear(0.001'375, 1e-12), DoubleNear(0.002, 1e-12)));
  EXPECT_THAT(values("established_flow_seconds"), ElementsAre(DoubleNear(0.000'5, 1e-12)));
}

TEST_F(TrailTest, SeriesOfBothFamiliesAreOne) {
  take({histograms("kubecliff_propagation_seconds",
                   {{.cumulative = {{1, 1}}, .sum = 0.5}, {.cumulative = {{1, 3}}, .sum = 1.5}})});
  clock_.advance(1min);
  take({});
  EXPECT_THAT(values("propagation_seconds"), ElementsAre(0.5));
}

TEST_F(TrailTest, HistogramsOfAShapeThatItDoesNotKnowAreLeftOut) {
  Histogram wide;
  for (int bucket = 0; bucket < 40; ++bucket) {
    wide.cumulative.emplace_back(bucket, 5);
  }
  take({histograms("kubecliff_restore_duration_seconds", {wide}),
        histograms("kubecliff_propagation_seconds",
                   {{.cumulative = {{1, 1}}}, {.cumulative = {{2, 1}}}}),
        gauges("kubecliff_ruleset_busy_seconds", {1}),
        histograms("kubecliff_conntrack_entries", {{.cumulative = {{1, 1}}}})});
  clock_.advance(1min);
  take({});
  EXPECT_THAT(trail_.curves(default_checks()), IsEmpty());
}

TEST_F(TrailTest, MinutesWithoutALookHaveNoPoint) {
  take({gauges("kubecliff_conntrack_entries", {1}), restores(1, 1)});
  clock_.advance(5min);
  take({gauges("kubecliff_conntrack_entries", {2}), restores(9, 900)});
  clock_.advance(1min);
  take({});
  EXPECT_THAT(values("conntrack_entries"), ElementsAre(1, 2));
  EXPECT_THAT(values("restore_seconds"), ElementsAre(1));
  const auto points = curve("conntrack_entries")->points;
  EXPECT_EQ(points[1].at - points[0].at, 5min);
}

TEST_F(TrailTest, KeepsSixHours) {
  for (int minute = 0; minute < 1'000; ++minute) {
    take({gauges("kubecliff_conntrack_entries", {minute * 1.0})});
    clock_.advance(1min);
  }
  take({});
  const auto kept = values("conntrack_entries");
  ASSERT_THAT(kept, SizeIs(Trail::kMinutes));
  EXPECT_EQ(kept.front(), 640);
  EXPECT_EQ(kept.back(), 999);
  clock_.advance(7h);
  take({});
  EXPECT_THAT(values("conntrack_entries"), IsEmpty());
}

TEST_F(TrailTest, PointsAreAtTheEndsOfTheirMinutes) {
  const WallClock::time_point began = time_.wall_now();
  take({gauges("kubecliff_conntrack_entries", {1})});
  clock_.advance(1min);
  take({gauges("kubecliff_conntrack_entries", {2})});
  clock_.advance(1min + 20s);
  take({gauges("kubecliff_conntrack_entries", {3})});
  const auto found = curve("conntrack_entries");
  ASSERT_TRUE(found);
  EXPECT_THAT(found->points, ElementsAre(Field(&Curve::Point::at, began + 1min),
                                         Field(&Curve::Point::at, began + 2min)));
}

TEST_F(TrailTest, AWallClockThatWasSetLabelsAllPointsAnew) {
  take({gauges("kubecliff_conntrack_entries", {1})});
  clock_.advance(1min);
  take({gauges("kubecliff_conntrack_entries", {2})});
  wall_jump_ = -5h;
  clock_.advance(1min);
  take({gauges("kubecliff_conntrack_entries", {3})});
  const auto points = curve("conntrack_entries")->points;
  ASSERT_THAT(points, SizeIs(2));
  EXPECT_EQ(points[1].at - points[0].at, 1min);
  EXPECT_EQ(points[1].at, time_.wall_now() - 5h);
}

TEST_F(TrailTest, ConnectionsHaveTheBoundsOfTheCheckThatJudgesThem) {
  take({gauges("kubecliff_conntrack_entries", {1}),
        gauges("kubecliff_conntrack_entries_limit", {1'000})});
  clock_.advance(1min);
  take({});
  const auto found = curve("conntrack_entries");
  ASSERT_TRUE(found);
  ASSERT_THAT(found->bounds, SizeIs(2));
  EXPECT_DOUBLE_EQ(found->bounds[0].value, 700);
  EXPECT_EQ(found->bounds[0].severity, Severity::warning);
  EXPECT_DOUBLE_EQ(found->bounds[1].value, 850);
}

}  // namespace
}  // namespace kubecliff::report
