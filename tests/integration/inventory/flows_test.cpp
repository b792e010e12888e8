// The addresses that have the most flows, judged by `conntrack -L` on the same state.
#include "collectors/inventory/flows.h"

#include <cstdint>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/conntrack/traffic.h"
#include "tests/support/must.h"
#include "tests/support/network_namespace.h"
#include "tests/support/result_matchers.h"
#include "tests/support/run_tool.h"
#include "tests/support/text.h"

namespace kubecliff::inventory {
namespace {

using test::concat;
using test::must;

std::string word_after(std::string_view line, std::string_view before) {
  const std::size_t at = line.find(before);
  if (at == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = line.substr(at + before.size());
  return std::string{rest.substr(0, rest.find(' '))};
}

using Counts = std::map<std::string, std::uint64_t>;

struct Listed {
  std::uint64_t total = 0;
  std::uint64_t short_lived = 0;
  Counts sources = {};
  Counts targets = {};
  Counts short_sources = {};
  Counts short_targets = {};
};

Listed listed_flows() {
  static const std::set<std::string> ended{"SYN_SENT", "SYN_SENT2", "FIN_WAIT", "CLOSE_WAIT",
                                           "LAST_ACK", "TIME_WAIT", "CLOSE"};
  Listed all;
  std::istringstream lines{must(test::conntrack({"-L"})).out};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::string protocol;
    std::string number;
    std::string timeout;
    std::string state;
    words >> protocol >> number >> timeout >> state;
    const std::string source = word_after(line, "src=");
    const std::string port = word_after(line, "dport=");
    const std::string target =
        concat(number, " ", word_after(line, "dst="), " ", port.empty() ? "0" : port);
    ++all.total;
    ++all.sources[source];
    ++all.targets[target];
    const bool assured = line.contains("[ASSURED]");
    if ((protocol == "tcp" && ended.contains(state)) || (protocol == "udp" && !assured)) {
      ++all.short_lived;
      ++all.short_sources[source];
      ++all.short_targets[target];
    }
  }
  return all;
}

Counts counts_of(const Top<Talker>& top) {
  EXPECT_EQ(top.error, 0U);
  Counts counts;
  for (const Talker& one : top.most) {
    counts[text(one.address)] = one.flows;
  }
  return counts;
}
Counts counts_of(const Top<Target>& top) {
  EXPECT_EQ(top.error, 0U);
  Counts counts;
  for (const Target& one : top.most) {
    counts[concat(int{one.protocol}, " ", text(one.address), " ", int{one.port})] = one.flows;
  }
  return counts;
}

using FlowsTest = test::NetworkNamespaceTest;

TEST_F(FlowsTest, AreCountedAsListed) {
  test::switch_tracking_on();
  const test::TcpConnection open = test::connect_tcp();
  test::connect_and_close_tcp();
  const UniqueFd waiting = test::connect_tcp_to_blackhole();
  test::connect_and_reset_tcp();
  test::send_udp();
  test::exchange_udp();
  EXPECT_EQ(test::send_udp_flows(300), 0);
  test::ping();

  const Listed expected = listed_flows();
  ASSERT_GT(expected.total, 300U);
  ASSERT_LT(expected.short_lived, expected.total);
  const Flows flows = must(read_flows({.top = 10'000}));
  const Listed found{.total = flows.total,
                     .short_lived = flows.short_lived,
                     .sources = counts_of(flows.sources),
                     .targets = counts_of(flows.targets),
                     .short_sources = counts_of(flows.short_sources),
                     .short_targets = counts_of(flows.short_targets)};
  EXPECT_EQ(found.total, expected.total);
  EXPECT_EQ(found.short_lived, expected.short_lived);
  EXPECT_EQ(found.sources, expected.sources);
  EXPECT_EQ(found.targets, expected.targets);
  EXPECT_EQ(found.short_sources, expected.short_sources);
  EXPECT_EQ(found.short_targets, expected.short_targets);

  const Flows few = must(read_flows({.top = 1}));
  ASSERT_EQ(few.sources.most.size(), 1U);
  EXPECT_EQ(text(few.sources.most[0].address), "127.0.0.1");
}

TEST_F(FlowsTest, OfATargetIsKnownWhetherItIsTranslated) {
  test::switch_tracking_on();
  ASSERT_THAT(test::conntrack({"-I", "-p", "udp", "-s", "192.0.2.7", "-d", "192.0.2.9", "--sport",
                               "1000", "--dport", "30001", "-t", "60"}),
              test::has_value());
  ASSERT_THAT(test::conntrack({"-I",        "-p",
                               "udp",       "-s",
                               "192.0.2.7", "-d",
                               "192.0.2.9", "--sport",
                               "1000",      "--dport",
                               "30002",     "--reply-src",
                               "10.0.0.1",  "--reply-dst",
                               "192.0.2.7", "--reply-port-src",
                               "8080",      "--reply-port-dst",
                               "1000",      "-t",
                               "60"}),
              test::has_value());
  std::map<int, bool> translated;
  for (const Target& target : must(read_flows({})).targets.most) {
    translated[target.port] = target.translated;
  }
  EXPECT_EQ(translated, (std::map<int, bool>{{30'001, false}, {30'002, true}}));
}

TEST_F(FlowsTest, AreNotReadAboveTheLimit) {
  test::switch_tracking_on();
  EXPECT_EQ(test::send_udp_flows(20), 0);
  EXPECT_THAT(read_flows({.most_flows = 19}),
              test::fails_with(ErrorKind::unavailable, testing::HasSubstr("above 19")));
  EXPECT_THAT(read_flows({.most_flows = 20}), test::has_value());
}

}  // namespace
}  // namespace kubecliff::inventory
