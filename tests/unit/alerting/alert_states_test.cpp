// How alerts come and go; what of that Prometheus shares is held to it by the replay of promtool's
// tests.
#include "exporter/alerting/alert_states.h"

#include <limits>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/alerting/evaluate.h"
#include "tests/support/result_matchers.h"

namespace kubecliff {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kChecks = R"yaml(
runbooks: https://example.org/
node_labels: [instance]
checks:
  fill:
    group: test
    value: fill
    unit: ratio
    labels: [table]
    warning: {above: 0.5, for: 2m}
    critical: {above: 0.9, for: 0s, keep: 3m}
    summary: "{{ $labels.table }} of {{ $node }} is {{ $value }} full"
    description: d
    source: s
    reason: r
)yaml";

class AlertStatesTest : public ::testing::Test {
 protected:
  void SetUp() override { history_.remember({.metric = "fill", .matchers = {}}); }

  // One minute later.
  void next(double fill) {
    now_ += minutes{1};
    history_.append("fill", {{"table", "nat"}, {"other", "x"}}, {.at = now(), .value = fill});
    history_.append("fill", {{"table", "nat"}, {"other", "y"}}, {.at = now(), .value = 0});
    EXPECT_THAT(states_.evaluate(history_, {.steady = now(), .wall = wall_now()}), IsEmpty());
  }

  [[nodiscard]] std::vector<Alert> of(Severity severity) const {
    std::vector<Alert> all = states_.alerts();
    std::erase_if(all, [severity](const Alert& alert) { return alert.severity != severity; });
    return all;
  }

  [[nodiscard]] Clock::time_point now() const { return Clock::time_point{} + now_; }
  [[nodiscard]] std::chrono::system_clock::time_point wall_now() const {
    return std::chrono::system_clock::time_point{} + now_;
  }

  AlertStates states_{parse_checks(kChecks, "checks").value(), {{"instance", "n1"}}};

 private:
  History history_;
  seconds now_{0};
};

TEST_F(AlertStatesTest, PendsForItsTimeFiresAndEnds) {
  next(0.6);
  next(0.6);
  EXPECT_THAT(of(Severity::warning), IsEmpty());
  next(0.7);
  auto warning = of(Severity::warning);
  ASSERT_THAT(warning, SizeIs(1));
  EXPECT_EQ(warning[0].labels, (Labels{{"alertname", "KubecliffFill"},
                                       {"severity", "warning"},
                                       {"instance", "n1"},
                                       {"table", "nat"}}));
  EXPECT_EQ(warning[0].annotations.at("summary"), "nat of n1 is 70% full");
  EXPECT_EQ(warning[0].annotations.at("runbook_url"), "https://example.org/KubecliffFill.md");
  EXPECT_EQ(warning[0].began, wall_now());
  EXPECT_FALSE(warning[0].ended);

  next(0.5);
  warning = of(Severity::warning);
  ASSERT_THAT(warning, SizeIs(1)) << "ended ones are told for a while";
  EXPECT_EQ(warning[0].ended, wall_now());
  for (int i = 0; i < 16; ++i) {
    next(0.1);
  }
  EXPECT_THAT(states_.alerts(), IsEmpty());
}

TEST_F(AlertStatesTest, ACauseThatPausesBeginsAnew) {
  next(0.6);
  next(0.4);
  next(0.6);
  next(0.6);
  EXPECT_THAT(states_.alerts(), IsEmpty());
}

TEST_F(AlertStatesTest, GoesOnForItsKeepAfterItsCause) {
  next(0.95);
  ASSERT_THAT(of(Severity::critical), SizeIs(1));
  next(0.2);
  next(0.2);
  next(0.95);
  for (int i = 0; i < 3; ++i) {
    next(0.2);
    EXPECT_FALSE(of(Severity::critical).at(0).ended) << i;
  }
  next(0.2);
  EXPECT_TRUE(of(Severity::critical).at(0).ended);
}

TEST_F(AlertStatesTest, OneThatComesBackIsToldAsEndedUntilItFires) {
  for (int i = 0; i < 3; ++i) {
    next(0.6);
  }
  next(0.1);
  const auto ended = of(Severity::warning).at(0).ended;
  next(0.6);
  EXPECT_EQ(of(Severity::warning).at(0).ended, ended);
  next(0.6);
  next(0.6);
  EXPECT_FALSE(of(Severity::warning).at(0).ended);
  EXPECT_EQ(of(Severity::warning).at(0).began, wall_now());
}

TEST_F(AlertStatesTest, WhatIsNoNumberHidesNothing) {
  next(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(states_.alerts(), IsEmpty());
  EXPECT_EQ(aggregated(Aggregation::max, std::numeric_limits<double>::quiet_NaN(), 5), 5);
  EXPECT_EQ(aggregated(Aggregation::min, 5, std::numeric_limits<double>::quiet_NaN()), 5);
}

TEST_F(AlertStatesTest, CountsWhatFiresForEverySeverityThereIs) {
  next(0.95);
  const auto active = states_.active();
  ASSERT_THAT(active, SizeIs(2));
  EXPECT_EQ(active[0].severity, Severity::warning);
  EXPECT_EQ(active[0].firing, 0U);
  EXPECT_EQ(active[1].severity, Severity::critical);
  EXPECT_EQ(active[1].firing, 1U);
}

TEST_F(AlertStatesTest, OtherBoundsHoldFromTheNextJudgementOn) {
  next(0.95);
  Checks checks = parse_checks(kChecks, "checks").value();
  checks.all[0].bounds[1].value = 0.99;
  checks.all[0].bounds[1].keep = {};
  states_.change(checks, {{"instance", "n2"}});
  next(0.95);
  EXPECT_TRUE(of(Severity::critical).at(0).ended);
  checks.all[0].bounds.pop_back();
  states_.change(checks, {{"instance", "n2"}});
  EXPECT_THAT(of(Severity::critical), IsEmpty());
}

}  // namespace
}  // namespace kubecliff
