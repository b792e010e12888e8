#include "exporter/alerting/delivery/text.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/alerting/delivery/alerts.h"

namespace kubecliff::delivery {
namespace {

TEST(DeliveryText, TimesAreRfc3339) {
  EXPECT_EQ(to_rfc3339(kBegan), "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(to_rfc3339(kBegan + std::chrono::milliseconds{7}), "2023-11-14T22:13:20.007Z");
}

// FNV-1a of nothing, as prometheus/common has it; the rest is in the bodies of webhooks.
TEST(DeliveryText, FingerprintIsThatOfPrometheus) {
  EXPECT_EQ(to_hex(fingerprint({})), "cbf29ce484222325");
  EXPECT_NE(fingerprint({{"a", "bc"}}), fingerprint({{"ab", "c"}}));
}

TEST(DeliveryText, IsShortenedBetweenCharacters) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcdef", 5), "ab…");
  EXPECT_EQ(shortened("aüüü", 6), "aü…");
  EXPECT_EQ(shortened("aüüü", 5), "a…");
  EXPECT_EQ(shortened("üüü", 4), "…");
}

TEST(DeliveryText, JsonTakesAnyBytes) {
  EXPECT_EQ(to_text(Json{{"a", "\xFF"}}), "{\"a\":\"\xEF\xBF\xBD\"}");
}

}  // namespace
}  // namespace kubecliff::delivery
