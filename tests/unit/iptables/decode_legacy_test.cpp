// Every table here is tried in both families: the layouts differ, what they say does not.
#include "collectors/iptables/decode_legacy.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/legacy_blob.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::iptables {
namespace {

using test::fails_with;
using test::has_value;
using test::LegacyBlob;
using test::LegacyBlobBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kService = "KUBE-SVC-AAAAAAAAAAAAAAAA";
constexpr std::string_view kEndpoint = "KUBE-SEP-CCCCCCCCCCCCCCCC";

class DecodeLegacy : public ::testing::TestWithParam<AddressFamily> {
 protected:
  [[nodiscard]] static LegacyBlobBuilder table() { return LegacyBlobBuilder{GetParam()}; }
  // Offsets of fields in an entry.
  [[nodiscard]] static std::size_t target_offset() {
    return GetParam() == AddressFamily::ipv4 ? offsetof(ipt_entry, target_offset)
                                             : offsetof(ip6t_entry, target_offset);
  }
  [[nodiscard]] static std::size_t next_offset() {
    return GetParam() == AddressFamily::ipv4 ? offsetof(ipt_entry, next_offset)
                                             : offsetof(ip6t_entry, next_offset);
  }
  [[nodiscard]] static std::size_t comefrom() {
    return GetParam() == AddressFamily::ipv4 ? offsetof(ipt_entry, comefrom)
                                             : offsetof(ip6t_entry, comefrom);
  }
  [[nodiscard]] static std::size_t header_size() {
    return GetParam() == AddressFamily::ipv4 ? sizeof(ipt_entry) : sizeof(ip6t_entry);
  }
};

INSTANTIATE_TEST_SUITE_P(, DecodeLegacy, ::testing::ValuesIn(kAddressFamilies),
                         [](const auto& param) { return std::string{name(param.param)}; });

Result<LegacyTable> decode(const LegacyBlob& blob) {
  return decode_legacy(blob.bytes, blob.info, blob.family);
}

TableFigures figures_of(const LegacyTable& table) {
  return summarize(table.chains, table.built_in);
}

TEST_P(DecodeLegacy, PoliciesHeadsAndImplicitReturnsAreNoRules) {
  const auto decoded = decode(table()
                                  .hook(NF_INET_PRE_ROUTING)
                                  .rule()
                                  .rule()
                                  .hook(NF_INET_LOCAL_OUT)
                                  .chain("one")
                                  .rule()
                                  .chain("empty")
                                  .build());
  ASSERT_THAT(decoded, has_value());
  EXPECT_THAT(decoded->chains, ElementsAre(::testing::Field(&ChainRecord::rules, 2U),
                                           ::testing::Field(&ChainRecord::rules, 0U),
                                           ::testing::Field(&ChainRecord::rules, 1U),
                                           ::testing::Field(&ChainRecord::rules, 0U)));
  EXPECT_THAT(decoded->built_in,
              ElementsAre(::testing::Field(&BuiltInChain::kind, ChainKind::prerouting),
                          ::testing::Field(&BuiltInChain::kind, ChainKind::output)));
}

TEST_P(DecodeLegacy, ATableOfNothingButPoliciesHasNoRules) {
  const auto decoded =
      decode(table().hook(NF_INET_LOCAL_IN).hook(NF_INET_FORWARD).hook(NF_INET_LOCAL_OUT).build());
  ASSERT_THAT(decoded, has_value());
  EXPECT_EQ(figures_of(*decoded).rules, 0U);
  EXPECT_EQ(figures_of(*decoded).chains, 3U);
}

TEST_P(DecodeLegacy, BuiltInChainsMayLieInAnyOrder) {
  const auto decoded = decode(table()
                                  .hook(NF_INET_POST_ROUTING)
                                  .rule()
                                  .chain("between")
                                  .hook(NF_INET_PRE_ROUTING)
                                  .rule()
                                  .rule()
                                  .build());
  ASSERT_THAT(decoded, has_value());
  ASSERT_EQ(decoded->chains.size(), 3U);
  EXPECT_EQ(decoded->chains[0].kind, ChainKind::postrouting);
  EXPECT_EQ(decoded->chains[0].rules, 1U);
  EXPECT_EQ(decoded->chains[1].kind, ChainKind::user);
  EXPECT_EQ(decoded->chains[2].kind, ChainKind::prerouting);
  EXPECT_EQ(decoded->chains[2].rules, 2U);
}

TEST_P(DecodeLegacy, TargetsAreTold) {
  const auto decoded = decode(table()
                                  .chain("KUBE-SERVICES")
                                  .rule()  // no target
                                  .rule({.target = test::verdict(NF_ACCEPT)})
                                  .rule({.target = test::verdict(NF_DROP)})
                                  .rule({.target = test::return_to_caller()})
                                  .rule({.target = test::XtablesExtension{.name = "REJECT"}})
                                  .rule({.target = test::XtablesExtension{.name = "MASQUERADE"}})
                                  .rule({.target = test::XtablesExtension{.name = "DNAT"}})
                                  .rule({.target = test::jump("KUBE-MARK-MASQ")})
                                  .rule({.target = test::go_to("KUBE-MARK-MASQ")})
                                  .chain("KUBE-MARK-MASQ")
                                  .build());
  ASSERT_THAT(decoded, has_value());
  const ChainRecord& chain = decoded->chains.at(0);
  EXPECT_EQ(chain.rules, 9U);
  EXPECT_EQ(chain.refusals, 2U);
  EXPECT_EQ(chain.masquerade_rules, 3U);
  EXPECT_EQ(chain.jumps, 2U);
}

TEST_P(DecodeLegacy, ARuleWithoutATargetStandsAnywhereInAChain) {
  const auto decoded = decode(
      table().hook(NF_INET_LOCAL_IN).rule().chain("first-and-last").rule().chain("next").build());
  ASSERT_THAT(decoded, has_value());
  EXPECT_EQ(figures_of(*decoded).rules, 2U);
  EXPECT_EQ(decoded->chains.at(1).jumps, 0U);
}

TEST_P(DecodeLegacy, JumpsAreResolvedToNamesForwardsAndBackwards) {
  const auto decoded = decode(table()
                                  .chain(std::string{kEndpoint})
                                  .rule({.target = test::XtablesExtension{.name = "DNAT"}})
                                  .chain("KUBE-SERVICES")
                                  .rule({.target = test::jump(std::string{kService})})
                                  .chain(std::string{kService})
                                  .rule({.matches = {test::statistic_random(0.5)},
                                         .target = test::jump(std::string{kEndpoint})})
                                  .rule({.matches = {test::comment("the last one")},
                                         .target = test::go_to(std::string{kEndpoint})})
                                  .hook(NF_INET_PRE_ROUTING)
                                  .rule({.target = test::XtablesExtension{.name = "LOG"}})
                                  .rule({.target = test::jump("KUBE-SERVICES"), .packets = 42})
                                  .build());
  ASSERT_THAT(decoded, has_value());
  const TableFigures figures = figures_of(*decoded);
  EXPECT_EQ(figures.services, 1U);
  EXPECT_EQ(figures.endpoints, 1U);
  EXPECT_EQ(figures.unbalanced_chains, 0U);
  EXPECT_EQ(figures.worst_case_walk, 1U + 2U + 2U);
  EXPECT_EQ(decoded->chains.at(2).endpoint_jumps, 2U);
  EXPECT_EQ(decoded->built_in.at(0).services_jump, 1U);
  EXPECT_EQ(decoded->built_in.at(0).services_packets, 42U);
}

TEST_P(DecodeLegacy, AJumpToWhereNoChainBeginsHasNoName) {
  LegacyBlob blob = table()
                        .hook(NF_INET_PRE_ROUTING)
                        .rule({.target = test::jump("nowhere")})
                        .chain("KUBE-SERVICES")
                        .rule()
                        .build();
  const std::size_t verdict = blob.entries.at(0) + header_size() + sizeof(xt_entry_target);
  for (const std::size_t to : {std::size_t{0}, blob.entries.at(2) - 8, blob.entries.at(3) - 1,
                               blob.entries.at(3) + 1, blob.bytes.size(), blob.bytes.size() + 1,
                               std::size_t{std::numeric_limits<std::int32_t>::max()}}) {
    blob.poke(verdict, static_cast<std::int32_t>(to));
    const auto decoded = decode(blob);
    ASSERT_THAT(decoded, has_value()) << to;
    EXPECT_EQ(decoded->chains.at(0).jumps, 1U) << to;
    EXPECT_EQ(decoded->built_in.at(0).services_jump, std::nullopt) << to;
  }
}

TEST_P(DecodeLegacy, MatchesAreReadOneAfterTheOther) {
  const auto decoded =
      decode(table()
                 .chain(std::string{kService})
                 .rule({.matches = {test::comment("c"), test::recent("KUBE-SEP-X")},
                        .target = test::jump(std::string{kEndpoint})})
                 .rule({.matches = {{.name = "made-up", .info = test::ByteVector(24)},
                                    test::statistic_random(0.75)},
                        .target = test::jump(std::string{kEndpoint})})
                 .rule({.target = test::jump(std::string{kEndpoint})})
                 .chain(std::string{kEndpoint})
                 .rule()
                 .build());
  ASSERT_THAT(decoded, has_value());
  EXPECT_EQ(decoded->chains.at(0).affinity_rules, 1U);
  EXPECT_EQ(decoded->chains.at(0).endpoint_jumps, 3U);
  EXPECT_TRUE(decoded->chains.at(0).unbalanced);
}

TEST_P(DecodeLegacy, RulesOfUsersChainsAreVisitedWithTheirComments) {
  const test::LegacyBlob blob = table()
                                    .hook(NF_INET_PRE_ROUTING)
                                    .rule({.matches = {test::comment("not this")}})
                                    .chain(std::string{kService})
                                    .rule({.matches = {test::comment("a/b:c cluster IP")},
                                           .target = test::jump(std::string{kEndpoint}),
                                           .packets = 7})
                                    .rule()
                                    .chain(std::string{kEndpoint})
                                    .build();
  std::string seen;
  const auto visited = visit_legacy(
      blob.bytes, blob.info, GetParam(),
      {.begin_chain = [&](std::string_view chain) { seen += std::string{chain} + '\n'; },
       .add =
           [&](const Rule& rule) {
             seen += std::to_string(rule.packets) + ' ' + std::string{rule.comment} + ' ' +
                     std::string{rule.chain} + '\n';
           }});
  ASSERT_THAT(visited, has_value());
  EXPECT_EQ(seen, std::string{kService} + "\n7 a/b:c cluster IP " + std::string{kEndpoint} +
                      "\n0  \n" + std::string{kEndpoint} + '\n');
}

TEST_P(DecodeLegacy, NotrackInABuiltInChainIsNodelocaldns) {
  const auto decoded = decode(table()
                                  .hook(NF_INET_PRE_ROUTING)
                                  .rule({.target = test::ct_notrack()})
                                  .rule({.target = test::ct_zone(1)})
                                  .build());
  ASSERT_THAT(decoded, has_value());
  EXPECT_EQ(figures_of(*decoded).owner_rules.at(static_cast<std::size_t>(Owner::nodelocaldns)), 1U);
  EXPECT_EQ(figures_of(*decoded).owner_rules.at(static_cast<std::size_t>(Owner::other)), 1U);
}

TEST_P(DecodeLegacy, JumpsIntoChainsThatLeadNowhereAreCounted) {
  const auto decoded = decode(table()
                                  .chain("KUBE-SERVICES")
                                  .rule({.target = test::jump(std::string{kService})})
                                  .rule({.target = test::go_to(std::string{kService})})
                                  .chain(std::string{kService})
                                  .rule({.target = test::jump(std::string{kEndpoint})})
                                  .chain(std::string{kEndpoint})
                                  .chain("KUBE-SVC-BBBBBBBBBBBBBBBB")
                                  .rule({.target = test::jump("KUBE-MARK-MASQ")})
                                  .chain("KUBE-MARK-MASQ")
                                  .build());
  ASSERT_THAT(decoded, has_value());
  EXPECT_EQ(figures_of(*decoded).dangling_jumps, 1U);  // the Service's, to the empty endpoint
}

TEST_P(DecodeLegacy, ContentLeavesOutCountersAndKernelsNotesAndNothingElse) {
  const auto content_of = [](const test::LegacyRule& rule) {
    const auto decoded =
        decode(LegacyBlobBuilder{GetParam()}.chain("one").rule(rule).chain("two").rule().build());
    return decoded ? decoded->chains.at(0).content : 0;
  };
  const test::LegacyRule rule{.matches = {test::comment("a")}, .target = test::jump("two")};
  const std::uint64_t content = content_of(rule);
  ASSERT_NE(content, 0U);

  test::LegacyRule counted = rule;
  counted.packets = counted.bytes = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(content_of(counted), content);

  test::LegacyRule other_protocol = rule;
  other_protocol.protocol = 17;
  EXPECT_NE(content_of(other_protocol), content);
  test::LegacyRule other_match = rule;
  other_match.matches = {test::comment("b")};
  EXPECT_NE(content_of(other_match), content);
  test::LegacyRule other_target = rule;
  other_target.target = test::verdict(NF_DROP);
  EXPECT_NE(content_of(other_target), content);
  test::LegacyRule other_way = rule;
  other_way.target = test::go_to("two");
  EXPECT_NE(content_of(other_way), content);

  LegacyBlob blob = table().chain("one").rule(rule).chain("two").rule().build();
  blob.poke(blob.entries.at(1) + comefrom(), std::uint32_t{7});
  const auto decoded = decode(blob);
  ASSERT_THAT(decoded, has_value());
  EXPECT_EQ(decoded->chains.at(0).content, content);
}

TEST_P(DecodeLegacy, EqualRulesOfAChainAreDuplicatesWhateverTheyCounted) {
  const test::LegacyRule rule{.matches = {test::comment("a")}, .target = test::jump("two")};
  test::LegacyRule counted = rule;
  counted.packets = 9;
  const auto decoded =
      decode(table().chain("one").rule(rule).rule(counted).rule().chain("two").rule(rule).build());
  ASSERT_THAT(decoded, has_value());
  EXPECT_EQ(figures_of(*decoded).duplicates, 1U);
}

TEST_P(DecodeLegacy, CountersAtTheirMaximumAreTaken) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  const auto decoded =
      decode(table()
                 .hook(NF_INET_LOCAL_OUT)
                 .rule({.target = test::jump("KUBE-SERVICES"), .packets = kMost, .bytes = kMost})
                 .chain("KUBE-SERVICES")
                 .build());
  ASSERT_THAT(decoded, has_value());
  EXPECT_EQ(decoded->built_in.at(0).services_packets, kMost);
}

