#include "collectors/nftables/service_links.h"

#include <cstdint>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace kubecliff::nftables {
namespace {

constexpr std::uint64_t kService = 100;
constexpr std::uint64_t kNodePort = 101;
constexpr std::uint64_t kOther = 200;
constexpr std::uint64_t kPort = 11;
constexpr std::uint64_t kOtherPort = 12;
constexpr std::uint64_t kMap = 21;
constexpr std::uint64_t kOtherMap = 22;
constexpr std::uint64_t kChain = 31;
constexpr std::uint64_t kOtherChain = 32;
constexpr std::uint64_t kBackend = 41;
constexpr std::uint64_t kOtherBackend = 42;

using Services = std::vector<ServiceLink>;
using Choices = std::vector<ChoiceLink>;
using Endpoints = std::vector<EndpointLink>;

std::shared_ptr<const EndpointSet> link(const Services& services, Choices choices,
                                        Endpoints endpoints, const EndpointMaps& maps) {
  return link_services(services, choices, endpoints, maps);
}

TEST(LinkServices, EveryAddressOfAServiceHasItsEndpoints) {
  const auto set =
      link({{kOther, kOtherPort}, {kService, kPort}, {kNodePort, kPort}},
           {{kPort, kMap}, {kOtherPort, kOtherMap}}, {},
           {{kMap, {.targets = {kBackend}}}, {kOtherMap, {.targets = {kOtherBackend}}}});
  for (const std::uint64_t service : {kService, kNodePort}) {
    EXPECT_TRUE(set->has_service(service));
    EXPECT_TRUE(set->has_endpoint(endpoint_key(service, kBackend)));
    EXPECT_FALSE(set->has_endpoint(endpoint_key(service, kOtherBackend)));
  }
  EXPECT_TRUE(set->has_endpoint(endpoint_key(kOther, kOtherBackend)));
  EXPECT_EQ(set->endpoints(), 3U);
}

TEST(LinkServices, EndpointsOfChainsAreFoundByTheirNames) {
  const auto set =
      link({{kService, kPort}}, {{kPort, kMap}}, {{kOtherChain, kOtherBackend}, {kChain, kBackend}},
           {{kMap, {.targets = {kChain, kOtherChain}, .chains = true}}});
  EXPECT_TRUE(set->has_service(kService));
  EXPECT_TRUE(set->has_endpoint(endpoint_key(kService, kBackend)));
  EXPECT_TRUE(set->has_endpoint(endpoint_key(kService, kOtherBackend)));
}

TEST(LinkServices, WhatOneOfItsChainsChoosesIsAnEndpoint) {
  const auto set =
      link({{kService, kPort}}, {{kPort, kMap}, {kPort, kOtherMap}}, {},
           {{kMap, {.targets = {kBackend}}}, {kOtherMap, {.targets = {kOtherBackend}}}});
  EXPECT_TRUE(set->has_service(kService));
  EXPECT_EQ(set->endpoints(), 2U);
}

TEST(LinkServices, AServiceThatIsRefusedHasNoEndpoints) {
  const auto set = link({{kService, 0}}, {}, {}, {});
  EXPECT_TRUE(set->has_service(kService));
  EXPECT_EQ(set->endpoints(), 0U);
}

TEST(LinkServices, WhatIsNotUnderstoodIsNoService) {
  const EndpointMap good{.targets = {kBackend}};
  struct Case {
    const char* what;
    Choices choices;
    Endpoints endpoints;
    EndpointMaps maps;
  };
  const std::vector<Case> cases{
      {"no chain chooses", {}, {}, {{kMap, good}}},
      {"its rule has no map", {{kPort, 0}}, {}, {{kMap, good}}},
      {"one of its rules has none", {{kPort, kMap}, {kPort, 0}}, {}, {{kMap, good}}},
      {"the map is not known", {{kPort, kOtherMap}}, {}, {{kMap, good}}},
      {"an element was not understood", {{kPort, kMap}}, {}, {{kMap, {{kBackend}, false, false}}}},
      {"a chain is not there", {{kPort, kMap}}, {}, {{kMap, {{kChain}, true}}}},
      {"a chain leads nowhere", {{kPort, kMap}}, {{kChain, 0}}, {{kMap, {{kChain}, true}}}},
  };
  for (const Case& each : cases) {
    EXPECT_FALSE(
        link({{kService, kPort}}, each.choices, each.endpoints, each.maps)->has_service(kService))
        << each.what;
    // Nor where some of its traffic is refused.
    EXPECT_FALSE(link({{kService, kPort}, {kService, 0}}, each.choices, each.endpoints, each.maps)
                     ->has_service(kService))
        << each.what;
  }
}

}  // namespace
}  // namespace kubecliff::nftables
