#include "collectors/inventory/services.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_netlink.h"
#include "tests/support/file_tree.h"

namespace kubecliff::inventory {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> names(const std::vector<const Service*>& services) {
  std::vector<std::string> all;
  all.reserve(services.size());
  for (const Service* service : services) {
    all.push_back(service->name);
  }
  return all;
}

Services sample() {
  Services services;
  services.services = {
      {.name = "a", .endpoint_count = 3, .rules = 10, .packets = 5},
      {.name = "b", .endpoint_count = 9, .rules = 1},
      {.name = "c", .endpoint_count = 3, .rules = 0, .packets = 700},
      {.name = "d", .endpoint_count = 0, .rules = 4, .packets = 0},
  };
  return services;
}

TEST(Top, IsTheLargestFirstAndEqualOnesAsTheyWere) {
  const Services services = sample();
  EXPECT_THAT(names(top_by_endpoints(services, 2)), ElementsAre("b", "a"));
  EXPECT_THAT(names(top_by_endpoints(services, 10)), ElementsAre("b", "a", "c"));
  EXPECT_THAT(names(top_by_rules(services, 10)), ElementsAre("a", "d", "b"));
  EXPECT_THAT(names(top_by_packets(services, 10)), ElementsAre("c", "a"));
  EXPECT_THAT(names(top_by_packets(services, 0)), IsEmpty());
  EXPECT_THAT(names(top_by_rules(Services{}, 3)), IsEmpty());
}

TEST(Text, OfAnAddress) {
  const std::array ipv4{std::byte{10}, std::byte{0}, std::byte{0}, std::byte{1}};
  std::array<std::byte, 16> ipv6{std::byte{0xfd}};
  ipv6[15] = std::byte{1};
  EXPECT_EQ(text(Address{ipv4}, 80), "10.0.0.1:80");
  EXPECT_EQ(text(Address{ipv6}, 80), "[fd00::1]:80");
  EXPECT_EQ(text(Address{ipv6}), "fd00::1");
  EXPECT_EQ(text(Address{}, 30'000), "*:30000");
  EXPECT_TRUE(Address{Bytes{ipv6}.first(7)}.empty());
}

}  // namespace
}  // namespace kubecliff::inventory
