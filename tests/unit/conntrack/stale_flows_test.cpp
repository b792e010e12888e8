#include "collectors/conntrack/stale_flows.h"

#include <netinet/in.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/service_keys.h"

namespace kubecliff::conntrack {
namespace {

using namespace std::chrono_literals;
using test::address_bytes;
using ::testing::Optional;
using Counts = StaleFlows::Counts;
using Source = ServiceEndpoints::Source;

struct Peer {
  std::string_view address;
  std::uint16_t port = 80;
};

constexpr Peer kService{"10.96.0.1"};
constexpr Peer kService6{"fd00:96::1"};
constexpr std::uint16_t kNodePort = 30'080;
constexpr Peer kFirst{"10.0.0.1", 8080};
constexpr Peer kSecond{"10.0.0.2", 8080};

std::uint64_t key_of(Peer service, std::uint8_t protocol = IPPROTO_UDP) {
  return service_key(protocol, address_bytes(service.address), service.port);
}
std::uint64_t node_port(std::uint8_t protocol = IPPROTO_UDP) {
  return node_port_key(protocol, sizeof(in_addr), kNodePort);
}
std::uint64_t backend_of(Peer peer) {
  return backend_key(address_bytes(peer.address), peer.port);
}

// What a ruleset would tell.
struct Ruleset {
  std::vector<std::uint64_t> services;
  std::vector<std::uint64_t> endpoints = {};

  Ruleset& add(std::uint64_t service, const std::vector<Peer>& peers) {
    services.push_back(service);
    for (const Peer& peer : peers) {
      endpoints.push_back(endpoint_key(service, backend_of(peer)));
    }
    return *this;
  }
};

class StaleFlowsTest : public ::testing::Test {
 protected:
  void tell(EndpointTeller& teller, const Ruleset& ruleset) {
    teller.tell(endpoints_->begin(now_),
                std::make_shared<const EndpointSet>(ruleset.services, ruleset.endpoints));
  }
  void tell(const Ruleset& ruleset) { tell(nft_, ruleset); }
  void confirm() { nft_.confirm(endpoints_->begin(now_)); }

  struct Translated {
    Peer to;
    Peer by;
    std::uint8_t protocol = IPPROTO_UDP;
    bool zoned = false;
  };
  void dump(const std::vector<Translated>& flows) {
    stale_.begin_dump(now_);
    for (const Translated& flow : flows) {
      const auto to = address_bytes(flow.to.address);
      const auto by = address_bytes(flow.by.address);
      stale_.add({.flow_class = {},
                  .protocol = flow.protocol,
                  .zoned = flow.zoned,
                  .original = {.destination = to, .destination_port = flow.to.port},
                  .reply = {.source = by, .source_port = flow.by.port}});
    }
    stale_.end_dump();
  }
  // What a dump of these flows comes to, once the ruleset was looked at again.
  std::optional<Counts> judged(const std::vector<Translated>& flows) {
    dump(flows);
    confirm();
    EXPECT_TRUE(stale_.judge(now_));
    return stale_.counts(now_);
  }

