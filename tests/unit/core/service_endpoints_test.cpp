#include "collectors/core/service_endpoints.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff {
namespace {

using Source = ServiceEndpoints::Source;

constexpr std::array kLow{std::byte{10}, std::byte{0}, std::byte{0}, std::byte{1}};
constexpr std::array kHigh{std::byte{10}, std::byte{0}, std::byte{0}, std::byte{2}};
constexpr std::array<std::byte, 16> kZero6{};
constexpr ServiceEndpoints::TimePoint kNow{};

TEST(Keys, DifferInEverythingThatTellsThemApart) {
  constexpr std::array<std::byte, 4> kZero{};
  const std::vector keys{
      service_key(6, kLow, 80),
      service_key(17, kLow, 80),
      service_key(6, kHigh, 80),
      service_key(6, kLow, 81),
      service_key(6, kZero6, 80),
      node_port_key(6, 4, 80),
      node_port_key(17, 4, 80),
      backend_key(kLow, 80),
      backend_key(kLow, 81),
      backend_key(kHigh, 80),
      endpoint_key(service_key(6, kLow, 80), backend_key(kHigh, 80)),
      endpoint_key(service_key(6, kLow, 81), backend_key(kHigh, 80)),
      endpoint_key(backend_key(kHigh, 80), service_key(6, kLow, 80)),
      name_key(std::string_view{"KUBE-SEP-A"}),
      name_key(std::string_view{"KUBE-SEP-B"}),
  };
  EXPECT_EQ((std::set<std::uint64_t>{keys.begin(), keys.end()}.size()), keys.size());
  EXPECT_EQ(service_key(6, kLow, 80), keys.front());
  // A node port is at every address, and no Service has that which says so.
  EXPECT_EQ(node_port_key(6, kZero6.size(), 80), service_key(6, kZero6, 80));
  EXPECT_EQ(node_port_key(6, kZero.size(), 80), service_key(6, kZero, 80));
}

TEST(Keys, OfAddressesThatAreTooLongAreTaken) {
  constexpr std::array<std::byte, 40> kLong{};
  EXPECT_NE(service_key(6, kLong, 80), 0U);
  EXPECT_NE(node_port_key(6, kLong.size(), 80), 0U);
}

TEST(KeySet, HoldsWhatItWasGivenAndNothingElse) {
  EXPECT_FALSE(KeySet{}.contains(7));
  for (const std::uint64_t size : {1U, 2U, 3U, 100U, 5'000U}) {
    std::vector<std::uint64_t> keys;
    for (std::uint64_t i = 0; i < size; ++i) {
      keys.push_back(endpoint_key(1, i));
    }
    const KeySet set{keys};
    EXPECT_EQ(set.size(), size);
    for (std::uint64_t i = 0; i < 2 * size; ++i) {
      EXPECT_EQ(set.contains(endpoint_key(1, i)), i < size) << i << " of " << size;
    }
  }
}

TEST(KeySet, CountsWhatComesAgainOnceAndGoesAroundItsEnd) {
  constexpr std::uint64_t kLast = ~std::uint64_t{0};
  const KeySet set{std::vector{kLast, kLast, kLast - 1, kLast - 2}};
  EXPECT_EQ(set.size(), 3U);
  EXPECT_TRUE(set.contains(kLast - 2));
  EXPECT_FALSE(set.contains(kLast - 3));
  EXPECT_FALSE(set.contains(1));
}

std::shared_ptr<const EndpointSet> set_of(std::uint64_t service) {
  return std::make_shared<const EndpointSet>(std::vector{service},
                                             std::vector{endpoint_key(service, 1)});
}

TEST(EndpointSet, KnowsServicesWithoutEndpoints) {
  const EndpointSet set{std::vector<std::uint64_t>{5, 6}, std::vector<std::uint64_t>{9}};
  EXPECT_TRUE(set.has_service(5));
  EXPECT_TRUE(set.has_endpoint(9));
  EXPECT_FALSE(set.has_service(9));
  EXPECT_EQ(set.services(), 2U);
  EXPECT_EQ(set.endpoints(), 1U);
}

TEST(EndpointSet, AServiceThatIsUnclearIsNone) {
  const std::vector<std::uint64_t> services{5, 6};
  const EndpointSet set{services, {}, std::vector<std::uint64_t>{6, 7}};
  EXPECT_TRUE(set.has_service(5));
  EXPECT_FALSE(set.has_service(6));
  EXPECT_FALSE(set.has_service(7));
}

class ServiceEndpointsTest : public ::testing::Test {
 protected:
  [[nodiscard]] ServiceEndpoints::Told told(Source source, std::size_t family) const {
    return endpoints_->all()[ServiceEndpoints::index(source, family)];
  }

  std::shared_ptr<ServiceEndpoints> endpoints_ = std::make_shared<ServiceEndpoints>();
};

TEST_F(ServiceEndpointsTest, EachSourceTellsOfEachFamilyByItself) {
  EndpointTeller legacy{endpoints_, Source::iptables_legacy, 1};
  EndpointTeller ipvs{endpoints_, Source::ipvs, 0};
  legacy.tell(endpoints_->begin(kNow), set_of(1));
  ipvs.tell(endpoints_->begin(kNow), set_of(2));
  EXPECT_TRUE(told(Source::iptables_legacy, 1).set->has_service(1));
  EXPECT_TRUE(told(Source::ipvs, 0).set->has_service(2));
  EXPECT_EQ(told(Source::iptables_legacy, 0).set, nullptr);
  EXPECT_EQ(told(Source::ipvs, 1).set, nullptr);
  legacy.withdraw();
  EXPECT_EQ(told(Source::iptables_legacy, 1).set, nullptr);
}

TEST_F(ServiceEndpointsTest, ATicketIsOfTheBeginningOfALookAndOnlyProofMovesIt) {
  EndpointTeller teller{endpoints_, Source::iptables_nft, 0};
  const ServiceEndpoints::Look first = endpoints_->begin(kNow);
  const ServiceEndpoints::Look flows = endpoints_->begin(kNow);
  EXPECT_GT(flows.ticket, first.ticket);
  teller.tell(first, set_of(1));
  EXPECT_LT(told(Source::iptables_nft, 0).ticket, flows.ticket);

  const ServiceEndpoints::Look second = endpoints_->begin(kNow + std::chrono::seconds{1});
  teller.presume(second);
  EXPECT_EQ(told(Source::iptables_nft, 0).ticket, first.ticket);
  EXPECT_EQ(told(Source::iptables_nft, 0).looked_at, second.at);
  teller.confirm(second);
  EXPECT_EQ(told(Source::iptables_nft, 0).ticket, second.ticket);
  EXPECT_EQ(told(Source::iptables_nft, 0).version, first.ticket);
}

TEST_F(ServiceEndpointsTest, NothingIsConfirmedThatWasNotTold) {
  const EndpointTeller teller{endpoints_, Source::nftables, 0};
  teller.confirm(endpoints_->begin(kNow));
  EXPECT_EQ(told(Source::nftables, 0).set, nullptr);
  EXPECT_EQ(told(Source::nftables, 0).ticket, 0U);
}

TEST_F(ServiceEndpointsTest, WhatACollectorMadeAnewTellsOutlivesTheOldOne) {
  auto old = std::make_unique<EndpointTeller>(endpoints_, Source::ipvs, 0);
  old->tell(endpoints_->begin(kNow), set_of(1));
  EndpointTeller anew{endpoints_, Source::ipvs, 0};
  anew.tell(endpoints_->begin(kNow), set_of(2));
  old.reset();
  ASSERT_NE(told(Source::ipvs, 0).set, nullptr);
  EXPECT_TRUE(told(Source::ipvs, 0).set->has_service(2));
}

TEST_F(ServiceEndpointsTest, AnOldOneIsWithdrawnWhenItEnds) {
  {
    EndpointTeller teller{endpoints_, Source::ipvs, 0};
    teller.tell(endpoints_->begin(kNow), set_of(1));
    const EndpointTeller moved{std::move(teller)};
    EXPECT_NE(told(Source::ipvs, 0).set, nullptr);
  }
  EXPECT_EQ(told(Source::ipvs, 0).set, nullptr);
}

TEST_F(ServiceEndpointsTest, ALookIsAskedForByThoseThatBeganLater) {
  const ServiceEndpoints::Look before = endpoints_->begin(kNow);
  EXPECT_FALSE(endpoints_->asked_for_look_after(before.ticket));
  endpoints_->ask_for_look_after(endpoints_->begin(kNow));
  EXPECT_TRUE(endpoints_->asked_for_look_after(before.ticket));
  EXPECT_FALSE(endpoints_->asked_for_look_after(endpoints_->begin(kNow).ticket));
}

}  // namespace
}  // namespace kubecliff
