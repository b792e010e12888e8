#include "collectors/iptables/match_info.h"

#include <gtest/gtest.h>

#include "tests/support/xtables_extension.h"

namespace kubecliff::iptables {
namespace {

using test::XtablesExtension;

Rule with_match(const XtablesExtension& match) {
  Rule rule;
  apply_match(match.name, match.info, rule);
  return rule;
}

TEST(ApplyMatch, StatisticInRandomModeGivesAChance) {
  EXPECT_EQ(with_match(test::statistic_random(0.5)).chance, 0.5);
  EXPECT_EQ(with_match(test::statistic_random(1)).chance, 1);
  EXPECT_EQ(with_match(test::statistic_random(0)).chance, 0);
  EXPECT_NEAR(with_match(test::statistic_random(1.0 / 3)).chance.value_or(0), 1.0 / 3, 1e-9);
}

TEST(ApplyMatch, StatisticInNthModeGivesNone) {
  EXPECT_EQ(with_match(test::statistic_nth(3)).chance, std::nullopt);
}

TEST(ApplyMatch, StatisticThatEndsEarlyGivesNone) {
  const XtablesExtension whole = test::statistic_random(0.5);
  for (const std::size_t size : {0U, 1U, 3U, 7U}) {
    Rule rule;
    apply_match("statistic", Bytes{whole.info}.first(size), rule);
    EXPECT_EQ(rule.chance, std::nullopt) << size;
  }
}

TEST(ApplyMatch, RecentIsAffinity) {
  EXPECT_TRUE(with_match(test::recent("KUBE-SEP-AAAAAAAAAAAAAAAA")).recent);
}

TEST(ApplyMatch, OtherMatchesAreLeftAlone) {
  for (const std::string_view match : {"comment", "recently", "statistics", "made-up", ""}) {
    const Rule rule = with_match({.name = std::string{match}, .info = test::comment("x").info});
    EXPECT_FALSE(rule.recent) << match;
    EXPECT_EQ(rule.chance, std::nullopt) << match;
    EXPECT_EQ(rule.target, Target::none) << match;
  }
}

TEST(ExtensionTarget, TellsWhatItDoes) {
  struct Case {
    XtablesExtension extension;
    Target target;
  };
  const Case cases[] = {
      {.extension = {.name = "REJECT"}, .target = Target::reject},
      {.extension = {.name = "MASQUERADE"}, .target = Target::masquerade},
      {.extension = {.name = "NOTRACK"}, .target = Target::notrack},
      {.extension = test::ct_notrack(), .target = Target::notrack},
      {.extension = test::ct_zone(7), .target = Target::other},
      {.extension = {.name = "CT"}, .target = Target::other},  // without its bytes
      {.extension = {.name = "DNAT"}, .target = Target::other},
      {.extension = {.name = "reject"}, .target = Target::other},
      {.extension = {.name = ""}, .target = Target::other},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(extension_target(c.extension.name, c.extension.info), c.target) << c.extension.name;
  }
}

TEST(HashOf, DependsOnTheBytesTheSeedAndTheOrderOfChaining) {
  const test::ByteVector one{std::byte{1}};
  const test::ByteVector two{std::byte{2}};
  EXPECT_EQ(hash_of(one), hash_of(one));
  EXPECT_NE(hash_of(one), hash_of(two));
  EXPECT_NE(hash_of(one, 1), hash_of(one, 2));
  EXPECT_NE(hash_of(two, hash_of(one)), hash_of(one, hash_of(two)));
  EXPECT_NE(hash_of({}, hash_of(one)), hash_of(one));
}

}  // namespace
}  // namespace kubecliff::iptables