TEST_P(DecodeLegacy, NamesNeedNoNulAtTheirMaximumLength) {
  // A name of 30 characters fills its field, and what follows it is padding of any content.
  const std::string longest = "cali-" + std::string(XT_FUNCTION_MAXNAMELEN - 5, 'x');
  LegacyBlob blob = table()
                        .hook(NF_INET_FORWARD)
                        .rule({.target = test::jump(longest)})
                        .chain(longest)
                        .rule()
                        .build();
  const std::size_t padding = blob.entries.at(2) + header_size() + sizeof(xt_error_target) - 2;
  blob.poke(padding, std::uint16_t{0x5858});
  const auto decoded = decode(blob);
  ASSERT_THAT(decoded, has_value());
  EXPECT_EQ(decoded->chains.at(1).owner, Owner::calico);
  EXPECT_EQ(decoded->built_in.at(0).owner_rules.at(static_cast<std::size_t>(Owner::calico)), 1U);
}

TEST_P(DecodeLegacy, TheNameEndsWithItsField) {
  // "KUBE-SVC-" and 16 characters are a Service's chain; what lies behind the field is not its
  // name.
  LegacyBlob blob = table().chain(std::string(XT_FUNCTION_MAXNAMELEN, 'x')).build();
  const std::size_t name = blob.entries.at(0) + header_size() + sizeof(xt_entry_target);
  const std::string_view service = kService;
  for (std::size_t i = 0; i < service.size(); ++i) {
    blob.poke(name + i, service[i]);
  }
  blob.poke(name + service.size(), '\0');
  const auto decoded = decode(blob);
  ASSERT_THAT(decoded, has_value());
  EXPECT_EQ(decoded->chains.at(0).chain_class, ChainClass::svc);
}

