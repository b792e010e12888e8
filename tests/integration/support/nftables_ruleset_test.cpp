// The generated rulesets against the real nft: each is accepted, and comes back as predicted.
#include "tests/support/nftables_ruleset.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/network_namespace.h"
#include "tests/support/result_matchers.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

class LoadedNftables : public NetworkNamespaceTest,
                       public testing::WithParamInterface<std::tuple<KubeProxyShape, Family>> {
 protected:
  static KubeProxyShape release() { return std::get<KubeProxyShape>(GetParam()); }
  static Family family() { return std::get<Family>(GetParam()); }

  static void load(const std::string& script) {
    const auto run = nft({"-f", "-"}, script);
    ASSERT_TRUE(run) << run.error().message.substr(0, 2'000);
  }

  // nft's text for `what` of the family's table.
  static std::string list(std::vector<std::string> what) {
    const auto run = nft(std::move(what));
    EXPECT_THAT(run, has_value());
    return run ? run->out : "";
  }
  static std::string ip() { return family() == Family::ipv4 ? "ip" : "ip6"; }

  static std::int64_t count(std::string_view text, std::string_view what) {
    std::int64_t times = 0;
    for (std::size_t at = text.find(what); at != std::string_view::npos;
         at = text.find(what, at + 1)) {
      ++times;
    }
    return times;
  }

  static std::int64_t elements(const std::string& name) {
    const bool is_set =
        name == "cluster-ips" || name == "nodeport-ips" || name == "hairpin-connections";
    const std::string text = list({"list", is_set ? "set" : "map", ip(), "kube-proxy", name});
    const std::size_t begin = text.find("elements = {");
    return begin == std::string::npos ? 0 : std::ranges::count(text.substr(begin), ',') + 1;
  }

  static void expect(const NftablesFigures& expected) {
    const std::string json = list({"-j", "list", "table", ip(), "kube-proxy"});
    EXPECT_EQ(count(json, R"({"rule": {"family")"), expected.rules);
    EXPECT_EQ(count(json, R"({"chain": {"family")"), expected.chains);
    EXPECT_EQ(count(json, R"({"set": {"family")"), expected.sets);
    EXPECT_EQ(count(json, R"({"map": {"family")"), expected.maps);
    for (const auto& [set, size] : expected.elements) {
      EXPECT_EQ(elements(set), size) << set;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Everywhere, LoadedNftables,
                         testing::Combine(testing::Values(KubeProxyShape::up_to_1_35,
                                                          KubeProxyShape::from_1_36),
                                          testing::ValuesIn(kFamilies)),
                         [](const testing::TestParamInfo<LoadedNftables::ParamType>& each) {
                           const bool old =
                               std::get<KubeProxyShape>(each.param) == KubeProxyShape::up_to_1_35;
                           return std::string{old ? "up_to_1_35_" : "from_1_36_"}.append(
                               label(std::get<Family>(each.param)));
                         });

TEST_P(LoadedNftables, ComesBackAsExpected) {
  for (const int services : {0, 1, 13, 200}) {
    for (const RulesetShape& shape :
         {plain(services, 5, family()), varied(services, 3, family())}) {
      SCOPED_TRACE(services);
      const NftablesRuleset ruleset{shape, release()};
      load(ruleset.script());
      expect(ruleset.expected());
    }
  }
}

TEST_P(LoadedNftables, ServicesComeGoAndGrow) {
  NftablesRuleset ruleset{varied(20, 3, family()), release()};
  load(ruleset.script());
  for (int i = 0; i < 14; ++i) {
    load(ruleset.add_service());
  }
  expect(ruleset.expected());
  for (const std::size_t index : {0U, 7U, 7U, 30U}) {
    load(ruleset.remove_service(index));
  }
  expect(ruleset.expected());
  for (const auto& [index, endpoints] : {std::pair{1U, 1}, {2U, 7}, {5U, 0}, {9U, 4}, {10U, 2}}) {
    load(ruleset.scale_service(index, endpoints));
    expect(ruleset.expected());
  }
}

}  // namespace
}  // namespace kubecliff::test
