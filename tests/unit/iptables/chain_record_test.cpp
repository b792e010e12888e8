#include "collectors/iptables/chain_record.h"

#include <array>
#include <initializer_list>
#include <string_view>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace kubecliff::iptables {
namespace {

constexpr std::string_view kService = "KUBE-SVC-AAAAAAAAAAAAAAAA";
constexpr std::string_view kLocalService = "KUBE-SVL-AAAAAAAAAAAAAAAA";
constexpr std::string_view kOtherService = "KUBE-SVC-BBBBBBBBBBBBBBBB";
constexpr std::string_view kExternal = "KUBE-EXT-AAAAAAAAAAAAAAAA";
constexpr std::string_view kEndpoint = "KUBE-SEP-CCCCCCCCCCCCCCCC";

Rule jump_to(std::string_view chain, std::optional<double> chance = {}) {
  return {.target = Target::chain, .chain = chain, .chance = chance};
}

ChainRecord folded(std::string_view chain, std::initializer_list<Rule> rules,
                   ChainKind kind = ChainKind::user) {
  ChainFold fold;
  fold.begin(chain, kind);
  for (const Rule& rule : rules) {
    fold.add(rule);
  }
  return fold.finish();
}

// Rules whose contents are told apart.
std::vector<Rule> with_contents(std::initializer_list<std::uint64_t> contents) {
  std::vector<Rule> rules;
  for (const std::uint64_t content : contents) {
    rules.push_back({.content = content});
  }
  return rules;
}

ChainRecord folded(const std::vector<Rule>& rules) {
  ChainFold fold;
  fold.begin("any", ChainKind::user);
  for (const Rule& rule : rules) {
    fold.add(rule);
  }
  return fold.finish();
}

TEST(ChainKinds, AreToldByName) {
  EXPECT_EQ(built_in("PREROUTING"), ChainKind::prerouting);
  EXPECT_EQ(built_in("INPUT"), ChainKind::input);
  EXPECT_EQ(built_in("FORWARD"), ChainKind::forward);
  EXPECT_EQ(built_in("OUTPUT"), ChainKind::output);
  EXPECT_EQ(built_in("POSTROUTING"), ChainKind::postrouting);
  EXPECT_EQ(built_in("prerouting"), ChainKind::user);
  EXPECT_EQ(built_in(""), ChainKind::user);
  EXPECT_EQ(name(ChainKind::output), "OUTPUT");
}

TEST(ChainFold, SharesOfEndpointsAreEqualOrTheChainIsUnbalanced) {
  struct Case {
    const char* description;
    std::vector<std::optional<double>> chances;
    bool unbalanced;
  };
  const std::optional<double> always;
  const Case cases[] = {
      {"one endpoint", {always}, false},
      {"two", {0.5, always}, false},
      {"three", {0.3333333333, 0.5, always}, false},
      {"five", {0.2, 0.25, 0.3333333333, 0.5, always}, false},
      {"a rounding of the kernel's 31 bits", {0.33333333349, 0.5, always}, false},
      {"half of a percent off", {0.5025, always}, false},
      {"two percent off", {0.51, always}, true},
      {"the same chance for each of three", {0.3333, 0.3333, always}, true},
      {"one that was left over", {0.25, 0.3333, 0.5}, true},
      {"one that is never reached", {always, always}, true},
      {"no endpoint at all", {}, false},
  };
  for (const Case& c : cases) {
    for (const std::string_view chain : {kService, kLocalService}) {
      ChainFold fold;
      fold.begin(chain, ChainKind::user);
      fold.add(jump_to("KUBE-MARK-MASQ"));
      for (const auto& chance : c.chances) {
        fold.add(jump_to(kEndpoint, chance));
      }
      const ChainRecord record = fold.finish();
      EXPECT_EQ(record.unbalanced, c.unbalanced) << c.description;
      EXPECT_EQ(record.endpoint_jumps, c.chances.size()) << c.description;
    }
  }
}

TEST(ChainFold, RulesOfSessionAffinityTakeNoShareAndAreCounted) {
  Rule stay = jump_to(kEndpoint);
  stay.recent = true;
  const ChainRecord record =
      folded(kService, {stay, stay, jump_to(kEndpoint, 0.5), jump_to(kEndpoint)});
  EXPECT_FALSE(record.unbalanced);
  EXPECT_EQ(record.affinity_rules, 2U);
  EXPECT_EQ(record.endpoint_jumps, 4U);
  EXPECT_EQ(folded(kEndpoint, {{.target = Target::other, .recent = true}}).affinity_rules, 0U);
}

TEST(ChainFold, SharesMatterOnlyWhereAServicePicksItsEndpoint) {
  EXPECT_FALSE(folded(kExternal, {jump_to(kEndpoint), jump_to(kEndpoint)}).unbalanced);
}

TEST(ChainFold, RulesEqualToAnEarlierOneOfTheChainAreDuplicates) {
  EXPECT_EQ(folded(with_contents({1, 2, 3})).duplicates, 0U);
  EXPECT_EQ(folded(with_contents({1, 2, 1, 1, 2})).duplicates, 3U);
  EXPECT_EQ(folded(with_contents({})).duplicates, 0U);
}

TEST(ChainFold, ContentDependsOnEveryRuleAndTheirOrder) {
  const std::uint64_t content = folded(with_contents({1, 2})).content;
  EXPECT_EQ(folded(with_contents({1, 2})).content, content);
  EXPECT_NE(folded(with_contents({2, 1})).content, content);
  EXPECT_NE(folded(with_contents({1})).content, content);
  EXPECT_NE(folded(with_contents({1, 2, 2})).content, content);
  EXPECT_NE(folded(with_contents({0})).content, folded(with_contents({})).content);
  EXPECT_NE(folded(with_contents({0, 0})).content, folded(with_contents({0})).content);
}

TEST(ChainFold, AChainBeginsWithNothingOfTheOneBefore) {
  ChainFold fold;
  fold.begin("PREROUTING", ChainKind::prerouting);
  fold.add({.target = Target::chain, .chain = "KUBE-SERVICES", .packets = 5});
  std::ignore = fold.finish();
  fold.begin(kService, ChainKind::user);
  fold.add(jump_to(kEndpoint, 0.5));
  fold.add({.content = 1});
  std::ignore = fold.finish();

  fold.begin("OUTPUT", ChainKind::output);
  const ChainRecord record = fold.finish();
  EXPECT_EQ(record.rules, 0U);
  EXPECT_EQ(record.duplicates, 0U);
  EXPECT_EQ(record.services, 0U);
  EXPECT_FALSE(record.unbalanced);
  EXPECT_EQ(fold.built_in().services_jump, std::nullopt);
  EXPECT_EQ(fold.built_in().kind, ChainKind::output);
}

TEST(ChainFold, AServicePortIsCountedOnceHoweverManyRulesDispatchToIt) {
  // Its cluster IP, external IP and load balancer, through whichever of its chains.
  EXPECT_EQ(folded("KUBE-SERVICES", {jump_to(kService), jump_to(kExternal), jump_to(kExternal),
                                     jump_to(kOtherService), jump_to("KUBE-NODEPORTS")})
                .services,
            2U);
  // Old releases marked and dispatched in two rules for each port.
  EXPECT_EQ(folded("KUBE-NODEPORTS", {jump_to("KUBE-MARK-MASQ"), jump_to(kService),
                                      jump_to("KUBE-MARK-MASQ"), jump_to(kOtherService)})
                .services,
            2U);
  EXPECT_EQ(folded("KUBE-NODEPORTS", {{.target = Target::other}}).services, 0U);
  EXPECT_EQ(folded(kExternal, {jump_to(kService)}).services, 0U);
}

TEST(ChainFold, WhatARuleDoesIsCounted) {
  const ChainRecord record = folded("any", {{.target = Target::drop},
                                            {.target = Target::reject},
                                            {.target = Target::masquerade},
                                            jump_to("KUBE-MARK-MASQ"),
                                            jump_to("KUBE-MARK-DROP"),
                                            {.target = Target::none},
                                            {.target = Target::other}});
  EXPECT_EQ(record.rules, 7U);
  EXPECT_EQ(record.refusals, 2U);
  EXPECT_EQ(record.masquerade_rules, 2U);
  EXPECT_EQ(record.jumps, 2U);
}

TEST(ChainFold, RulesInBuiltInChainsBelongToWhomTheyLeadTo) {
  ChainFold fold;
  fold.begin("PREROUTING", ChainKind::prerouting);
  fold.add(jump_to("cali-PREROUTING"));
  fold.add({.target = Target::notrack});
  fold.add({.target = Target::other});
  fold.add({.target = Target::chain, .chain = "KUBE-SERVICES", .packets = 11});
  fold.add({.target = Target::chain, .chain = "KUBE-SERVICES", .packets = 13});
  const ChainRecord record = fold.finish();
  const BuiltInChain& chain = fold.built_in();
  const auto owned = [&](Owner owner) {
    return chain.owner_rules.at(static_cast<std::size_t>(owner));
  };
  EXPECT_EQ(owned(Owner::calico), 1U);
  EXPECT_EQ(owned(Owner::nodelocaldns), 1U);
  EXPECT_EQ(owned(Owner::kube_proxy), 2U);
  EXPECT_EQ(owned(Owner::other), 1U);
  // Of two jumps to it the first counts: it is the one that flows take.
  EXPECT_EQ(chain.services_jump, 3U);
  EXPECT_EQ(chain.services_packets, 11U);
  EXPECT_EQ(record.chain_class, ChainClass::foreign);
}

TEST(ChainFold, AUserChainWithABuiltInNameIsNone) {
  ChainFold fold;
  fold.begin("OUTPUT", ChainKind::user);
  fold.add(jump_to("KUBE-SERVICES"));
  std::ignore = fold.finish();
  EXPECT_EQ(fold.built_in().services_jump, std::nullopt);
}

TEST(ChainRecord, AServicesChainIsDeadWhenNoEndpointCanBeReachedThroughIt) {
  EXPECT_TRUE(folded(kService, {}).is_dead());
  EXPECT_TRUE(folded(kService, {jump_to("KUBE-MARK-MASQ")}).is_dead());
  EXPECT_FALSE(folded(kService, {jump_to(kEndpoint)}).is_dead());
  EXPECT_TRUE(folded(kLocalService, {{.target = Target::drop}}).is_dead());
  EXPECT_TRUE(folded(kEndpoint, {}).is_dead());
  EXPECT_FALSE(folded(kEndpoint, {{.target = Target::other}}).is_dead());
  EXPECT_FALSE(folded(kExternal, {jump_to(kService)}).is_dead());
  EXPECT_FALSE(folded("KUBE-PROXY-CANARY", {}).is_dead());
  EXPECT_FALSE(folded("mine", {}).is_dead());
}

TEST(Summarize, AddsUpTheChains) {
  const ChainRecord chains[] = {
      folded("PREROUTING", {jump_to("KUBE-SERVICES")}, ChainKind::prerouting),
      folded("KUBE-SERVICES", {jump_to(kService), jump_to("KUBE-NODEPORTS")}),
      folded("KUBE-NODEPORTS", {jump_to(kExternal)}),
      folded(kService, {jump_to("KUBE-MARK-MASQ"), jump_to(kEndpoint)}),
      folded(kExternal, {jump_to(kService)}),
      folded(kEndpoint, {jump_to("KUBE-MARK-MASQ"), {.target = Target::other}}),
      folded("KUBE-POSTROUTING", {{.target = Target::masquerade}}),
      folded("cali-INPUT", {{.target = Target::drop}}),
  };
  BuiltInChain prerouting{.kind = ChainKind::prerouting};
  prerouting.owner_rules.at(static_cast<std::size_t>(Owner::kube_proxy)) = 1;
  const TableFigures figures = summarize(chains, std::array{prerouting});

  EXPECT_EQ(figures.chains, 8U);
  EXPECT_EQ(figures.rules, 11U);
  EXPECT_EQ(figures.services, 1U);
  EXPECT_EQ(figures.nodeports, 1U);
  EXPECT_EQ(figures.endpoints, 1U);
  EXPECT_EQ(figures.masquerade_rules, 3U);
  EXPECT_EQ(figures.worst_case_walk, 2U + 2U + 2U);
  EXPECT_EQ(figures.refusals, 0U);  // Calico's are not kube-proxy's
  EXPECT_EQ(figures.classes.at(static_cast<std::size_t>(ChainClass::svc)).rules, 2U);
  EXPECT_EQ(figures.classes.at(static_cast<std::size_t>(ChainClass::foreign)).chains, 2U);
  EXPECT_EQ(figures.owner_rules.at(static_cast<std::size_t>(Owner::kube_proxy)), 10U);
  EXPECT_EQ(figures.owner_rules.at(static_cast<std::size_t>(Owner::calico)), 1U);
}

TEST(Summarize, RefusalsAreThoseOfKubeProxysDispatchingChains) {
  const Rule reject{.target = Target::reject};
  const Rule drop{.target = Target::drop};
  const ChainRecord chains[] = {folded("KUBE-SERVICES", {reject}),
                                folded("KUBE-EXTERNAL-SERVICES", {reject, drop}),
                                folded("KUBE-NODEPORTS", {drop}), folded("KUBE-FORWARD", {drop}),
                                folded("KUBE-PROXY-FIREWALL", {drop})};
  EXPECT_EQ(summarize(chains, {}).refusals, 4U);
}

TEST(Summarize, WithoutDispatchingRulesThereIsNoWalk) {
  const ChainRecord chains[] = {folded("KUBE-SERVICES", {}),
                                folded(kService, {jump_to(kEndpoint)})};
  EXPECT_EQ(summarize(chains, {}).worst_case_walk, 0U);
}

TEST(Summarize, JumpsIntoDeadChainsDangle) {
  ChainRecord dead = folded(kService, {jump_to("KUBE-MARK-MASQ")});
  dead.use = 4;  // one rule of its own, three jumps to it
  ChainRecord alive = folded(kOtherService, {jump_to(kEndpoint)});
  alive.use = 9;
  const ChainRecord empty_and_unused = folded(kEndpoint, {});
  EXPECT_EQ(summarize(std::array{dead, alive, empty_and_unused}, {}).dangling_jumps, 3U);

  // Legacy tables have no `use`: the decoder counts.
  dead.use = 0;
  dead.dangling_jumps = 2;
  EXPECT_EQ(summarize(std::array{dead}, {}).dangling_jumps, 2U);
}

TEST(Summarize, ContentIsThatOfTheChainsAndWhoTheyAre) {
  ChainRecord one = folded(with_contents({1, 2}));
  one.handle = 1;
  ChainRecord other = folded(with_contents({3}));
  other.handle = 2;
  const std::uint64_t content = summarize(std::array{one, other}, {}).content;
  EXPECT_EQ(summarize(std::array{one, other}, {}).content, content);

  ChainRecord made_anew = other;
  made_anew.handle = 3;
  EXPECT_NE(summarize(std::array{one, made_anew}, {}).content, content);
  std::swap(one.content, other.content);
  EXPECT_NE(summarize(std::array{one, other}, {}).content, content);
  EXPECT_NE(summarize(std::array{one}, {}).content, content);
}

}  // namespace
}  // namespace kubecliff::iptables