  Clock::time_point now_ = Clock::time_point{} + 1h;
  std::shared_ptr<ServiceEndpoints> endpoints_ = std::make_shared<ServiceEndpoints>();
  EndpointTeller nft_{endpoints_, Source::iptables_nft, 0};
  EndpointTeller legacy_{endpoints_, Source::iptables_legacy, 0};
  StaleFlows stale_{endpoints_};
};

TEST_F(StaleFlowsTest, AFlowToWhatIsNoEndpointAnyMoreIsCounted) {
  tell(Ruleset{}.add(key_of(kService), {kFirst}).add(key_of(kService, IPPROTO_TCP), {kFirst}));
  EXPECT_THAT(judged({{.to = kService, .by = kFirst},
                      {.to = kService, .by = kSecond},
                      {.to = kService, .by = kSecond},
                      {.to = kService, .by = {kFirst.address, 9'090}},
                      {.to = kService, .by = kSecond, .protocol = IPPROTO_TCP}}),
              Optional(Counts{1, 3, 0}));
}

TEST_F(StaleFlowsTest, OneThatIsNewAndOfUdpIsTheExample) {
  tell(Ruleset{}.add(key_of(kService), {kFirst}).add(key_of(kService, IPPROTO_TCP), {kFirst}));
  std::ignore = judged(
      {{.to = kService, .by = kFirst}, {.to = kService, .by = kSecond, .protocol = IPPROTO_TCP}});
  EXPECT_EQ(stale_.example(), std::nullopt);
  std::ignore = judged({{.to = kService, .by = kSecond}});
  EXPECT_THAT(stale_.example(),
              Optional(::testing::ContainsRegex("^udp .* dst=10.96.0.1 .* src=10.0.0.2 ")));
  // Said once.
  std::ignore = judged({{.to = kService, .by = kSecond}, {.to = kService, .by = kSecond}});
  EXPECT_EQ(stale_.example(), std::nullopt);
}

// What came between the rulesets and the flows is no example either.
TEST_F(StaleFlowsTest, ACandidateThatProvesGoodIsNoExample) {
  tell(Ruleset{}.add(key_of(kService), {kFirst}));
  dump({{.to = kService, .by = kSecond}, {.to = kService, .by = {"10.0.0.3"}}});
  tell(Ruleset{}.add(key_of(kService), {kFirst, kSecond}));
  EXPECT_TRUE(stale_.judge(now_));
  EXPECT_THAT(stale_.example(), Optional(::testing::HasSubstr(" src=10.0.0.3 ")));
}

TEST_F(StaleFlowsTest, AServiceWithoutEndpointsHasNoneLeft) {
  tell(Ruleset{}.add(key_of(kService, IPPROTO_SCTP), {}));
  EXPECT_THAT(judged({{.to = kService, .by = kFirst, .protocol = IPPROTO_SCTP}}),
              Optional(Counts{0, 0, 1}));
}

TEST_F(StaleFlowsTest, NodePortsAreAServiceAtAnyAddress) {
  tell(Ruleset{}.add(key_of(kService), {kFirst}).add(node_port(), {kFirst}));
  EXPECT_THAT(judged({{.to = {"192.0.2.1", kNodePort}, .by = kFirst},
                      {.to = {"192.0.2.1", kNodePort}, .by = kSecond},
                      {.to = {"192.0.2.1", kNodePort}, .by = kSecond, .protocol = IPPROTO_TCP},
                      {.to = {"fd00::1", kNodePort}, .by = {"fd00::2"}}}),
              Optional(Counts{0, 1, 0}));
}

TEST_F(StaleFlowsTest, WhatIsNotAServicesTranslationIsNotJudged) {
  tell(Ruleset{}.add(key_of(kService), {kFirst}));
  EXPECT_THAT(judged({{.to = {"192.0.2.1"}, .by = kSecond},  // somebody's DNAT, or a Service gone
                      {.to = kSecond, .by = kSecond},        // straight to a pod
                      {.to = kService, .by = kService},      // nothing translated it
                      {.to = kService6, .by = {"fd00:10::1"}},  // of a family without a ruleset
                      {.to = kService, .by = {"fd00:10::1"}},   // from one family to the other
                      {.to = kService, .by = kSecond, .protocol = IPPROTO_ICMP},
                      {.to = kService, .by = kSecond, .zoned = true}}),
              Optional(Counts{0, 0, 0}));
}

TEST_F(StaleFlowsTest, AnEndpointOfAnyRulesetIsOne) {
  tell(Ruleset{}.add(key_of(kService), {kFirst}));
  tell(legacy_, Ruleset{}.add(key_of(kService), {kSecond}));
  dump({{.to = kService, .by = kFirst}, {.to = kService, .by = kSecond}});
  EXPECT_TRUE(stale_.judge(now_));
  EXPECT_THAT(stale_.counts(now_), Optional(Counts{}));
}

TEST_F(StaleFlowsTest, FamiliesAreToldApart) {
  EndpointTeller ipv6{endpoints_, Source::iptables_nft, 1};
  tell(Ruleset{}.add(key_of(kService), {kFirst}));
  tell(ipv6, Ruleset{}.add(key_of(kService6), {{"fd00:10::1"}}));
  dump({{.to = kService6, .by = {"fd00:10::1"}}, {.to = kService6, .by = {"fd00:10::2"}}});
  confirm();
  EXPECT_FALSE(stale_.judge(now_));
  ipv6.confirm(endpoints_->begin(now_));
  EXPECT_TRUE(stale_.judge(now_));
  EXPECT_THAT(stale_.counts(now_), Optional(Counts{0, 1, 0}));
}

TEST_F(StaleFlowsTest, AnEndpointAddedBetweenRulesetAndDumpIsNotCounted) {
  tell(Ruleset{}.add(key_of(kService), {kFirst}));
  const ServiceEndpoints::Look before = endpoints_->begin(now_);
  dump({{.to = kService, .by = kSecond}});
  EXPECT_FALSE(stale_.judge(now_));
  // A look that began before the dump had ended proves nothing.
  nft_.confirm(before);
  EXPECT_FALSE(stale_.judge(now_));
  tell(Ruleset{}.add(key_of(kService), {kFirst, kSecond}));
  EXPECT_TRUE(stale_.judge(now_));
  EXPECT_THAT(stale_.counts(now_), Optional(Counts{}));
  EXPECT_FALSE(stale_.judge(now_));
}

TEST_F(StaleFlowsTest, AServiceGoneMeanwhileIsNotJudged) {
  tell(Ruleset{}.add(key_of(kService), {kFirst}).add(node_port(), {kFirst}));
  dump({{.to = kService, .by = kSecond}});
  tell(Ruleset{}.add(node_port(), {kFirst}));
  EXPECT_TRUE(stale_.judge(now_));
  EXPECT_THAT(stale_.counts(now_), Optional(Counts{}));
}

TEST_F(StaleFlowsTest, EveryRulesetMustHaveBeenLookedAt) {
  tell(Ruleset{}.add(key_of(kService), {kFirst}));
  tell(legacy_, Ruleset{});
  dump({{.to = kService, .by = kSecond}});
  confirm();
  EXPECT_FALSE(stale_.judge(now_));
  legacy_.presume(endpoints_->begin(now_));
  EXPECT_FALSE(stale_.judge(now_));
  legacy_.confirm(endpoints_->begin(now_));
  EXPECT_TRUE(stale_.judge(now_));
  EXPECT_THAT(stale_.counts(now_), Optional(Counts{0, 1, 0}));
}

TEST_F(StaleFlowsTest, ALookIsAskedForOnceForEachNewPairOfServiceAndBackend) {
  tell(legacy_, Ruleset{}.add(key_of(kService), {kFirst}));
  const auto asked = [&] {
    return endpoints_->asked_for_look_after(
        endpoints_->all()[ServiceEndpoints::index(Source::iptables_legacy, 0)].ticket);
  };
  dump({{.to = kService, .by = kFirst}});
  EXPECT_FALSE(asked());
  EXPECT_TRUE(stale_.judge(now_));
  dump({{.to = kService, .by = kSecond}});
  EXPECT_TRUE(asked());
  EXPECT_FALSE(stale_.judge(now_));
  legacy_.confirm(endpoints_->begin(now_));
  EXPECT_TRUE(stale_.judge(now_));

  // By the same set it is stale still.
  dump({{.to = kService, .by = kSecond}, {.to = kService, .by = kSecond}});
  EXPECT_FALSE(asked());
  EXPECT_TRUE(stale_.judge(now_));
  EXPECT_THAT(stale_.counts(now_), Optional(Counts{0, 2, 0}));
  // By another it has to be seen.
  tell(legacy_, Ruleset{}.add(key_of(kService), {kFirst}));
  dump({{.to = kService, .by = kSecond}});
  EXPECT_FALSE(stale_.judge(now_));
}

TEST_F(StaleFlowsTest, CandidatesWaitAndNoDumpTakesTheirPlace) {
  tell(Ruleset{}.add(key_of(kService), {kFirst}));
  dump({{.to = kService, .by = kSecond}});
  now_ += 1min;
  dump({});
  confirm();
  EXPECT_TRUE(stale_.judge(now_));
  EXPECT_THAT(stale_.counts(now_), Optional(Counts{0, 1, 0}));
  now_ += StaleFlows::kPatience;
  EXPECT_EQ(stale_.counts(now_), std::nullopt);
}

TEST_F(StaleFlowsTest, NothingIsServedWhereWhoToldIsAway) {
  tell(Ruleset{}.add(key_of(kService), {kFirst}));
  EXPECT_THAT(judged({}), Optional(Counts{}));
  now_ += StaleFlows::kPatience;
  dump({});
  EXPECT_FALSE(stale_.judge(now_));
  EXPECT_EQ(stale_.counts(now_), std::nullopt);
  now_ += StaleFlows::kPatience;  // its candidates are given up
  tell(Ruleset{}.add(key_of(kService), {kFirst}));
  EXPECT_THAT(judged({{.to = kService, .by = kSecond}}), Optional(Counts{0, 1, 0}));
}

TEST_F(StaleFlowsTest, WithoutAServiceNothingIsServedAndTheFirstOneCallsForADump) {
  dump({{.to = kService, .by = kSecond}});
  EXPECT_TRUE(stale_.judge(now_));
  EXPECT_EQ(stale_.counts(now_), std::nullopt);
  tell(Ruleset{});
  EXPECT_FALSE(stale_.has_learned_services());
  tell(Ruleset{}.add(key_of(kService), {kFirst}));
  EXPECT_TRUE(stale_.has_learned_services());
  EXPECT_THAT(judged({{.to = kService, .by = kSecond}}), Optional(Counts{0, 1, 0}));
  EXPECT_FALSE(stale_.has_learned_services());
  nft_.withdraw();
  dump({});
  EXPECT_TRUE(stale_.judge(now_));
  EXPECT_EQ(stale_.counts(now_), std::nullopt);
}

TEST_F(StaleFlowsTest, PairsPastTheMostAreLeftOutAndItIsSaid) {
  tell(Ruleset{}.add(key_of(kService), {}));
  std::vector<Translated> flows;
  for (std::size_t i = 0; i <= StaleFlows::kMostCandidates; ++i) {
    flows.push_back(
        {.to = kService,
         .by = {i < 60'000 ? "10.0.0.1" : "10.0.0.2", static_cast<std::uint16_t>(1 + i % 60'000)}});
  }
  flows.push_back(flows.front());
  EXPECT_THAT(judged(flows), Optional(Counts{0, StaleFlows::kMostCandidates + 1, 0}));
  EXPECT_TRUE(stale_.overflowed());
  EXPECT_THAT(judged({}), Optional(Counts{}));
  EXPECT_FALSE(stale_.overflowed());
}

}  // namespace
}  // namespace kubecliff::conntrack
