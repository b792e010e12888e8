#include "collectors/iptables/decode_nft.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/nft_messages.h"

namespace kubecliff::iptables {
namespace {

using test::ByteVector;
using test::nft_compare;
using test::nft_counter;
using test::nft_expression;
using test::nft_load_payload;
using test::nft_match;
using test::nft_target;
using test::nft_verdict;

constexpr std::uint32_t kGeneration = 0x00050007;

// The first message in the bytes, which must outlive it.
netlink::Message message_in(Bytes bytes) {
  netlink::Message message;
  netlink::Messages messages{bytes};
  EXPECT_TRUE(messages.next(message));
  return message;
}

Rule rule_in(Bytes bytes) {
  const std::optional<Rule> rule = decode_rule(message_in(bytes), Detail::destinations);
  EXPECT_TRUE(rule);
  return rule.value_or(Rule{});
}

netlink::NftChain chain_in(Bytes bytes) {
  const std::optional<netlink::NftChain> chain = netlink::decode_nft_chain(message_in(bytes));
  EXPECT_TRUE(chain);
  return chain.value_or(netlink::NftChain{});
}

Rule decoded(const std::vector<ByteVector>& expressions, std::string user_data = {}) {
  // The rule's chain is a view into the message.
  static ByteVector bytes;
  bytes =
      test::nft_rule({.expressions = expressions, .user_data = std::move(user_data)}, kGeneration);
  return rule_in(bytes);
}

TEST(DecodeTable, TakesNameAndHandle) {
  const ByteVector bytes =
      test::nft_table({.name = "nat", .handle = 0x100000002}, AddressFamily::ipv6, kGeneration);
  const auto table = netlink::decode_nft_table(message_in(bytes));
  ASSERT_TRUE(table);
  EXPECT_EQ(table->name, "nat");
  EXPECT_EQ(table->handle, 0x100000002U);
  const auto nameless =
      test::nft_message(NFT_MSG_NEWTABLE, AddressFamily::ipv4, kGeneration).message();
  EXPECT_FALSE(netlink::decode_nft_table(message_in(nameless)));
}

TEST(DecodeChain, TakesNameHandleAndUse) {
  const ByteVector bytes = test::nft_chain({.table = "filter",
                                            .name = "KUBE-FORWARD",
                                            .handle = std::numeric_limits<std::uint64_t>::max(),
                                            .use = std::numeric_limits<std::uint32_t>::max()},
                                           kGeneration);
  const netlink::NftChain chain = chain_in(bytes);
  EXPECT_EQ(chain.table, "filter");
  EXPECT_EQ(chain.name, "KUBE-FORWARD");
  EXPECT_EQ(chain.handle, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(chain.use, std::numeric_limits<std::uint32_t>::max());
  EXPECT_EQ(kind_of(chain), ChainKind::user);
}

TEST(DecodeChain, ABuiltInChainHasItsNameAndAHook) {
  const ByteVector base = test::nft_chain({.name = "OUTPUT", .base = true}, kGeneration);
  EXPECT_EQ(kind_of(chain_in(base)), ChainKind::output);
  const ByteVector unhooked = test::nft_chain({.name = "OUTPUT"}, kGeneration);
  EXPECT_EQ(kind_of(chain_in(unhooked)), ChainKind::user);
  const ByteVector other = test::nft_chain({.name = "mine", .base = true}, kGeneration);
  EXPECT_EQ(kind_of(chain_in(other)), ChainKind::user);
}

TEST(DecodeChain, ANameMayTakeAllThatNetfilterAllows) {
  const std::string longest(NFT_NAME_MAXLEN - 1, 'x');
  const ByteVector bytes = test::nft_chain({.name = longest}, kGeneration);
  EXPECT_EQ(chain_in(bytes).name, longest);
}

TEST(DecodeChain, WhatEveryChainHasMustBeThere) {
  const auto builder = [] {
    return test::nft_message(NFT_MSG_NEWCHAIN, AddressFamily::ipv4, kGeneration);
  };
  const ByteVector text{std::byte{'a'}, std::byte{0}};
  const ByteVector handle(8);
  struct Case {
    const char* description;
    ByteVector message;
    bool decodes;
  };
  const Case cases[] = {
      {"all of it",
       builder()
           .attribute(NFTA_CHAIN_TABLE, text)
           .attribute(NFTA_CHAIN_NAME, text)
           .attribute(NFTA_CHAIN_HANDLE, handle)
           .be32(NFTA_CHAIN_USE, 0)
           .message(),
       true},
      {"no table",
       builder()
           .attribute(NFTA_CHAIN_NAME, text)
           .attribute(NFTA_CHAIN_HANDLE, handle)
           .be32(NFTA_CHAIN_USE, 0)
           .message(),
       false},
      {"no name",
       builder()
           .attribute(NFTA_CHAIN_TABLE, text)
           .attribute(NFTA_CHAIN_HANDLE, handle)
           .be32(NFTA_CHAIN_USE, 0)
           .message(),
       false},
      {"no handle",
       builder()
           .attribute(NFTA_CHAIN_TABLE, text)
           .attribute(NFTA_CHAIN_NAME, text)
           .be32(NFTA_CHAIN_USE, 0)
           .message(),
       false},
      {"half a handle",
       builder()
           .attribute(NFTA_CHAIN_TABLE, text)
           .attribute(NFTA_CHAIN_NAME, text)
           .attribute(NFTA_CHAIN_HANDLE, ByteVector(4))
           .be32(NFTA_CHAIN_USE, 0)
           .message(),
       false},
      {"no use",
       builder()
           .attribute(NFTA_CHAIN_TABLE, text)
           .attribute(NFTA_CHAIN_NAME, text)
           .attribute(NFTA_CHAIN_HANDLE, handle)
           .message(),
       false},
      {"nothing", builder().message(), false},
      {"bytes that are no attribute",
       builder()
           .attribute(NFTA_CHAIN_TABLE, text)
           .attribute(NFTA_CHAIN_NAME, text)
           .attribute(NFTA_CHAIN_HANDLE, handle)
           .be32(NFTA_CHAIN_USE, 0)
           .raw(std::uint16_t{0xffff})
           .raw(std::uint16_t{0})
           .message(),
       false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(netlink::decode_nft_chain(message_in(c.message)).has_value(), c.decodes)
        << c.description;
  }
}

TEST(DecodeRule, VerdictsAreTold) {
  struct Case {
    std::int32_t code;
    Target target;
  };
  const Case cases[] = {
      {NF_DROP, Target::drop},
      {NF_ACCEPT, Target::other},
      {NF_QUEUE, Target::other},
      {NFT_CONTINUE, Target::other},
      {NFT_RETURN, Target::other},
      {NFT_BREAK, Target::other},
      {std::numeric_limits<std::int32_t>::min(), Target::other},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(decoded({nft_verdict(c.code)}).target, c.target) << c.code;
  }
}

TEST(DecodeRule, JumpsAndGotosLeadToAChain) {
  for (const std::int32_t code : {NFT_JUMP, NFT_GOTO}) {
    const Rule rule = decoded({nft_verdict(code, "KUBE-SERVICES")});
    EXPECT_EQ(rule.target, Target::chain);
    EXPECT_EQ(rule.chain, "KUBE-SERVICES");
  }
}

TEST(DecodeRule, AConstantInAnotherRegisterIsNoVerdict) {
  EXPECT_EQ(decoded({test::nft_load(0)}).target, Target::none);
}

TEST(DecodeRule, ExtensionsAreTheSameInEitherForm) {
  struct Case {
    const char* description;
    ByteVector expression;
    Target target;
  };
  const Case cases[] = {
      {"native reject", nft_expression("reject"), Target::reject},
      {"xtables' REJECT", nft_target({.name = "REJECT"}), Target::reject},
      {"native masq", nft_expression("masq"), Target::masquerade},
      {"xtables' MASQUERADE", nft_target({.name = "MASQUERADE"}), Target::masquerade},
      {"native notrack", nft_expression("notrack"), Target::notrack},
      {"xtables' CT", nft_target(test::ct_notrack()), Target::notrack},
      {"xtables' CT for a zone", nft_target(test::ct_zone(3)), Target::other},
      {"xtables' DNAT", nft_target({.name = "DNAT"}), Target::dnat},
      {"an expression that nobody knows", nft_expression("made-up", ByteVector(8)), Target::none},
      {"a target without its name", nft_expression("target"), Target::other},
      {"an immediate without its data", nft_expression("immediate"), Target::none},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(decoded({c.expression}).target, c.target) << c.description;
  }
}

const ByteVector service_address{std::byte{10}, std::byte{96}, std::byte{0}, std::byte{1}};
const ByteVector service_network{std::byte{10}, std::byte{96}, std::byte{0}};
const ByteVector https_port{std::byte{0x01}, std::byte{0xbb}};
const ByteVector tcp_number{std::byte{6}};

constexpr std::uint32_t kTransport = NFT_PAYLOAD_TRANSPORT_HEADER;
constexpr std::uint32_t kNetworkHeader = NFT_PAYLOAD_NETWORK_HEADER;

TEST(DecodeRule, ADestinationIsFollowedThroughRegisters) {
  struct Case {
    const char* description;
    std::vector<ByteVector> expressions;
    Destination::Hosts hosts = Destination::Hosts::any;
    std::uint16_t port = 0;
    std::uint8_t protocol = 0;
  };
  const ByteVector protocol = test::nft_load_l4proto(0);
  const ByteVector is_tcp = nft_compare(0, NFT_CMP_EQ, tcp_number);
  const ByteVector address = nft_load_payload(kNetworkHeader, 16, 4, 0);
  const ByteVector port = nft_load_payload(kTransport, 2, 2, 0);
  using enum Destination::Hosts;
  const Case cases[] = {
      {"as iptables-nft 1.8.9 writes them",
       {protocol, is_tcp, address, nft_compare(0, NFT_CMP_EQ, service_address), port,
        nft_compare(0, NFT_CMP_EQ, https_port)},
       one,
       443,
       6},
      {"each in a register of its own",
       {protocol, nft_load_payload(kNetworkHeader, 16, 4, 1), nft_load_payload(kTransport, 2, 2, 2),
        is_tcp, nft_compare(1, NFT_CMP_EQ, service_address),
        nft_compare(2, NFT_CMP_EQ, https_port)},
       one,
       443,
       6},
      {"before 1.8.7",
       {nft_load_payload(kNetworkHeader, 9, 1, 0), is_tcp, address,
        nft_compare(0, NFT_CMP_EQ, service_address), nft_match(test::tcp_port(443, 443))},
       one,
       443,
       6},
      {"a network by whole bytes",
       {nft_load_payload(kNetworkHeader, 16, 3, 0), nft_compare(0, NFT_CMP_EQ, service_network)},
       some},
      {"a network by a mask",
       {address, test::nft_mask(0, 0), nft_compare(0, NFT_CMP_EQ, service_address)},
       some},
      {"any other address", {address, nft_compare(0, NFT_CMP_NEQ, service_address)}, some},
      {"a comparison that is cut short",
       {address, nft_compare(0, NFT_CMP_EQ, service_network)},
       some},
      {"any other port", {port, nft_compare(0, NFT_CMP_NEQ, https_port)}},
      {"the source's address",
       {nft_load_payload(kNetworkHeader, 12, 4, 0), nft_compare(0, NFT_CMP_EQ, service_address)}},
      {"the source's port",
       {nft_load_payload(kTransport, 0, 2, 0), nft_compare(0, NFT_CMP_EQ, https_port)}},
      {"another register", {address, nft_compare(1, NFT_CMP_EQ, service_address)}},
      {"a register that there is not",
       {nft_load_payload(kNetworkHeader, 16, 4, 99), nft_compare(99, NFT_CMP_EQ, service_address)}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.description);
    const Rule rule = decoded(c.expressions);
    EXPECT_EQ(rule.destination.hosts, c.hosts);
    EXPECT_EQ(rule.destination.port, c.port);
    EXPECT_EQ(rule.destination.protocol, c.protocol);
    EXPECT_EQ(std::ranges::equal(rule.destination.address, service_address), c.hosts == one);
  }
}

TEST(DecodeRule, ATranslationIsAnExtensionOrAnExpression) {
  const ByteVector port{std::byte{0x1f}, std::byte{0x90}};
  const std::vector<ByteVector> native{test::nft_load_bytes(service_address, 0),
                                       test::nft_load_bytes(port, 4),
                                       test::nft_nat(NFT_NAT_DNAT, 0, 4)};
  const std::vector<ByteVector> extension{
      nft_target(test::dnat(2, {service_address, service_address, 8080, 8080}))};
  for (const auto& expressions : {native, extension}) {
    const Rule rule = decoded(expressions);
    EXPECT_EQ(rule.target, Target::dnat);
    EXPECT_TRUE(std::ranges::equal(rule.translation.address, service_address));
    EXPECT_EQ(rule.translation.port, 8080);
  }
  std::vector<ByteVector> to_source = native;
  to_source.back() = test::nft_nat(NFT_NAT_SNAT, 0, 4);
  EXPECT_TRUE(decoded(to_source).translation.address.empty());
  // An address that comes out of a map.
  EXPECT_TRUE(decoded({native[1], native[2]}).translation.address.empty());
}

TEST(DecodeRule, OfChainsThatTellNoServiceNothingIsFollowed) {
  EXPECT_EQ(detail_of("KUBE-SERVICES"), Detail::destinations);
  EXPECT_EQ(detail_of("KUBE-SEP-AAAAAAAAAAAAAAAA"), Detail::destinations);
  EXPECT_EQ(detail_of("KUBE-SVC-AAAAAAAAAAAAAAAA"), Detail::figures);
  EXPECT_EQ(detail_of("FORWARD"), Detail::figures);
}

TEST(DecodeRule, MatchesAreThoseOfXtables) {
  EXPECT_EQ(decoded({nft_match(test::statistic_random(0.25))}).chance, 0.25);
  EXPECT_EQ(decoded({nft_match(test::statistic_nth(4))}).chance, std::nullopt);
  EXPECT_TRUE(decoded({nft_match(test::recent("KUBE-SEP-X"))}).recent);
  EXPECT_FALSE(decoded({nft_match(test::comment("recent"))}).recent);
}

TEST(DecodeRule, CountersAreTaken) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(decoded({nft_counter(kMost, kMost)}).packets, kMost);
  EXPECT_EQ(decoded({nft_expression("counter")}).packets, 0U);
  EXPECT_EQ(decoded({}).packets, 0U);
}

TEST(DecodeRule, ContentLeavesOutCountersAndHandlesAndNothingElse) {
  const std::vector<ByteVector> rule{nft_match(test::comment("a")), nft_counter(1),
                                     nft_verdict(NFT_JUMP, "one")};
  const std::uint64_t content = decoded(rule, "note").content;
  ASSERT_NE(content, 0U);

  EXPECT_EQ(decoded({rule[0], nft_counter(2, 3), rule[2]}, "note").content, content);
  const ByteVector moved =
      test::nft_rule({.expressions = rule, .user_data = "note", .handle = 99}, kGeneration + 1);
  EXPECT_EQ(rule_in(moved).content, content);

  EXPECT_NE(decoded(rule, "another note").content, content);
  EXPECT_NE(decoded(rule).content, content);
  EXPECT_NE(decoded({nft_match(test::comment("b")), rule[1], rule[2]}, "note").content, content);
  EXPECT_NE(decoded({rule[0], rule[1], nft_verdict(NFT_GOTO, "one")}, "note").content, content);
  EXPECT_NE(decoded({rule[0], rule[1], nft_verdict(NFT_JUMP, "two")}, "note").content, content);
  EXPECT_NE(decoded({rule[0], rule[1]}, "note").content, content);
  EXPECT_NE(decoded({rule[2], rule[1], rule[0]}, "note").content, content);
}

TEST(DecodeRule, WithoutExpressionsItLetsThePacketGoOn) {
  const auto bytes = test::nft_message(NFT_MSG_NEWRULE, AddressFamily::ipv4, kGeneration).message();
  EXPECT_EQ(rule_in(bytes).target, Target::none);
}

TEST(DecodeRule, BytesThatAreNoAttributesAreNoRule) {
  const auto builder = [] {
    return test::nft_message(NFT_MSG_NEWRULE, AddressFamily::ipv4, kGeneration);
  };
  const nlattr too_long{.nla_len = 0xfff0, .nla_type = NFTA_LIST_ELEM};
  const nlattr too_short{.nla_len = 3, .nla_type = NFTA_LIST_ELEM};
  const ByteVector element = nft_expression("masq");
  const ByteVector messages[] = {
      builder().raw(too_long).message(),
      builder().raw(too_short).message(),
      builder()
          .nest(NFTA_RULE_EXPRESSIONS, [&](test::MessageBuilder& list) { list.raw(too_long); })
          .message(),
      builder()
          .nest(NFTA_RULE_EXPRESSIONS,
                [&](test::MessageBuilder& list) {
                  list.nest(NFTA_LIST_ELEM,
                            [&](test::MessageBuilder& item) { item.raw(element).raw(too_short); });
                })
          .message(),
      builder()
          .nest(NFTA_RULE_EXPRESSIONS,
                [&](test::MessageBuilder& list) { list.attribute(NFTA_LIST_ELEM, {}); })
          .message(),
  };
  for (const ByteVector& bytes : messages) {
    EXPECT_FALSE(decode_rule(message_in(bytes), Detail::destinations)) << &bytes - messages;
  }
}

TEST(DecodeRule, AMessageCutAnywhereIsNoAccident) {
  const ByteVector whole = test::nft_rule(
      {.expressions = {nft_match(test::statistic_random(0.5)), nft_counter(1),
                       nft_target(test::ct_notrack()), nft_verdict(NFT_JUMP, "KUBE-SERVICES")},
       .user_data = "note"},
      kGeneration);
  const Bytes payload = message_in(whole).payload;
  for (std::size_t size = 0; size < payload.size(); ++size) {
    const ByteVector cut{payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(size)};
    const netlink::Message message{.header = {}, .payload = cut};
    static_cast<void>(decode_rule(message, Detail::destinations));
    static_cast<void>(netlink::decode_nft_chain(message));
  }
}

std::string_view comment_in(const std::vector<ByteVector>& expressions, std::string user_data,
                            Detail detail) {
  static ByteVector bytes;  // the comment is a view into it
  bytes =
      test::nft_rule({.expressions = expressions, .user_data = std::move(user_data)}, kGeneration);
  return decode_rule(message_in(bytes), detail).value_or(Rule{}).comment;
}

TEST(DecodeComment, OfEitherPlaceAndOnlyWhereItIsAskedFor) {
  using namespace std::string_literals;
  const std::vector<ByteVector> match{nft_match(test::comment("a/b:c cluster IP"))};
  EXPECT_EQ(comment_in(match, {}, Detail::comments), "a/b:c cluster IP");
  EXPECT_EQ(comment_in(match, {}, Detail::destinations), "");
  EXPECT_EQ(comment_in({nft_counter(1)}, "\x00\x04x/y\x00"s, Detail::comments), "x/y");
  EXPECT_EQ(comment_in({nft_counter(1)}, "\x00\x04x/y\x00"s, Detail::figures), "");
  // Another record before it.
  EXPECT_EQ(comment_in({nft_counter(1)}, "\x01\x02zz\x00\x03x/y"s, Detail::comments), "x/y");
}

TEST(DecodeComment, IsNoneWhereUserDataIsBroken) {
  using namespace std::string_literals;
  for (const std::string& broken : {"\x00"s, "\x00\x09x/y"s, "\x01\xff"s, "\x01\x00"s}) {
    EXPECT_EQ(comment_in({nft_counter(1)}, broken, Detail::comments), "");
  }
}

}  // namespace
}  // namespace kubecliff::iptables
