#include "exporter/alerting/history.h"

#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/core/samples.h"
#include "exporter/alerting/evaluate.h"

namespace kubecliff {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr FamilySpec kGauge{.name = "gauge", .help = "", .labels = {"family"}, .max_series = 4};
constexpr FamilySpec kOther{.name = "other", .help = ""};
constexpr FamilySpec kHistogram{
    .name = "histogram", .type = prometheus::MetricType::Histogram, .help = ""};

SnapshotPtr snapshot(Samples& samples) {
  return std::make_shared<const Snapshot>(samples.take());
}

Clock::time_point at(Clock::duration since_start) {
  return Clock::time_point{} + since_start;
}

TEST(History, KeepsWhatIsAskedForAndNothingElse) {
  History history;
  history.remember({.metric = "gauge", .matchers = {}});
  Samples samples;
  samples.add(kGauge, {"ipv4"}, 4);
  samples.add(kOther, 5);
  const std::vector snapshots{snapshot(samples)};
  history.take(at(seconds{15}), snapshots);

  const auto found = history.newest({.metric = "gauge", .matchers = {}}, at(seconds{15}));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].labels, (Labels{{"family", "ipv4"}}));
  EXPECT_EQ(found[0].value, 4);
  EXPECT_THAT(history.newest({.metric = "other", .matchers = {}}, at(seconds{15})), IsEmpty());
}

TEST(History, KeepsTheSeriesThatAreAskedForAndNotTheirSisters) {
  History history;
  const auto parsed = parse_expression(R"(rate(gauge{family="ipv4"}[1h]))");
  for (const Selector* selector : selectors(**parsed)) {
    history.remember(*selector);
  }
  Samples samples;
  samples.add(kGauge, {"ipv4"}, 4);
  samples.add(kGauge, {"ipv6"}, 6);
  const std::vector snapshots{snapshot(samples)};
  history.take(at(seconds{15}), snapshots);
  EXPECT_THAT(history.newest({.metric = "gauge", .matchers = {}}, at(seconds{15})), SizeIs(1));
}

TEST(History, ASeriesThatIsNotServedAnyMoreEndsAtOnceAndItsPastStays) {
  const Selector range{.metric = "gauge", .matchers = {}, .range = minutes{10}};
  History history;
  history.remember(range);
  Samples samples;
  samples.add(kGauge, {"ipv4"}, 4);
  const std::vector with{snapshot(samples)};
  history.take(at(minutes{1}), with);
  history.take(at(minutes{2}), {});

  EXPECT_THAT(history.newest(range, at(minutes{2})), IsEmpty());
  EXPECT_THAT(history.range(range, at(minutes{2})), SizeIs(1));
  history.take(at(minutes{12}), {});
  EXPECT_THAT(history.range(range, at(minutes{12})), IsEmpty());
}

TEST(History, ForgetsWhatNoRangeReaches) {
  const Selector range{.metric = "gauge", .matchers = {}, .range = minutes{10}};
  History history;
  history.remember(range);
  for (int minute = 0; minute <= 60; ++minute) {
    Samples samples;
    samples.add(kGauge, {"ipv4"}, minute);
    const std::vector snapshots{snapshot(samples)};
    history.take(at(minutes{minute}), snapshots);
  }
  const auto found =
      history.range({.metric = "gauge", .matchers = {}, .range = minutes{600}}, at(minutes{60}));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0].points, SizeIs(11)) << "both ends of the ten minutes included";
  EXPECT_EQ(found[0].points.front().value, 50);
}

TEST(History, TakesHistogramsApartAsPrometheusStoresThem) {
  History history;
  for (const char* name : {"histogram_bucket", "histogram_sum", "histogram_count"}) {
    history.remember({.metric = name, .matchers = {}});
  }
  prometheus::ClientMetric metric;
  metric.histogram = {.sample_count = 7,
                      .sample_sum = 3.5,
                      .bucket = {{.cumulative_count = 2, .upper_bound = 0.005},
                                 {.cumulative_count = 6, .upper_bound = 5.5}}};
  Samples samples;
  samples.add(kHistogram, {}, metric);
  const std::vector snapshots{snapshot(samples)};
  history.take(at(seconds{0}), snapshots);

  const auto newest = [&](const char* name) {
    return history.newest({.metric = name, .matchers = {}}, at(seconds{0}));
  };
  EXPECT_EQ(newest("histogram_sum").at(0).value, 3.5);
  EXPECT_EQ(newest("histogram_count").at(0).value, 7);
  Labels bounds;
  for (const Sample& bucket : newest("histogram_bucket")) {
    bounds.emplace(bucket.labels.at("le"), std::to_string(static_cast<int>(bucket.value)));
  }
  EXPECT_EQ(bounds, (Labels{{"0.005", "2"}, {"5.5", "6"}, {"+Inf", "7"}}));
}

class StretchedHistory : public testing::Test {
 protected:
  StretchedHistory() {
    for (const ExpressionPtr& expression : {rate_, trend_}) {
      for (const Selector* selector : selectors(*expression)) {
        history_.remember(*selector);
      }
    }
  }
  // Seven a second are counted, and a gauge goes up by three a second.
  void take(int second) {
    constexpr FamilySpec kCounter{
        .name = "counted_total", .type = prometheus::MetricType::Counter, .help = ""};
    Samples samples;
    samples.add(kCounter, 7 * second);
    samples.add(kGauge, {"ipv4"}, 3 * second);
    const std::vector snapshots{snapshot(samples)};
    history_.take(at(seconds{second}), snapshots);
  }
  // After a stretch, of which the history itself knows nothing.
  [[nodiscard]] std::vector<Sample> stretched(const ExpressionPtr& expression, int second) const {
    History history = history_;
    history.stretch(minutes{5});
    return *evaluate(*expression, history, {.steady = at(seconds{second}), .wall = {}});
  }

  ExpressionPtr rate_ = *parse_expression("rate(counted_total[5m])");
  ExpressionPtr trend_ = *parse_expression("predict_linear(gauge[30m], 60) - gauge");
  History history_;
};

TEST_F(StretchedHistory, CountsAsIfItHadGoneOnLikeThat) {
  take(10);
  take(12);
  EXPECT_DOUBLE_EQ(stretched(rate_, 12).front().value, 7);
  take(17);
  EXPECT_NEAR(stretched(rate_, 17).front().value, 7, 1e-9);
}

TEST_F(StretchedHistory, TellsNoTrendBeforeThereIsOne) {
  take(10);
  take(12);
  EXPECT_THAT(stretched(trend_, 12), IsEmpty());
  for (int second = 15; second <= 330; second += 15) {
    take(second);
  }
  EXPECT_NEAR(stretched(trend_, 330).front().value, 180, 1e-6);
}

TEST_F(StretchedHistory, IsWhatItWasWhereItIsLongEnough) {
  for (int second = 0; second <= 600; second += 15) {
    take(second);
  }
  EXPECT_NEAR(stretched(rate_, 600).front().value, 7, 1e-9);
}

}  // namespace
}  // namespace kubecliff
