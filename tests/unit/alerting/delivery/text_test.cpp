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

// As Alertmanager 0.25 answered for these labels.
TEST(DeliveryText, FingerprintIsThatOfAlertmanager) {
  EXPECT_EQ(to_hex(fingerprint({{"alertname", "KubecliffTest"},
                                {"cluster", "prod"},
                                {"node", "n1"},
                                {"severity", "warning"}})),
            "eec56bdaf4acb5fe");
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
