#include "collectors/core/samples.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/histogram.h>

namespace kubecliff {
namespace {

using prometheus::MetricType;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

constexpr FamilySpec kGauge{
    .name = "kubecliff_b", .help = "Help.", .labels = {"x", "y"}, .max_series = 2};
constexpr FamilySpec kCounter{
    .name = "kubecliff_a_total", .type = MetricType::Counter, .help = "Help."};

TEST(Samples, FamiliesComeOutSortedByName) {
  Samples samples;
  samples.add(kGauge, {"1", "2"}, 3);
  samples.add(kCounter, 4);
  EXPECT_THAT(samples.take(),
              ElementsAre(Field(&prometheus::MetricFamily::name, "kubecliff_a_total"),
                          Field(&prometheus::MetricFamily::name, "kubecliff_b")));
  EXPECT_TRUE(samples.empty());
}

TEST(Samples, ValueGoesWhereTheFamilysTypeReadsIt) {
  Samples samples;
  samples.add(kGauge, {"1", "2"}, 3);
  samples.add(kCounter, 4);
  const auto families = samples.take();
  EXPECT_EQ(families[0].metric[0].counter.value, 4);
  EXPECT_EQ(families[1].metric[0].gauge.value, 3);
}

TEST(Samples, HistogramTakesTheFamilysLabels) {
  static constexpr std::array kBounds{0.001, 1.0};
  constexpr FamilySpec kHistogram{.name = "kubecliff_c_seconds",
                                  .type = MetricType::Histogram,
                                  .help = "Help.",
                                  .labels = {"x"},
                                  .bounds = kBounds};
  static_assert(kHistogram.most_series() == 5);
  prometheus::Histogram histogram{{kBounds.begin(), kBounds.end()}};
  histogram.Observe(0.5);
  Samples samples;
  samples.add(kHistogram, {"1"}, histogram.Collect());
  samples.add(kHistogram, {"2"}, histogram.Collect());
  EXPECT_EQ(samples.dropped(), 1U);

  const auto families = samples.take();
  ASSERT_EQ(families[0].metric.size(), 1U);
  const prometheus::ClientMetric& metric = families[0].metric[0];
  EXPECT_EQ(metric.label[0].value, "1");
  EXPECT_EQ(metric.histogram.sample_count, 1U);
  EXPECT_EQ(metric.histogram.bucket[0].cumulative_count, 0U);
}

TEST(Samples, LabelsTakeTheFamilysNamesInOrder) {
  Samples samples;
  samples.add(kGauge, {"1", "2"}, 3);
  using Label = prometheus::ClientMetric::Label;
  EXPECT_THAT(samples.take()[0].metric[0].label, ElementsAre(Label{"x", "1"}, Label{"y", "2"}));
}

TEST(Samples, ServesNoMoreSeriesThanDeclaredAndCountsTheRest) {
  Samples samples;
  for (const std::string_view value : {"1", "2", "3", "4"}) {
    samples.add(kGauge, {value, ""}, 1);
  }
  EXPECT_EQ(samples.dropped(), 2U);
  EXPECT_EQ(samples.take()[0].metric.size(), 2U);
}

TEST(Samples, MissesStandBesideTheSamples) {
  Samples samples;
  EXPECT_THAT(samples.misses(), IsEmpty());
  samples.miss({.kind = ErrorKind::torn, .message = "nat"});
  EXPECT_EQ(samples.misses().front().message, "nat");
}

TEST(SamplesDeathTest, AnotherNumberOfLabelValuesIsABug) {
  Samples samples;
  EXPECT_DEATH(samples.add(kGauge, {"1"}, 3), "");
}

}  // namespace
}  // namespace kubecliff
