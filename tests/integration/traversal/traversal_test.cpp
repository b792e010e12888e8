// The collector against this machine's kernel, each test in a network namespace of its own.
#include "collectors/traversal/traversal.h"

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/network_namespace.h"
#include "tests/support/result_matchers.h"
#include "tests/support/ruleset.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

constexpr std::int64_t kFlows = 32;

class Traversal {
 public:
  Traversal() {
    std::map<std::string, OptionValue, std::less<>> options{{"traversal.flows", kFlows}};
    auto made = traversal::spec().make({.options = Options{std::move(options)}});
    EXPECT_THAT(made, has_value());
    collector_ = std::move(*made);
  }

  // One round.
  void refresh() {
    Samples samples;
    EXPECT_THAT(collector_->refresh({}, samples), has_value());
    EXPECT_THAT(samples.misses(), ::testing::IsEmpty());
    families_ = samples.take();
  }

  [[nodiscard]] const prometheus::ClientMetric* find(std::string_view family,
                                                     std::string_view first,
                                                     std::string_view second) const {
    for (const auto& found : families_) {
      for (const auto& metric : found.metric) {
        if (found.name == "kubecliff_traversal_" + std::string{family} &&
            metric.label[0].value == first && metric.label[1].value == second) {
          return &metric;
        }
      }
    }
    return nullptr;
  }

  // In microseconds.
  [[nodiscard]] double floor(std::string_view family, std::string_view flow) const {
    const auto* metric = find("floor_seconds", family, flow);
    return metric == nullptr ? std::nan("") : metric->gauge.value * 1e6;
  }

  [[nodiscard]] std::string state(std::string_view family) const {
    for (const std::string state : {"tracked", "untracked", "table_full", "unknown"}) {
      const auto* metric = find("state", family, state);
      if (metric != nullptr && metric->gauge.value == 1) {
        return state;
      }
    }
    return "none";
  }

 private:
  std::unique_ptr<Collector> collector_;
  std::vector<prometheus::MetricFamily> families_;
};

// The square of the correlation of y with x.
double linearity(const std::vector<double>& x, const std::vector<double>& y) {
  const auto count = static_cast<double>(x.size());
  double sum_x = 0, sum_y = 0, sum_xx = 0, sum_yy = 0, sum_xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum_x += x[i];
    sum_y += y[i];
    sum_xx += x[i] * x[i];
    sum_yy += y[i] * y[i];
    sum_xy += x[i] * y[i];
  }
  const double together = count * sum_xy - sum_x * sum_y;
  return together * together /
         ((count * sum_xx - sum_x * sum_x) * (count * sum_yy - sum_y * sum_y));
}

class TraversalTest : public NetworkNamespaceTest {};

TEST_F(TraversalTest, WithoutRulesNothingIsTrackedAndNoFlowIsNew) {
  Traversal traversal;
  traversal.refresh();
  for (const std::string_view family : {"ipv4", "ipv6"}) {
    EXPECT_EQ(traversal.state(family), "untracked");
    EXPECT_EQ(traversal.find("floor_seconds", family, "new"), nullptr);
    EXPECT_GT(traversal.floor(family, "established"), 0);
  }
}

TEST_F(TraversalTest, ProbesAreTakenOutOfTheTableAgain) {
  for (const Family family : kFamilies) {
    ASSERT_THAT(restore(Backend::nft, family, Ruleset{plain(10, 1, family)}.restore_input()),
                has_value());
  }
  Traversal traversal;
  traversal.refresh();
  traversal.refresh();
  for (const std::string_view family : {"ipv4", "ipv6"}) {
    EXPECT_EQ(traversal.state(family), "tracked");
    const auto* first = traversal.find("seconds", family, "new");
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->histogram.sample_count, 2 * kFlows);
  }
  for (const std::string family : {"ipv4", "ipv6"}) {
    const auto listed = conntrack({"-L", "-p", "udp", "-f", family});
    ASSERT_THAT(listed, has_value());
    EXPECT_EQ(listed->out, "");
  }
}

TEST_F(TraversalTest, ARuleThatRefusesTheProbesIsToldAndNothingIsServedAsMeasured) {
  ASSERT_THAT(restore(Backend::nft, Family::ipv4,
                      "*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p udp -j DROP\nCOMMIT\n"),
              has_value());
  auto made = traversal::spec().make(
      {.options =
           Options{std::map<std::string, OptionValue, std::less<>>{{"traversal.flows", kFlows}}}});
  ASSERT_THAT(made, has_value());
  Samples samples;
  ASSERT_THAT((*made)->refresh({}, samples), has_value());
  ASSERT_EQ(samples.misses().size(), 1U);
  EXPECT_THAT(samples.misses().front().message, ::testing::HasSubstr("loopback"));
  for (const auto& family : samples.take()) {
    for (const auto& metric : family.metric) {
      EXPECT_EQ(metric.label[0].value, "ipv6") << family.name;
    }
  }
}

class TraversalBackend : public TraversalTest, public ::testing::WithParamInterface<Backend> {};

TEST_P(TraversalBackend, NewFlowsPayForEveryServiceAndEstablishedOnesForNone) {
  Traversal traversal;
  // Noise only ever adds.
  const auto best_of_rounds = [&](std::string_view flow) {
    double best = HUGE_VAL;
    for (int round = 0; round < 3; ++round) {
      traversal.refresh();
      best = std::min(best, traversal.floor("ipv4", flow));
    }
    return best;
  };

  std::vector<double> services;
  std::vector<double> costs;
  std::vector<double> established;
  // Without a Service nothing is translated, and nothing tracked: one stands for none.
  for (const int count : {1, 1'000, 2'000, 5'000, 10'000}) {
    ASSERT_THAT(restore(GetParam(), Family::ipv4, Ruleset{plain(count, 1)}.restore_input()),
                has_value());
    services.push_back(count);
    costs.push_back(best_of_rounds("new"));
    established.push_back(traversal.floor("ipv4", "established"));
    RecordProperty("new_us_at_" + std::to_string(count), std::to_string(costs.back()));
    RecordProperty("established_us_at_" + std::to_string(count),
                   std::to_string(established.back()));
  }
  EXPECT_GT(linearity(services, costs), 0.98) << ::testing::PrintToString(costs);
  EXPECT_GT(costs.back(), 3 * costs.front()) << ::testing::PrintToString(costs);
  EXPECT_LT(*std::ranges::max_element(established), costs.back() / 2)
      << ::testing::PrintToString(established);

  ASSERT_THAT(restore(GetParam(), Family::ipv4, Ruleset{plain(1, 1)}.restore_input()), has_value());
  traversal.refresh();
  EXPECT_LT(traversal.floor("ipv4", "new"), costs[1]) << "the rules are gone";
}

INSTANTIATE_TEST_SUITE_P(, TraversalBackend, ::testing::ValuesIn(kBackends),
                         [](const auto& backend) { return std::string{label(backend.param)}; });

}  // namespace
}  // namespace kubecliff::test
