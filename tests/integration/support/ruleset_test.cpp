// The generated rulesets against the real tools: each is accepted, and comes back as predicted.
#include "tests/support/ruleset.h"

#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/support/iptables_save.h"
#include "tests/support/network_namespace.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

class RestoredRuleset : public NetworkNamespaceTest,
                        public testing::WithParamInterface<std::tuple<Backend, Family>> {
 protected:
  static Backend backend() { return std::get<Backend>(GetParam()); }
  static Family family() { return std::get<Family>(GetParam()); }

  static void load(const std::string& input, Flush flush) {
    const auto run = restore(backend(), family(), input, flush);
    ASSERT_TRUE(run) << run.error().message;
  }

  static SavedRuleset saved() {
    const auto text = save(backend(), family());
    if (!text) {
      ADD_FAILURE() << text.error().message;
      return {};
    }
    return parse_iptables_save(*text);
  }

  static void expect(const ExpectedFigures& expected) {
    const SavedRuleset found = saved();
    const auto expect_table = [&](std::string_view name, const ExpectedFigures::Table& table) {
      const auto figures = found.tables.find(name);
      ASSERT_NE(figures, found.tables.end()) << name;
      EXPECT_EQ(figures->second.rules, table.rules) << name;
      EXPECT_EQ(figures->second.chains, table.chains) << name;
    };
    expect_table("nat", expected.nat);
    expect_table("filter", expected.filter);
    expect_table("mangle", expected.mangle);
    EXPECT_EQ(found.services, expected.services);
    EXPECT_EQ(found.endpoints, expected.endpoints);
    EXPECT_EQ(found.node_ports, expected.node_ports);
    EXPECT_EQ(found.no_endpoint_rules, expected.no_endpoint_rules);
    EXPECT_EQ(found.affinity_rules, expected.affinity_rules);
    EXPECT_EQ(found.masquerade_rules, expected.masquerade_rules);
    EXPECT_EQ(found.worst_case_walk, expected.worst_case_walk);
  }
};

INSTANTIATE_TEST_SUITE_P(
    Everywhere, RestoredRuleset,
    testing::Combine(testing::ValuesIn(kBackends), testing::ValuesIn(kFamilies)),
    [](const testing::TestParamInfo<RestoredRuleset::ParamType>& each) {
      return std::string{label(std::get<Backend>(each.param))}.append("_").append(
          label(std::get<Family>(each.param)));
    });

TEST_P(RestoredRuleset, ComesBackAsExpected) {
  for (const int services : {0, 1, 13, 400}) {
    for (RulesetShape shape : {plain(services, 5, family()), varied(services, 3, family())}) {
      for (const Comments comments : {Comments::all, Comments::large_cluster}) {
        SCOPED_TRACE(services);
        shape.comments = comments;
        const Ruleset ruleset{shape};
        load(ruleset.restore_input(), Flush::all);
        expect(ruleset.expected());
      }
    }
  }
}

// Also what the oracle alone counts: classes, duplicates, shares, dangling jumps.
TEST_P(RestoredRuleset, ReadsTheSameFromTheKernelAsFromTheGenerator) {
  const std::string input = Ruleset{varied(120, 5, family())}.restore_input();
  load(input, Flush::all);
  EXPECT_EQ(saved(), parse_iptables_save(input));
}

TEST_P(RestoredRuleset, PartialSyncsAddAndRemoveServices) {
  Ruleset ruleset{varied(40, 3, family())};
  load(ruleset.restore_input(), Flush::all);
  for (int i = 0; i < 14; ++i) {
    load(ruleset.add_service(), Flush::none);
    expect(ruleset.expected());
  }
  for (int i = 0; i < 20; ++i) {
    load(ruleset.remove_service(ruleset.services().size() / 2), Flush::none);
    expect(ruleset.expected());
  }
}

