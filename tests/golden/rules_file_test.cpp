// alerts/rules/kubecliff.yaml is what the checks say.
#include "exporter/alerting/rules_file.h"

#include <gtest/gtest.h>

#include "exporter/alerting/checks.h"
#include "tests/golden/golden_file.h"

namespace kubecliff {
namespace {

TEST(RulesFile, IsAsTheChecksSay) {
  test::expect_golden("alerts/rules/kubecliff.yaml", prometheus_rules(default_checks()));
}

}  // namespace
}  // namespace kubecliff