TEST_P(DecodeLegacy, AChainMayBeCalledError) {
  const auto decoded = decode(table()
                                  .hook(NF_INET_LOCAL_IN)
                                  .rule({.target = test::jump("ERROR")})
                                  .chain("ERROR")
                                  .rule()
                                  .rule()
                                  .chain("after")
                                  .rule()
                                  .build());
  ASSERT_THAT(decoded, has_value());
  EXPECT_EQ(figures_of(*decoded).rules, 4U);
  EXPECT_EQ(figures_of(*decoded).chains, 3U);
}

TEST_P(DecodeLegacy, WhatContradictsItselfIsMalformed) {
  struct Case {
    const char* description;
    std::function<void(LegacyBlob&)> break_it;
  };
  // Entry 0 is a rule with a match, 1 the policy, 2 a head, 3 a return, 4 the end.
  const Case cases[] = {
      {"an entry of no size",
       [](LegacyBlob& blob) { blob.poke(blob.entries[0] + next_offset(), std::uint16_t{0}); }},
      {"an entry smaller than its header",
       [](LegacyBlob& blob) {
         blob.poke(blob.entries[0] + next_offset(), static_cast<std::uint16_t>(header_size() - 1));
       }},
      {"an entry that reaches beyond the blob",
       [](LegacyBlob& blob) { blob.poke(blob.entries[4] + next_offset(), std::uint16_t{0xffff}); }},
      {"a target inside the header",
       [](LegacyBlob& blob) { blob.poke(blob.entries[0] + target_offset(), std::uint16_t{8}); }},
      {"a target behind the entry",
       [](LegacyBlob& blob) {
         blob.poke(blob.entries[0] + target_offset(), std::uint16_t{0xfff0});
       }},
      {"a target where the entry ends",
       [](LegacyBlob& blob) {
         blob.poke(blob.entries[1] + target_offset(),
                   static_cast<std::uint16_t>(blob.entries[2] - blob.entries[1]));
       }},
      {"a target of no size",
       [](LegacyBlob& blob) { blob.poke(blob.entries[1] + header_size(), std::uint16_t{0}); }},
      {"a target larger than its entry",
       [](LegacyBlob& blob) { blob.poke(blob.entries[1] + header_size(), std::uint16_t{0xffff}); }},
      {"a standard target without its verdict",
       [](LegacyBlob& blob) { blob.poke(blob.entries[1] + header_size(), std::uint16_t{32}); }},
      {"a match of no size",
       [](LegacyBlob& blob) { blob.poke(blob.entries[0] + header_size(), std::uint16_t{0}); }},
      {"a match that reaches into the target",
       [](LegacyBlob& blob) { blob.poke(blob.entries[0] + header_size(), std::uint16_t{0x7fff}); }},
      {"a match that leaves less than a header",
       [](LegacyBlob& blob) { blob.poke(blob.entries[0] + header_size(), std::uint16_t{280}); }},
      {"one entry more than was said", [](LegacyBlob& blob) { --blob.info.entries; }},
      {"one entry less", [](LegacyBlob& blob) { ++blob.info.entries; }},
      {"no end",
       [](LegacyBlob& blob) {
         blob.bytes.resize(blob.entries[4]);
         --blob.info.entries;
       }},
      {"half an entry",
       [](LegacyBlob& blob) { blob.bytes.resize(blob.entries[4] + header_size() / 2); }},
      {"a rule before any chain", [](LegacyBlob& blob) { blob.info.valid_hooks = 0; }},
      {"a hook elsewhere", [](LegacyBlob& blob) { blob.info.hook_entry.fill(8); }},
      {"nothing at all", [](LegacyBlob& blob) { blob.bytes.clear(); }},
  };
  for (const Case& c : cases) {
    LegacyBlob blob = table()
                          .hook(NF_INET_PRE_ROUTING)
                          .rule({.matches = {test::comment("x")}})
                          .chain("one")
                          .build();
    ASSERT_THAT(decode(blob), has_value());
    c.break_it(blob);
    EXPECT_THAT(decode(blob), fails_with(ErrorKind::malformed, HasSubstr("legacy table")))
        << c.description;
  }
}

TEST_P(DecodeLegacy, ABlobCutAnywhereIsMalformed) {
  const LegacyBlob blob = table()
                              .hook(NF_INET_PRE_ROUTING)
                              .rule({.matches = {test::statistic_random(0.5)},
                                     .target = test::jump(std::string{kService})})
                              .chain(std::string{kService})
                              .rule({.target = test::ct_notrack()})
                              .build();
  for (std::size_t size = 0; size < blob.bytes.size(); ++size) {
    // A copy of exactly that size, so that a read beyond it shows under AddressSanitizer.
    const test::ByteVector cut{blob.bytes.begin(),
                               blob.bytes.begin() + static_cast<std::ptrdiff_t>(size)};
    ASSERT_FALSE(decode_legacy(cut, blob.info, blob.family)) << size;
  }
}

}  // namespace
}  // namespace kubecliff::iptables
