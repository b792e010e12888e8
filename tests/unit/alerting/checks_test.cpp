#include "exporter/alerting/checks.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/collectors.h"
#include "exporter/alerting/metrics.h"
#include "exporter/runner/self_metrics.h"
#include "tests/support/result_matchers.h"

namespace kubecliff {
namespace {

using test::fails_with;
using ::testing::Contains;
using ::testing::HasSubstr;

TEST(DefaultChecks, AskOnlyForMetricsThatThereAre) {
  std::set<std::string> metrics;
  const auto add = [&metrics](std::span<const FamilySpec> families) {
    for (const FamilySpec& family : families) {
      const std::string name{family.name};
      const bool histogram = family.type == prometheus::MetricType::Histogram;
      for (const char* part : {"_bucket", "_sum", "_count"}) {
        metrics.insert(histogram ? name + part : name);
      }
    }
  };
  for (const CollectorSpec& spec : all_specs()) {
    add(spec.families);
  }
  add(self_families(1));
  for (const Check& check : default_checks().all) {
    if (check.value == nullptr) {
      continue;
    }
    for (const Selector* selector : selectors(*check.value)) {
      EXPECT_THAT(metrics, Contains(selector->metric)) << check.name;
    }
  }
}

TEST(DefaultChecks, BoundsGetWorseWithTheirSeverityAndLookToOneSide) {
  for (const Check& check : default_checks().all) {
    for (std::size_t i = 1; i < check.bounds.size(); ++i) {
      EXPECT_EQ(check.bounds[i].side, check.bounds[0].side) << check.name;
      // What only is or is not gets worse with time alone.
      EXPECT_TRUE(check.has_threshold() ? check.bounds[i - 1].exceeded_by(check.bounds[i].value)
                                        : check.bounds[i - 1].hold < check.bounds[i].hold)
          << check.name;
    }
    EXPECT_EQ(check.unit == "state" || check.value == nullptr, !check.has_threshold());
  }
}

TEST(Checks, AnAlertIsNamedAfterItsCheck) {
  Check check;
  check.name = "propagation_p99";
  EXPECT_EQ(check.alert_name(), "KubecliffPropagationP99");
}

struct Wrong {
  std::string_view yaml;
  std::string_view says;
};

class WrongChecks : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongChecks, AreRefusedWithTheirLine) {
  EXPECT_THAT(parse_checks(GetParam().yaml, "f.yaml"),
              fails_with(ErrorKind::malformed, HasSubstr(std::string{GetParam().says})));
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongChecks,
    ::testing::Values(
        Wrong{"a: 1", "f.yaml:1: a: no such key"},
        Wrong{"checks: {c: 1}", "f.yaml:1: checks.c: expected a check, with its keys"},
        Wrong{"checks:\n c:\n  wrong: 1", "f.yaml:3: checks.c.wrong: no such key"},
        Wrong{"checks:\n c:\n  group: g", "c: expected the key value"},
        Wrong{"checks: {c: {warning: {above: x}}}", "checks.c.warning.above: expected a number"},
        Wrong{"checks: {c: {warning: {for: x}}}", "expected a duration"},
        Wrong{"checks: {c: {critical: {above: 1}, info: {above: 0}}}", "least severe bound first"},
        Wrong{"checks: {c: {only: x}}", "expected prometheus"},
        Wrong{"checks: {c: {group: g, value: 'a b', unit: u, summary: s, description: d, "
              "source: s, reason: r, info: {above: 1}}}",
              "c.value: at 3: expected an operator"}));

Records change(std::map<std::string, std::string> fields) {
  std::map<std::string, OptionValue, std::less<>> values;
  for (const OptionSpec& field : threshold_record().fields) {
    values.emplace(field.name, field.default_value);
  }
  for (auto& [key, value] : fields) {
    values.insert_or_assign(key, value);
  }
  return {Options{std::move(values)}};
}

const Check& check(const Checks& checks, std::string_view name) {
  return *std::ranges::find(checks.all, name, &Check::name);
}

TEST(ChangedChecks, TakeOtherBoundsAndTimesAndLeaveOthers) {
  const Records changes =
      change({{"check", "conntrack_use"}, {"warning", "0.5"}, {"critical-for", "30s"}});
  ASSERT_EQ(threshold_record().wrong(changes), "");
  const Checks changed = changed_checks(changes);
  const Check& use = check(changed, "conntrack_use");
  EXPECT_EQ(use.bounds[0].value, 0.5);
  EXPECT_EQ(use.bounds[1].hold, std::chrono::seconds{30});
  const Check& before = check(default_checks(), "conntrack_use");
  EXPECT_EQ(use.bounds[0].hold, before.bounds[0].hold);
  EXPECT_EQ(use.bounds[1].value, before.bounds[1].value);
}

TEST(ChangedChecks, OffTakesASeverityAway) {
  const Records changes = change({{"check", "services_in_iptables"}, {"info", "off"}});
  ASSERT_EQ(threshold_record().wrong(changes), "");
  const Checks changed = changed_checks(changes);
  EXPECT_EQ(check(changed, "services_in_iptables").bounds.front().severity, Severity::warning);
}

TEST(ThresholdRecord, SaysWhatIsWrong) {
  const auto wrong = [](std::map<std::string, std::string> fields) {
    return threshold_record().wrong(change(std::move(fields)));
  };
  EXPECT_THAT(wrong({{"check", "conntrack_us"}}), HasSubstr("did you mean conntrack_use?"));
  EXPECT_THAT(wrong({{"check", "conntrack_early_drop"}, {"critical", "1"}}),
              HasSubstr("critical: conntrack_early_drop has no such severity"));
  EXPECT_THAT(wrong({{"check", "mode_conflict"}, {"warning", "1"}}),
              HasSubstr("warning: expected off"));
  EXPECT_THAT(wrong({{"check", "exporter_down"}}), HasSubstr("Prometheus' alone"));
  EXPECT_THAT(wrong({{"check", "conntrack_use"}, {"warning", "0.9"}}),
              HasSubstr("warning: expected less than critical's 0.85, got 0.9"));
  EXPECT_THAT(wrong({{"check", "conntrack_use"}, {"warning", "0.9"}, {"critical", "off"}}), "");
  Records twice = change({{"check", "conntrack_use"}});
  twice.push_back(twice.front());
  EXPECT_THAT(threshold_record().wrong(twice), HasSubstr("twice"));
}

}  // namespace
}  // namespace kubecliff
