// The collector against this machine's kernel, each test in a network namespace of its own.
#include "collectors/traversal/traversal.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/iptables/iptables.h"
#include "collectors/traversal/probe.h"
#include "tests/support/figures.h"
#include "tests/support/network_namespace.h"
#include "tests/support/result_matchers.h"
#include "tests/support/ruleset.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kFlows = 32;
constexpr auto kNew = "floor_seconds{ipv4,new}";

// The collector and what its last round served.
class Traversal {
 public:
  // One round.
  void refresh() {
    Samples samples;
    EXPECT_THAT(collector_->refresh({}, samples), has_value());
    misses_ = samples.misses();
    figures_ = figures_of(samples, "kubecliff_traversal_");
  }

  [[nodiscard]] const std::vector<Error>& misses() const { return misses_; }
  [[nodiscard]] const Figures& figures() const { return figures_; }
  // NaN where there is no such series.
  [[nodiscard]] double at(const std::string& series) const {
    const auto found = figures_.find(series);
    return found == figures_.end() ? std::nan("") : found->second;
  }

 private:
  std::unique_ptr<Collector> collector_ =
      *traversal::spec().make({.options = Options{{{"traversal.flows", kFlows}}}});
  std::vector<Error> misses_;
  Figures figures_;
};

// Whether as many rules more cost at least half of what the first ones did, wherever one stands.
// They cost far more from where the rules outgrow what a processor's cache has left for them.
bool every_rule_is_paid_for(const std::vector<double>& rules, const std::vector<double>& costs) {
  const double first = (costs[1] - costs[0]) / (rules[1] - rules[0]);
  for (std::size_t i = 1; i < rules.size(); ++i) {
    const double more = (costs[i] - costs[i - 1]) / (rules[i] - rules[i - 1]);
    if (first <= 0 || more < first / 2) {
      return false;
    }
  }
  return true;
}

class TraversalTest : public NetworkNamespaceTest {};

TEST_F(TraversalTest, WithoutRulesNothingIsTrackedAndNoFlowIsNew) {
  Traversal traversal;
  traversal.refresh();
  EXPECT_THAT(traversal.misses(), IsEmpty());
  for (const std::string family : {"ipv4", "ipv6"}) {
    EXPECT_EQ(traversal.at("state{" + family + ",untracked}"), 1);
    EXPECT_FALSE(traversal.figures().contains("floor_seconds{" + family + ",new}"));
    EXPECT_GT(traversal.at("floor_seconds{" + family + ",established}"), 0);
  }
}

TEST_F(TraversalTest, ProbesAreTakenOutOfTheTableAgain) {
  for (const Family family : kFamilies) {
    ASSERT_THAT(restore(Backend::nft, family, Ruleset{plain(10, 1, family)}.restore_input()),
                has_value());
  }
  Traversal traversal;
  for (int round = 0; round < 2; ++round) {
    traversal.refresh();
    EXPECT_THAT(traversal.misses(), IsEmpty());
  }
  for (const std::string family : {"ipv4", "ipv6"}) {
    EXPECT_EQ(traversal.at("state{" + family + ",tracked}"), 1);
    EXPECT_EQ(traversal.at("seconds_count{" + family + ",new}"), 2 * kFlows);
    const auto listed = conntrack({"-L", "-p", "udp", "-f", family});
    ASSERT_THAT(listed, has_value());
    EXPECT_EQ(listed->out, "");
  }
}

TEST_F(TraversalTest, ARuleThatRefusesTheProbesIsToldAndNothingIsServedAsMeasured) {
  ASSERT_THAT(restore(Backend::nft, Family::ipv4,
                      "*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p udp -j DROP\nCOMMIT\n"),
              has_value());
  Traversal traversal;
  traversal.refresh();
  ASSERT_EQ(traversal.misses().size(), 1U);
  EXPECT_THAT(traversal.misses().front().message, HasSubstr("loopback"));
  for (const auto& [series, value] : traversal.figures()) {
    EXPECT_THAT(series, HasSubstr("{ipv6,"));
  }
}

// Sends that many new flows over loopback, at the pace of the collector's own, and tells for how
// long that kept the sender more than established ones did.
std::chrono::duration<double> walk(int flows) {
  std::chrono::nanoseconds walked{};
  const auto probe = traversal::Probe::open(AddressFamily::ipv4);
  EXPECT_THAT(probe, has_value());
  for (int i = 0; i < flows; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
    const auto flow = probe->send_flow();
    EXPECT_THAT(flow, has_value());
    walked += flow->first - flow->later;
  }
  return walked;
}

