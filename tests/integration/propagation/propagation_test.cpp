// Propagation, against rules that the test programs when it wants to.
#include "collectors/propagation/propagation.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/propagation/move.h"
#include "tests/integration/propagation/node.h"
#include "tests/support/api_stand_in.h"
#include "tests/support/descriptors.h"
#include "tests/support/evented_collector.h"
#include "tests/support/network_namespace.h"
#include "tests/support/run_tool.h"

namespace kubecliff::propagation {
namespace {

using namespace std::chrono_literals;
using namespace kubecliff::test;
using testing::HasSubstr;

class PropagationTest : public NetworkNamespaceTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(NetworkNamespaceTest::SetUp());
    if (IsSkipped()) {
      return;
    }
    begin(Family::ipv4);
  }

  void begin(Family family, std::map<std::string, OptionValue> more = {}) {
    family_ = family;
    node_.emplace(family);
    server_.emplace();
    more.merge(std::map<std::string, OptionValue>{
        {"propagation.api-server", server_->url()},
        {"propagation.credentials", server_->credentials().string()},
        {"propagation.families", std::string{name()}},
        {"propagation.reconnect-spread", Duration{20}}});
    collector_.emplace(propagation::spec(), "kubecliff_propagation_", more);
    // The first move is heard of late.
    node_->answer(port(), generation_);
    write(Turn{});
    ASSERT_TRUE(collector_->run_until(
        10s, [&] { return at("waiting_seconds") == 0 && server_->watches() == 1; }));
    collector_->run_for(1'100ms);
  }

  std::string_view name() const { return family_ == Family::ipv4 ? "ipv4" : "ipv6"; }
  double at(const std::string& figure, const std::string& result = "") {
    return collector_->at(figure + "{" + std::string{name()} + (result.empty() ? "" : ",") +
                          result + "}");
  }

  std::uint16_t port() const {
    return static_cast<std::uint16_t>(Node::kFirstPort + generation_ % Node::kPorts);
  }
  std::string object() const {
    return server_->slices() + "/" +
           slice_name("kubecliff-canary",
                      family_ == Family::ipv4 ? AddressFamily::ipv4 : AddressFamily::ipv6);
  }

  // As the canary does; when the API server knew.
  Clock::time_point write(const Turn& turn) {
    const Move move{.generation = generation_,
                    .written = std::chrono::system_clock::now().time_since_epoch(),
                    .service = node_->service(),
                    .turn = turn};
    server_->put(object(), {{"metadata", {{"annotations", encode(move)}}}});
    return Clock::now();
  }
  Clock::time_point move(const Turn& turn = {}) {
    ++generation_;
    node_->answer(port(), generation_);
    return write(turn);
  }

  // A move that is routed so much later, by another thread, as kube-proxy would; how long that was
  // at least and at most, in seconds.
  std::pair<double, double> move_and_route(Way way, std::chrono::milliseconds delay) {
    const Clock::time_point moved = move();
    auto kube_proxy = std::async(std::launch::async, [this, way, moved, delay] {
      std::this_thread::sleep_until(moved + delay);
      return node_->route(way, port());
    });
    const double before = at("seconds_count");
    EXPECT_TRUE(collector_->run_until(delay + 10s, [&] { return at("seconds_count") > before; }));
    const Node::Routed routed = kube_proxy.get();
    return {Seconds{routed.after - moved}.count(), Seconds{routed.before - moved}.count()};
  }

  // Of the last move, within what it took to program it, 5 ms and one pause between connections.
  void expect_measured(Way way, std::chrono::milliseconds delay) {
    SCOPED_TRACE(delay.count());
    const double before = at("seconds_sum");
    const auto [least, most] = move_and_route(way, delay);
    const double measured = at("seconds_sum") - before;
    EXPECT_GE(measured, least - 0.005);
    EXPECT_LE(measured, most + 0.005 + std::max(0.005, most / 10));
    RecordProperty("measured_ms_of_" + std::to_string(delay.count()),
                   std::to_string(measured * 1'000));
  }

  using Seconds = std::chrono::duration<double>;
  Family family_ = Family::ipv4;
  std::uint64_t generation_ = 7;
  std::optional<Node> node_;
  std::optional<ApiStandIn> server_;
  std::optional<EventedCollector> collector_;
};

class PropagationOf : public PropagationTest, public testing::WithParamInterface<Way> {};

TEST_P(PropagationOf, IsMeasuredToFiveMillisecondsAndAPause) {
  node_->route(GetParam(), port());
  for (const auto delay : {0ms, 50ms, 1'000ms}) {
    expect_measured(GetParam(), delay);
  }
  EXPECT_EQ(at("moves_total", "measured"), 3);
  EXPECT_EQ(at("moves_total", "late"), 0);
  EXPECT_EQ(at("since_write_seconds_count"), 3);
  EXPECT_NEAR(at("since_write_seconds_sum"), at("seconds_sum"), 0.05);
  collector_->run_for(1'500ms);
  EXPECT_EQ(at("settling_connections_total", "old"), 0);
  EXPECT_EQ(at("settling_connections_total", "nothing"), 0);
  EXPECT_GT(at("settling_connections_total", "new"), 0);
  EXPECT_EQ(at("connections_total"), static_cast<double>(node_->accepted()));
  EXPECT_EQ(collector_->why(), "");
}

INSTANTIATE_TEST_SUITE_P(, PropagationOf,
                         testing::Values(Way::iptables_legacy, Way::iptables_nft, Way::nftables),
                         [](const auto& way) {
                           return way.param == Way::iptables_legacy ? "IptablesLegacy"
                                  : way.param == Way::iptables_nft  ? "IptablesNft"
                                                                    : "Nftables";
                         });

TEST_F(PropagationTest, IpvsIsMeasuredLikewise) {
  node_->route(Way::ipvs, port());
  // The emulator is slow, and ipvsadm takes its time to start: what it took is known to the test.
  for (const auto delay : {50ms, 1'000ms}) {
    expect_measured(Way::ipvs, delay);
  }
}

class PropagationOverIpv6Test : public PropagationTest {
 protected:
  void SetUp() override {
    NetworkNamespaceTest::SetUp();
    if (!IsSkipped()) {
      begin(Family::ipv6);
    }
  }
};

TEST_F(PropagationOverIpv6Test, IsMeasuredLikewise) {
  node_->route(Way::nftables, port());
  expect_measured(Way::nftables, 50ms);
}

class PropagationWithABoundTest : public PropagationTest {
 protected:
  void SetUp() override {
    NetworkNamespaceTest::SetUp();
    if (!IsSkipped()) {
      begin(Family::ipv4, {{"propagation.timeout", Duration{1'000}}});
    }
  }
};

TEST_F(PropagationWithABoundTest, WhatIsNeverRoutedIsGivenUp) {
  node_->route(Way::iptables_nft, port());
  move();
  ASSERT_TRUE(collector_->run_until(5s, [&] { return at("moves_total", "timeout") == 1; }));
  EXPECT_EQ(at("waiting_seconds"), 0);
  EXPECT_EQ(at("seconds_count"), 0);
  const double connections = at("connections_total");
  collector_->run_for(500ms);
  EXPECT_EQ(at("connections_total"), connections);
  EXPECT_EQ(collector_->why(), "");
}

TEST_F(PropagationTest, AMoveThatIsNotRoutedShowsWhileItLasts) {
  node_->route(Way::iptables_nft, port());
  move();
  collector_->run_for(1'000ms);
  EXPECT_NEAR(at("waiting_seconds"), 1, 0.3);
  EXPECT_EQ(at("seconds_count"), 0);
  const double connections = at("connections_total");
  EXPECT_GE(connections, 10);
  EXPECT_LE(connections, 50);
  // Another move; the node routes neither, then both.
  move();
  collector_->run_for(500ms);
  EXPECT_NEAR(at("waiting_seconds"), 1.5, 0.4);
  node_->route(Way::iptables_nft, port());
  ASSERT_TRUE(collector_->run_until(5s, [&] { return at("seconds_count") == 2; }));
  EXPECT_EQ(at("waiting_seconds"), 0);
}

TEST_F(PropagationTest, AnEventThatComesLateIsMeasuredFromThenOn) {
  server_->delay_events(300ms);
  move();
  node_->route(Way::iptables_nft, port());
  ASSERT_TRUE(collector_->run_until(5s, [&] { return at("seconds_count") == 1; }));
  EXPECT_LT(at("seconds_sum"), 0.02);
  EXPECT_GE(at("since_write_seconds_sum"), 0.29);
}

TEST_F(PropagationTest, ACanaryThatFlapsLeavesNothingBehind) {
  node_->route(Way::iptables_nft, port());
  const std::size_t before = open_descriptors();
  const std::uint64_t calls = collector_->calls();
  constexpr int kMoves = 10'000;
  for (int i = 0; i < kMoves; ++i) {
    move();
    if (i % 100 == 0) {
      collector_->run_for(1ms);
    }
  }
  node_->route(Way::iptables_nft, port());
  ASSERT_TRUE(collector_->run_until(
      30s, [&] { return at("moves_total", "measured") + at("moves_total", "timeout") == kMoves; }));
  EXPECT_EQ(at("waiting_seconds"), 0);
  // At most one for each move, and those that are to see whether all is settled.
  EXPECT_LE(at("connections_total"), kMoves + 100);
  EXPECT_LE(collector_->calls() - calls, 10 * kMoves);
  collector_->run_for(2s);
  EXPECT_LE(open_descriptors(), before + 2);
  EXPECT_EQ(collector_->why(), "");
}

TEST_F(PropagationTest, OnlyThoseWhoseTurnItIsMeasure) {
  node_->route(Way::iptables_nft, port());
  const std::uint64_t before = node_->accepted();
  move(Turn{.from = 0, .size = 0});
  ASSERT_TRUE(collector_->run_until(5s, [&] { return at("moves_total", "not_chosen") == 1; }));
  collector_->run_for(300ms);
  EXPECT_EQ(node_->accepted(), before);
  EXPECT_EQ(at("waiting_seconds"), 0);
}

TEST_F(PropagationTest, WithoutTheApiServerNothingIsClaimedAndItComesBack) {
  node_->route(Way::iptables_nft, port());
  server_->stop();
  ASSERT_TRUE(collector_->run_until(5s, [&] { return !collector_->why().empty(); }));
  EXPECT_EQ(at("waiting_seconds"), -1) << "not known";
  move();
  node_->route(Way::iptables_nft, port());
  server_->start();
  ASSERT_TRUE(collector_->run_until(10s, [&] { return at("moves_total", "late") == 1; }));
  ASSERT_TRUE(collector_->run_until(10s, [&] { return server_->watches() == 1; }));
  EXPECT_EQ(at("seconds_count"), 0);
  collector_->run_for(1'100ms);
  EXPECT_EQ(collector_->why(), "");
  expect_measured(Way::iptables_nft, 50ms);
}

TEST_F(PropagationTest, ACanaryThatGoesIsSaidAndOneThatBeginsAnewIsFollowed) {
  node_->route(Way::iptables_nft, port());
  server_->remove(object());
  ASSERT_TRUE(collector_->run_until(5s, [&] { return !collector_->why().empty(); }));
  EXPECT_THAT(collector_->why(), HasSubstr("kubecliff canary"));
  EXPECT_EQ(at("waiting_seconds"), -1);
  generation_ = 0;
  expect_measured(Way::iptables_nft, 50ms);
  EXPECT_EQ(collector_->why(), "");
}

TEST_F(PropagationTest, ASliceThatSomebodySpoiledIsSaid) {
  server_->put(object(), {{"metadata", {{"annotations", {{"kubecliff.io/generation", "x"}}}}}});
  ASSERT_TRUE(collector_->run_until(5s, [&] { return !collector_->why().empty(); }));
  EXPECT_THAT(collector_->why(), HasSubstr("kubecliff.io/generation"));
}

TEST_F(PropagationTest, AServiceThatSwallowsPacketsHoldsNothingUp) {
  must_run({"iptables-nft", "-t", "raw", "-A", "OUTPUT", "-d", "10.96.0.77", "-j", "DROP"});
  // Before and after the kernel sends a first packet again.
  for (const auto delay : {300ms, 1'000ms}) {
    SCOPED_TRACE(delay.count());
    const double before = at("seconds_sum");
    const double count = at("seconds_count");
    const Clock::time_point moved = move();
    collector_->run_for(delay);
    const auto routed = node_->route(Way::iptables_nft, port());
    must_run({"iptables-nft", "-t", "raw", "-F", "OUTPUT"});
    const double most = Seconds{Clock::now() - moved}.count();
    ASSERT_TRUE(collector_->run_until(5s, [&] { return at("seconds_count") > count; }));
    EXPECT_GE(at("seconds_sum") - before, Seconds{routed.before - moved}.count() - 0.005);
    EXPECT_LE(at("seconds_sum") - before, most + 0.005 + 0.1 * most);
    must_run({"iptables-nft", "-t", "raw", "-A", "OUTPUT", "-d", "10.96.0.77", "-j", "DROP"});
  }
}

}  // namespace
}  // namespace kubecliff::propagation
