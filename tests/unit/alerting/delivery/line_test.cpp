#include "exporter/alerting/delivery/line.h"

#include <string>

#include <gtest/gtest.h>

namespace kubecliff::delivery {
namespace {

TEST(FitToPrint, IsOneShortLineOfPlainCharacters) {
  EXPECT_EQ(fit_to_print("\n {\"error\":\r\n\t\"no\"}\x1B[31m\xFF\n", {}),
            "{\"error\": \"no\"} [31m");
  EXPECT_EQ(fit_to_print(std::string(1'000, 'x'), {}).size(), 200U);
}

TEST(FitToPrint, SecretsAreBlottedOutAlsoWhereTheyWouldBeCut) {
  EXPECT_EQ(fit_to_print("key s3cret, key s3cret", {"s3cret", ""}), "key ***, key ***");
  EXPECT_EQ(fit_to_print(std::string(197, 'x') + "s3cret", {"s3cret"}),
            std::string(197, 'x') + "***");
}

TEST(OriginOf, LeavesPathAndQueryOut) {
  EXPECT_EQ(origin_of("https://example.com:8443/secret/path?key=1"), "https://example.com:8443");
  EXPECT_EQ(origin_of("https://example.com?key=1"), "https://example.com");
  EXPECT_EQ(origin_of("http://[::1]:80"), "http://[::1]:80");
}

}  // namespace
}  // namespace kubecliff::delivery