TEST_F(TraversalTest, WhatTheNodeSpendsOnWalkingFollowsItsTraffic) {
  constexpr auto kWalkCpu = "walk_cpu_seconds_total{ipv4}";
  ASSERT_THAT(restore(Backend::nft, Family::ipv4, Ruleset{plain(2'000, 1)}.restore_input()),
              has_value());
  const auto shared = std::make_shared<NewFlows>();
  const auto rules = *iptables::spec().make(
      {.options = Options{{{"iptables.full-interval", Duration{600'000}}}}, .new_flows = shared});
  const auto costs = *traversal::spec().make(
      {.options = Options{{{"traversal.flows", kFlows}}}, .new_flows = shared});
  Clock::time_point now;
  const auto walk_cpu = [&] {
    now += std::chrono::seconds{20};  // past the pace at which the rules' counters are read
    Samples of_rules;
    EXPECT_THAT(rules->refresh(now, of_rules), has_value());
    Samples of_costs;
    EXPECT_THAT(costs->refresh(now, of_costs), has_value());
    return figures_of(of_costs, "kubecliff_").at(kWalkCpu);
  };
  // The probes of a round are read with the counters of the next.
  walk_cpu();
  double before = walk_cpu();
  const double idle = walk_cpu() - before;
  for (const int flows : {300, 900}) {
    SCOPED_TRACE(flows);
    before = walk_cpu();
    const double walked = walk(flows).count();
    const double counted = walk_cpu() - before - idle;
    // By the floor of what flows cost, so noise can only make it less.
    EXPECT_LT(counted, 1.3 * walked);
    EXPECT_GT(counted, 0.4 * walked);
  }
}

class TraversalBackend : public TraversalTest, public ::testing::WithParamInterface<Backend> {};

TEST_P(TraversalBackend, NewFlowsPayForEveryServiceAndEstablishedOnesForNone) {
  Traversal traversal;
  // Noise only ever adds.
  const auto best_of_rounds = [&] {
    double best = HUGE_VAL;
    for (int round = 0; round < 3; ++round) {
      traversal.refresh();
      EXPECT_THAT(traversal.misses(), IsEmpty());
      best = std::min(best, traversal.at(kNew));
    }
    return best;
  };

  std::vector<double> services;
  std::vector<double> costs;
  std::vector<double> established;
  const auto measure = [&] {
    services.clear();
    costs.clear();
    established.clear();
    // Without a Service nothing is translated, and nothing tracked: one stands for none.
    for (const int count : {1, 1'000, 2'000, 5'000, 10'000}) {
      ASSERT_THAT(restore(GetParam(), Family::ipv4, Ruleset{plain(count, 1)}.restore_input()),
                  has_value());
      services.push_back(count);
      costs.push_back(best_of_rounds());
      established.push_back(traversal.at("floor_seconds{ipv4,established}"));
      RecordProperty("new_us_at_" + std::to_string(count), std::to_string(costs.back()));
      RecordProperty("established_us_at_" + std::to_string(count),
                     std::to_string(established.back()));
    }
  };
  // A machine whose processors are lent to others for a while tells nothing while it lasts.
  constexpr int kAttempts = 3;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    ASSERT_NO_FATAL_FAILURE(measure());
    if (every_rule_is_paid_for(services, costs)) {
      break;
    }
  }
  EXPECT_TRUE(every_rule_is_paid_for(services, costs)) << ::testing::PrintToString(costs);
  EXPECT_GT(costs.back(), 3 * costs.front()) << ::testing::PrintToString(costs);
  EXPECT_LT(*std::ranges::max_element(established), costs.back() / 2)
      << ::testing::PrintToString(established);

  ASSERT_THAT(restore(GetParam(), Family::ipv4, Ruleset{plain(1, 1)}.restore_input()), has_value());
  traversal.refresh();
  EXPECT_THAT(traversal.misses(), IsEmpty());
  EXPECT_LT(traversal.at(kNew), costs.back() / 2) << "the rules are gone";
}

INSTANTIATE_TEST_SUITE_P(, TraversalBackend, ::testing::ValuesIn(kBackends),
                         [](const auto& backend) { return std::string{label(backend.param)}; });

}  // namespace
}  // namespace kubecliff::test
