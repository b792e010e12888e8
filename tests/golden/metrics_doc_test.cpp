#include "tests/golden/metrics_doc.h"

#include <gtest/gtest.h>

#include "collectors/collectors.h"
#include "tests/golden/golden_file.h"

namespace kubecliff {
namespace {

TEST(MetricsDoc, IsWhatTheSpecsSay) {
  test::expect_golden("docs/metrics.md", test::metrics_doc(all_specs(), collector_specs().size()));
}

}  // namespace
}  // namespace kubecliff
