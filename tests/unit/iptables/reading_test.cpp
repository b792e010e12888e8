#include "collectors/iptables/reading.h"

#include <set>

#include <gtest/gtest.h>

namespace kubecliff::iptables {
namespace {

TEST(FlowTotal, HasNoValueBeforeTheFirstRuleWasSeen) {
  EXPECT_EQ(FlowTotal{}.value(), std::nullopt);
  FlowTotal total;
  total.observe(0);
  EXPECT_EQ(total.value(), 0U);
}

TEST(FlowTotal, GoesOnWhereTheKernelsCounterStartsAgain) {
  FlowTotal total;
  for (const std::uint64_t packets : {5U, 9U, 9U, 2U, 3U}) {
    total.observe(packets);
  }
  EXPECT_EQ(total.value(), 9U + 3U);
}

TEST(BackendReading, StateFollowsFromTheTables) {
  BackendReading reading;
  EXPECT_EQ(reading.state, std::nullopt);
  reading.settle();
  EXPECT_EQ(reading.state, BackendState::no_table);
  reading.tables.push_back({.table = "raw", .figures = {}, .built_in = {}});
  reading.settle();
  EXPECT_EQ(reading.state, BackendState::empty);
  reading.tables.push_back({.table = "nat", .figures = {.rules = 1}, .built_in = {}});
  reading.settle();
  EXPECT_EQ(reading.state, BackendState::rules);
}

TEST(BackendReading, FlowsAreThoseOfTheNatTablesEntriesIntoKubeServices) {
  const BuiltInChain prerouting{
      .kind = ChainKind::prerouting, .services_jump = 0, .services_packets = 3};
  const BuiltInChain output{.kind = ChainKind::output, .services_jump = 2, .services_packets = 4};
  const BuiltInChain without{.kind = ChainKind::output, .services_packets = 50};
  const BuiltInChain input{.kind = ChainKind::input, .services_jump = 0, .services_packets = 60};

  BackendReading reading;
  reading.tables.push_back({.table = "filter", .figures = {}, .built_in = {output}});
  reading.tables.push_back(
      {.table = "nat", .figures = {}, .built_in = {prerouting, input, without}});
  reading.settle();
  EXPECT_EQ(reading.prerouting.value(), 3U);
  EXPECT_EQ(reading.output.value(), std::nullopt);

  reading.tables.back().built_in = {output};
  reading.settle();
  EXPECT_EQ(reading.prerouting.value(), 3U);
  EXPECT_EQ(reading.output.value(), 4U);
}

TEST(BackendState, EachHasALabelOfItsOwn) {
  std::set<std::string_view> labels;
  for (std::size_t i = 0; i < kBackendStates; ++i) {
    labels.insert(name(static_cast<BackendState>(i)));
  }
  EXPECT_EQ(labels.size(), kBackendStates);
}

}  // namespace
}  // namespace kubecliff::iptables