TEST_P(RestoredRuleset, FlawsShowInTheFiguresThatTheyAreMeantFor) {
  struct Case {
    Flaw flaw;
    std::int64_t duplicates;
    std::int64_t unbalanced;
    std::int64_t dangling;
  };
  for (const Case& each :
       {Case{Flaw::duplicate_rules, 2, 0, 0}, Case{Flaw::unbalanced_service, 0, 1, 0},
        Case{Flaw::jump_to_empty_chain, 0, 0, 1}, Case{Flaw::service_without_endpoints, 0, 0, 1}}) {
    SCOPED_TRACE(static_cast<int>(each.flaw));
    load(Ruleset{varied(30, 3, family())}.restore_input(), Flush::all);
    load(flawed_rules(each.flaw, family()), Flush::none);
    const SavedTable nat = saved().tables.at("nat");
    EXPECT_EQ(nat.duplicate_rules, each.duplicates);
    EXPECT_EQ(nat.unbalanced_service_chains, each.unbalanced);
    EXPECT_EQ(nat.dangling_jumps, each.dangling);
  }
}

TEST_P(RestoredRuleset, OldReleasesChainsHaveTheirClasses) {
  load(Ruleset{plain(3, 2, family())}.restore_input(), Flush::all);
  load(old_release_rules(family()), Flush::none);
  const SavedRuleset found = saved();
  const SavedTable& nat = found.tables.at("nat");
  EXPECT_EQ(nat.classes.at("xlb"), (ChainsAndRules{.chains = 1, .rules = 4}));
  EXPECT_EQ(nat.classes.at("mark").chains, 2);
  EXPECT_EQ(nat.dangling_jumps, 0);
  EXPECT_EQ(found.services, 4);
  EXPECT_EQ(found.node_ports, 1);
}

TEST_P(RestoredRuleset, EveryOwnersRulesStandBesideKubeProxys) {
  load(Ruleset{varied(30, 3, family())}.restore_input(), Flush::all);
  const SavedRuleset before = saved();
  for (const Owner owner : kOwners) {
    SCOPED_TRACE(label(owner));
    load(foreign_rules(owner, family()), Flush::none);
  }
  const SavedRuleset after = saved();
  EXPECT_EQ(after.services, before.services);
  EXPECT_GT(after.tables.at("nat").rules, before.tables.at("nat").rules);
  EXPECT_EQ(after.tables.at("nat").duplicate_rules, 0);
  EXPECT_EQ(after.tables.at("nat").dangling_jumps, 0);
  EXPECT_TRUE(after.tables.contains("raw"));
}

using LegacySave = NetworkNamespaceTest;

TEST_F(LegacySave, MakesNoTable) {
  for (const Family family : kFamilies) {
    const auto text = save(Backend::legacy, family);
    ASSERT_TRUE(text) << text.error().message;
    EXPECT_EQ(*text, "");
    const auto tables =
        run_tool({"cat", "/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"});
    ASSERT_TRUE(tables) << tables.error().message;
    EXPECT_EQ(tables->out, "");
  }
}

using FreshNamespace = NetworkNamespaceTest;

TEST_F(FreshNamespace, HasItsLoopbackUpAndNothingElse) {
  const auto links = run_tool({"ip", "-brief", "link"});
  ASSERT_TRUE(links) << links.error().message;
  EXPECT_EQ(links->out.find("lo "), 0U) << links->out;
  EXPECT_NE(links->out.find("UP"), std::string::npos) << links->out;
}

TEST(NetworkNamespace, EndsWithTheObject) {
  const auto where = [] {
    const auto run = run_tool({"readlink", "/proc/self/ns/net"});
    return run ? run->out : run.error().message;
  };
  const std::string outside = where();
  {
    const auto entered = NetworkNamespace::enter();
    if (!entered) {
      return skip(entered.error().message);
    }
    EXPECT_NE(where(), outside);
  }
  EXPECT_EQ(where(), outside);
}

}  // namespace
}  // namespace kubecliff::test
