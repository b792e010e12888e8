#include "collectors/iptables/match_info.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <gtest/gtest.h>

#include "tests/support/xtables_extension.h"

namespace kubecliff::iptables {
namespace {

using test::ByteVector;
using test::Sense;
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

TEST(ApplyTarget, TellsWhatItDoes) {
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
      {.extension = {.name = "DNAT"}, .target = Target::dnat},
      {.extension = {.name = "reject"}, .target = Target::other},
      {.extension = {.name = ""}, .target = Target::other},
  };
  for (const Case& c : cases) {
    Rule rule;
    apply_target(c.extension.name, 0, c.extension.info, rule);
    EXPECT_EQ(rule.target, c.target) << c.extension.name;
    EXPECT_TRUE(rule.translation.address.empty());
  }
}

const ByteVector pod_address{std::byte{10}, std::byte{0}, std::byte{0}, std::byte{1}};
const ByteVector next_address{std::byte{10}, std::byte{0}, std::byte{0}, std::byte{2}};

TEST(ApplyMatch, OnePortOfItsProtocolIsADestination) {
  struct Case {
    XtablesExtension (*match)(std::uint16_t first, std::uint16_t last, Sense sense);
    std::uint8_t protocol;
  };
  for (const Case& c : {Case{test::tcp_port, IPPROTO_TCP}, Case{test::udp_port, IPPROTO_UDP},
                        Case{test::sctp_port, IPPROTO_SCTP}}) {
    EXPECT_EQ(with_match(c.match(443, 443, Sense::straight)).destination.port, 443);
    EXPECT_EQ(with_match(c.match(443, 443, Sense::straight)).destination.protocol, c.protocol);
    EXPECT_EQ(with_match(c.match(443, 444, Sense::straight)).destination.port, 0);
    EXPECT_EQ(with_match(c.match(0, 65'535, Sense::straight)).destination.port, 0);
    EXPECT_EQ(with_match(c.match(443, 443, Sense::inverted)).destination.port, 0);
    const XtablesExtension whole = c.match(443, 443, Sense::straight);
    for (std::size_t size = 0; size < 8; ++size) {
      Rule rule;
      apply_match(whole.name, Bytes{whole.info}.first(size), rule);
      EXPECT_EQ(rule.destination.port, 0) << size;
    }
  }
}

TEST(ApplyTarget, DnatToOneAddressAndPortIsATranslationInEveryRevision) {
  const ByteVector ipv6(16, std::byte{0xfd});
  struct Case {
    std::uint8_t revision;
    ByteVector address;
  };
  for (const Case& c : {Case{0, pod_address}, Case{1, pod_address}, Case{2, pod_address},
                        Case{1, ipv6}, Case{2, ipv6}}) {
    SCOPED_TRACE(int{c.revision});
    const XtablesExtension target = test::dnat(c.revision, {c.address, c.address, 8080, 8080});
    Rule rule{.address_size = c.address.size()};
    apply_target("DNAT", c.revision, target.info, rule);
    EXPECT_EQ(rule.target, Target::dnat);
    EXPECT_TRUE(std::ranges::equal(rule.translation.address, c.address));
    EXPECT_EQ(rule.translation.port, 8080);
    for (std::size_t size = 0; size < 20; ++size) {
      Rule cut{.address_size = c.address.size()};
      apply_target("DNAT", c.revision, Bytes{target.info}.first(size), cut);
      EXPECT_TRUE(cut.translation.address.empty()) << size;
    }
  }
}

TEST(ApplyTarget, DnatToSeveralIsNoTranslation) {
  for (std::uint8_t revision = 0; revision <= 2; ++revision) {
    for (const test::DnatRange& to : {test::DnatRange{pod_address, next_address, 8080, 8080},
                                      test::DnatRange{pod_address, pod_address, 8080, 8081}}) {
      Rule rule{.address_size = pod_address.size()};
      apply_target("DNAT", revision, test::dnat(revision, to).info, rule);
      EXPECT_EQ(rule.target, Target::dnat);
      EXPECT_TRUE(rule.translation.address.empty());
    }
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
