// The canary against an API server's stand-in, and nodes that follow it.
#include "collectors/canary/canary.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/socket_address.h"
#include "collectors/kube/endpoint_slice.h"
#include "collectors/propagation/move.h"
#include "collectors/propagation/propagation.h"
#include "tests/support/api_stand_in.h"
#include "tests/support/evented_collector.h"
#include "tests/support/network_namespace.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::canary {
namespace {

using namespace std::chrono_literals;
using namespace kubecliff::test;
using testing::HasSubstr;

constexpr std::int64_t kFirstPort = 10'300;

class CanaryTest : public NetworkNamespaceTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(NetworkNamespaceTest::SetUp());
    if (!IsSkipped()) {
      server_.emplace();
      server_->put(kService,
                   {{"metadata", {{"name", "kubecliff-canary"}}},
                    {"spec",
                     {{"clusterIP", "10.96.0.77"},
                      {"clusterIPs", {"10.96.0.77", "fd00:96::77"}},
                      {"ports", ApiStandIn::Json::array(
                                    {{{"name", "echo"}, {"port", 80}, {"protocol", "TCP"}}})}}}});
    }
  }

  std::unique_ptr<EventedCollector> canary(const std::string& identity, std::int64_t first_port,
                                           const std::string& addresses = "127.0.0.1,::1",
                                           Duration interval = Duration{100}) {
    return std::make_unique<EventedCollector>(
        canary::spec(), "kubecliff_canary_",
        std::map<std::string, OptionValue>{{"canary.api-server", server_->url()},
                                           {"canary.credentials", server_->credentials().string()},
                                           {"canary.addresses", addresses},
                                           {"canary.identity", identity},
                                           {"canary.port", first_port},
                                           {"canary.interval", interval}});
  }

  std::string slice(const std::string& family) const {
    return server_->slices() + "/kubecliff-canary-" + family;
  }
  std::optional<propagation::Move> written(const std::string& family) const {
    const auto object = server_->get(slice(family));
    if (!object) {
      return std::nullopt;
    }
    const auto read = kube::decode_slice(object->dump());
    const auto move = propagation::decode_move(read->annotations);
    return move ? std::optional{*move} : std::nullopt;
  }

  static constexpr const char* kService = "/api/v1/namespaces/tests/services/kubecliff-canary";
  static constexpr const char* kLease =
      "/apis/coordination.k8s.io/v1/namespaces/tests/leases/kubecliff-canary";
  std::optional<ApiStandIn> server_;
};

TEST_F(CanaryTest, MovesTheEndpointOfEachFamilyFromPortToPort) {
  const auto moving = canary("a", kFirstPort);
  ASSERT_TRUE(moving->run_until(10s, [&] { return moving->at("moves_total") >= 5; }));
  EXPECT_EQ(moving->why(), "");
  EXPECT_EQ(moving->at("leader"), 1);

  for (const std::string family : {"ipv4", "ipv6"}) {
    const auto move = written(family);
    ASSERT_TRUE(move);
    EXPECT_EQ(static_cast<double>(move->generation), moving->at("generation"));
    EXPECT_EQ(move->service, family == "ipv4" ? "10.96.0.77:80" : "[fd00:96::77]:80");
    const auto object = *server_->get(slice(family));
    EXPECT_EQ(object["addressType"], family == "ipv4" ? "IPv4" : "IPv6");
    EXPECT_EQ(object["ports"][0]["port"],
              kFirstPort + static_cast<std::int64_t>(move->generation % 24));
    EXPECT_EQ(object["ports"][0]["name"], "echo");
    EXPECT_EQ(object["endpoints"][0]["addresses"][0], family == "ipv4" ? "127.0.0.1" : "::1");
    EXPECT_EQ(object["metadata"]["labels"]["kubernetes.io/service-name"], "kubecliff-canary");
  }
  const auto lease = *server_->get(kLease);
  EXPECT_EQ(lease["spec"]["holderIdentity"], "a");
}

TEST_F(CanaryTest, OfTwoOnlyTheOneThatHoldsTheLeaseMoves) {
  const auto first = canary("a", kFirstPort);
  ASSERT_TRUE(first->run_until(10s, [&] { return first->at("moves_total") >= 1; }));
  const auto second = canary("b", kFirstPort + 100);
  second->run_for(500ms);
  EXPECT_EQ(second->at("leader"), 0);
  EXPECT_EQ(second->at("moves_total"), 0);
  EXPECT_EQ(second->why(), "");
  EXPECT_EQ((*server_->get(kLease))["spec"]["holderIdentity"], "a");
}

TEST_F(CanaryTest, GoesOnWhereAnotherEnded) {
  const propagation::Move last{.generation = 50,
                               .written = 1s,
                               .service = "10.96.0.77:80",
                               .turn = {.from = 0x4000'0000, .size = 0x1000}};
  server_->put(slice("ipv4"), {{"metadata", {{"annotations", propagation::encode(last)}}}});
  const auto next = canary("a", kFirstPort, "127.0.0.1", 60s);
  ASSERT_TRUE(next->run_until(10s, [&] { return next->at("moves_total") >= 1; }));
  const auto move = written("ipv4");
  ASSERT_TRUE(move);
  EXPECT_EQ(move->generation, 51U);
  // What came to the other one is not known, so as many as last time.
  EXPECT_EQ(move->turn, (propagation::Turn{.from = 0x4000'1000, .size = 0x1000}));
}

TEST_F(CanaryTest, WhatIsWrongIsSaidAndOvercome) {
  const auto moving = canary("a", kFirstPort);
  ASSERT_TRUE(moving->run_until(10s, [&] { return moving->at("moves_total") >= 1; }));

  server_->answer_all_with(503);
  ASSERT_TRUE(moving->run_until(10s, [&] { return !moving->why().empty(); }));
  EXPECT_THAT(moving->why(), HasSubstr("503"));
  server_->answer_all_with(0);
  ASSERT_TRUE(moving->run_until(20s, [&] { return moving->why().empty(); }));

  // Another client writes between what it reads and what it writes.
  const double moves = moving->at("moves_total");
  for (int i = 0; i < 50; ++i) {
    server_->put(slice("ipv4"), *server_->get(slice("ipv4")));
    moving->run_for(5ms);
  }
  ASSERT_TRUE(moving->run_until(
      20s, [&] { return moving->why().empty() && moving->at("moves_total") > moves; }));

  auto service = *server_->get(kService);
  service["spec"]["selector"] = {{"app", "x"}};
  server_->put(kService, service);
  ASSERT_TRUE(moving->run_until(10s, [&] { return !moving->why().empty(); }));
  EXPECT_THAT(moving->why(), HasSubstr("selector"));
}

TEST_F(CanaryTest, WhatCannotBeginSaysWhy) {
  const auto why = [&](const std::string& addresses, std::int64_t port) -> std::string {
    try {
      (void)canary("a", port, addresses);
    } catch (const std::exception& error) {
      return error.what();
    }
    return {};
  };
  EXPECT_THAT(why("", kFirstPort), HasSubstr("POD_IPS"));
  EXPECT_THAT(why("127.0.0.1", 65'530), HasSubstr("65535"));
  const auto first = canary("a", kFirstPort);
  EXPECT_THAT(why("127.0.0.1", kFirstPort), HasSubstr("port 10300"));
}

}  // namespace
}  // namespace kubecliff::canary
