#include "collectors/inventory/uneven.h"

#include <cstdint>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff::inventory {
namespace {

Service service_of(const std::vector<std::uint64_t>& packets) {
  Service service;
  for (const std::uint64_t count : packets) {
    service.endpoints.push_back({.port = 80, .packets = count});
  }
  service.endpoint_count = static_cast<std::uint32_t>(packets.size());
  return service;
}

std::vector<std::size_t> found(const Service& service) {
  std::vector<std::size_t> endpoints;
  for (const UnevenEndpoint& one : uneven(service)) {
    endpoints.push_back(one.endpoint);
  }
  return endpoints;
}

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Uneven, AreThoseWithMuchMoreOrLessThanTheirShare) {
  EXPECT_THAT(found(service_of({1'000, 1'000, 4'000})), ElementsAre(0, 1, 2));
  EXPECT_THAT(found(service_of({1'000, 1'000, 1'000, 0})), ElementsAre(3));
  EXPECT_THAT(found(service_of({1'000, 1'000, 1'000, 1'800})), ElementsAre(3));
  const auto uneven_ones = uneven(service_of({1'000, 1'000, 4'000}));
  EXPECT_EQ(uneven_ones[2].packets, 4'000U);
  EXPECT_DOUBLE_EQ(uneven_ones[2].expected, 2'000);
}

TEST(Uneven, AreNoneWithinHalfAsMuchAgain) {
  EXPECT_THAT(found(service_of({100'000, 140'000})), IsEmpty());
  EXPECT_THAT(found(service_of({100'000, 100'000})), IsEmpty());
  EXPECT_THAT(found(service_of({5'000})), IsEmpty());
  EXPECT_THAT(found(service_of({})), IsEmpty());
}

TEST(Uneven, AreNoneOfFewPackets) {
  EXPECT_THAT(found(service_of({0, 999})), IsEmpty());
  EXPECT_THAT(found(service_of({0, 1'000})), ElementsAre(0, 1));
}

// 1,000 packets among 500 endpoints: some have 7 and many none.
TEST(Uneven, AreNoneByChance) {
  std::mt19937 random{3};  // NOLINT(*-msc51-cpp)
  for (const std::size_t endpoints : {2U, 10U, 500U}) {
    for (int round = 0; round < 200; ++round) {
      std::vector<std::uint64_t> packets(endpoints);
      std::uniform_int_distribution<std::size_t> choose{0, endpoints - 1};
      for (int i = 0; i < 1'000; ++i) {
        ++packets[choose(random)];
      }
      // With a mean of 2, 5 deviations are 9 packets and more: once in 4,000.
      EXPECT_LE(found(service_of(packets)).size(), 2U);
    }
  }
}

TEST(Uneven, AreToldByWeightsWhereThereAre) {
  Service service = service_of({1'000, 3'000});
  service.shares = Shares::weights;
  service.endpoints[1].weight = 3;
  EXPECT_THAT(found(service), IsEmpty());
  service.shares = Shares::equal;
  EXPECT_THAT(found(service), ElementsAre(0, 1));
  service.shares = Shares::unknown;
  EXPECT_THAT(found(service), IsEmpty());
}

TEST(Uneven, LeavesOutWhatDrains) {
  Service service = service_of({1'000, 1'000, 9'000});
  service.endpoints[2].weight = 0;
  EXPECT_THAT(found(service), IsEmpty());
}

TEST(Uneven, IsNotSaidOfWhatIsNotKnown) {
  Service service = service_of({0, 9'000});
  service.clear = false;
  EXPECT_THAT(found(service), IsEmpty());
  service.clear = true;
  service.endpoints[0].packets.reset();
  EXPECT_THAT(found(service), IsEmpty());
}

}  // namespace
}  // namespace kubecliff::inventory
