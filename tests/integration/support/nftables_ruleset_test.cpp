// The generated rulesets against the real nft: each is accepted, and comes back as predicted.
#include "tests/support/nftables_ruleset.h"

#include <cstddef>
#include <string>
#include <tuple>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/network_namespace.h"
#include "tests/support/nft_list.h"
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

  static void expect(const NftablesFigures& expected) {
    const auto listed = list_nftables(family());
    ASSERT_THAT(listed, has_value());
    EXPECT_EQ(*listed, expected);
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
