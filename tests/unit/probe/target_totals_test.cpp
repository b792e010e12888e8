#include "collectors/probe/target_totals.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/figures.h"

namespace kubecliff::probe {
namespace {

using namespace std::chrono_literals;
using test::Figures;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Pair;

const Target target{.name = "dns",
                    .urls = {parse_url("tcp://10.96.0.10:53"), parse_url("tcp://10.0.0.7:53")}};

Figures figures(const TargetTotals& totals) {
  Samples samples;
  totals.add("pod", samples);
  EXPECT_EQ(samples.dropped(), 0U);
  return test::figures_of(samples, "kubecliff_probe_");
}

Outcome connected(Path path, std::chrono::microseconds time) {
  return outcome_of(*target.urls[static_cast<std::size_t>(path)],
                    {.resolved = 10us, .connected = time + 10us, .ended = time + 10us},
                    std::nullopt);
}

Outcome refused() {
  return outcome_of(*target.urls.front(), {}, Failure{.reason = Reason::connect, .why = "refused"});
}

TEST(TargetTotals, BeforeTheFirstProbeFailuresAreZeroAndNothingIsSaidOfSuccess) {
  const Figures before = figures(TargetTotals{target});
  EXPECT_EQ(before.at("failures_total{dns,service,connect,pod}"), 0);
  EXPECT_EQ(before.at("phase_seconds_count{dns,direct,connect,pod}"), 0);
  EXPECT_FALSE(before.contains("success{dns,service,pod}"));
  EXPECT_FALSE(before.contains("failures_total{dns,service,tls,pod}"));
  EXPECT_FALSE(before.contains("phase_seconds_count{dns,service,resolve,pod}"));
}

TEST(TargetTotals, AddsUpByPath) {
  TargetTotals totals{target};
  EXPECT_EQ(totals.take_in(Path::service, connected(Path::service, 300us)), "");
  EXPECT_EQ(totals.take_in(Path::direct, connected(Path::direct, 100us)), "");
  EXPECT_THAT(totals.take_in(Path::service, refused()),
              HasSubstr("target dns, service path: fails (connect): refused"));
  const Figures after = figures(totals);
  EXPECT_THAT(after,
              IsSupersetOf({Pair("success{dns,service,pod}", 0), Pair("success{dns,direct,pod}", 1),
                            Pair("failures_total{dns,service,connect,pod}", 1),
                            Pair("failures_total{dns,direct,connect,pod}", 0),
                            Pair("phase_seconds_count{dns,service,connect,pod}", 1)}));
  EXPECT_DOUBLE_EQ(after.at("phase_seconds_sum{dns,service,connect,pod}"), 0.0003);
  EXPECT_DOUBLE_EQ(after.at("phase_seconds_sum{dns,direct,connect,pod}"), 0.0001);
}

TEST(TargetTotals, OnlyAChangeIsWorthALine) {
  TargetTotals totals{target};
  EXPECT_NE(totals.take_in(Path::service, refused()), "");
  EXPECT_EQ(totals.take_in(Path::service, refused()), "");
  EXPECT_THAT(totals.take_in(Path::service, connected(Path::service, 300us)),
              HasSubstr("works again"));
}

}  // namespace
}  // namespace kubecliff::probe
