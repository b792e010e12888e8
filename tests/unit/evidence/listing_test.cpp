// Rules as lines of JSON, of both backends. Whole rulesets of a real kernel are in
// tests/integration/evidence.
#include <arpa/inet.h>  // before the kernel's, which then leave out what both have
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_LOG.h>
#include <linux/netfilter/xt_NFLOG.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "collectors/iptables/legacy_entries.h"
#include "exporter/evidence/legacy_listing.h"
#include "exporter/evidence/nft_listing.h"
#include "tests/support/legacy_blob.h"
#include "tests/support/nft_messages.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::evidence {
namespace {

using nlohmann::json;
using test::fails_with;
using test::has_value;
using test::LegacyBlob;
using test::LegacyBlobBuilder;
using test::LegacyTarget;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::size_t kRoom = std::size_t{1} << 20U;

Listing listing(Wanted wanted, std::size_t room = kRoom) {
  return {.wanted = wanted, .lines = Lines{room}};
}

std::vector<json> lines_of(Listing& of) {
  std::vector<json> lines;
  std::string text = of.lines.take();
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
    lines.push_back(json::parse(text.substr(0, end)));
    text.erase(0, end + 1);
  }
  return lines;
}

test::ByteVector log_info(std::size_t prefix) {
  test::ByteVector info(prefix + sizeof("acme"));
  std::memcpy(info.data() + prefix, "acme", sizeof("acme"));
  return info;
}

LegacyTarget log_to(std::string target, std::size_t prefix) {
  return test::XtablesExtension{.name = std::move(target), .info = log_info(prefix)};
}

void put_device(LegacyBlob& blob, std::size_t at, std::string_view name) {
  std::memcpy(blob.bytes.data() + at, name.data(), name.size());
}

LegacyBlob table(AddressFamily family) {
  return LegacyBlobBuilder{family}
      .hook(NF_INET_PRE_ROUTING)
      .rule({.matches = {test::comment("shop/cart:http cluster IP"), test::tcp_port(80, 80)},
             .target = test::jump("KUBE-SVC-AAAAAAAAAAAAAAAA"),
             .protocol = 6,
             .packets = 7,
             .bytes = 420})
      .chain("KUBE-SVC-AAAAAAAAAAAAAAAA")
      .rule({.matches = {test::statistic_random(0.5)}, .target = test::verdict(NF_DROP)})
      .rule()
      .chain("empty")
      .build();
}

TEST(ListLegacy, SaysWhatARuleDoes) {
  for (const AddressFamily family : kAddressFamilies) {
    const LegacyBlob blob = table(family);
    Listing all = listing(Wanted::rules_and_names);
    ASSERT_THAT(list_legacy(blob.bytes, blob.info, family, "nat", all), has_value());
    EXPECT_THAT(all.names.take(), Contains("shop/cart:http"));
    const std::vector<json> lines = lines_of(all);
    ASSERT_EQ(lines.size(), 3);
    EXPECT_EQ(lines[0]["chain"], "PREROUTING");
    EXPECT_EQ(lines[0]["jump"], "KUBE-SVC-AAAAAAAAAAAAAAAA");
    EXPECT_EQ(lines[0]["protocol"], "tcp");
    EXPECT_EQ(lines[0]["packets"], 7);
    EXPECT_EQ(lines[0]["bytes"], 420);
    EXPECT_EQ(lines[0]["matches"][0]["comment"], "shop/cart:http cluster IP");
    EXPECT_EQ(lines[0]["matches"][1]["destination_ports"], "80");
    EXPECT_EQ(lines[1]["chain"], "KUBE-SVC-AAAAAAAAAAAAAAAA");
    EXPECT_EQ(lines[1]["matches"][0]["probability"], 0.5);
    EXPECT_EQ(lines[1]["target"], "DROP");
    EXPECT_EQ(lines[2]["rule"], 2);
  }
}

TEST(ListLegacy, HostileCommentsStayInTheirLine) {
  const LegacyBlob blob = LegacyBlobBuilder{AddressFamily::ipv4}
                              .hook(NF_INET_LOCAL_OUT)
                              .rule({.matches = {test::comment("a\n\"}\x1b[0m\xff <script>")}})
                              .build();
  Listing all = listing(Wanted::rules);
  ASSERT_THAT(list_legacy(blob.bytes, blob.info, blob.family, "nat", all), has_value());
  const std::vector<json> lines = lines_of(all);
  ASSERT_EQ(lines.size(), 1);
  EXPECT_EQ(lines[0]["matches"][0]["comment"], "a?\"}?[0m\xef\xbf\xbd <script>");
}

TEST(ListLegacy, CountsWhatThereIsNoRoomFor) {
  const LegacyBlob blob = table(AddressFamily::ipv4);
  Listing all = listing(Wanted::rules, 300);
  ASSERT_THAT(list_legacy(blob.bytes, blob.info, blob.family, "nat", all), has_value());
  EXPECT_EQ(all.lines.all(), 3);
  EXPECT_EQ(all.lines.kept(), 1);
}

TEST(ListLegacy, BrokenEntriesAreRefused) {
  LegacyBlob blob = table(AddressFamily::ipv4);
  blob.bytes.resize(blob.bytes.size() - 8);
  Listing all = listing(Wanted::rules);
  EXPECT_THAT(list_legacy(blob.bytes, blob.info, blob.family, "nat", all),
              fails_with(ErrorKind::malformed, HasSubstr("broken entry at byte")));
}

netlink::Message message_in(const test::ByteVector& bytes) {
  netlink::Message message;
  netlink::Messages messages{bytes};
  EXPECT_TRUE(messages.next(message));
  return message;
}

TEST(ListNftRule, SaysWhatARuleDoes) {
  const test::ByteVector bytes = test::nft_rule(
      {.expressions = {test::nft_match(test::statistic_random(0.5)), test::nft_counter(7, 420),
                       test::nft_verdict(NFT_JUMP, "KUBE-SVC-AAAAAAAAAAAAAAAA")},
       .user_data = std::string{"\x00\x0fshop/cart:http\x00", 17}},
      1);
  Listing all = listing(Wanted::rules_and_names);
  ASSERT_TRUE(list_nft_rule(message_in(bytes), all));
  EXPECT_THAT(all.names.take(), Contains("shop/cart:http"));
  const std::vector<json> lines = lines_of(all);
  ASSERT_EQ(lines.size(), 1);
  EXPECT_EQ(lines[0]["expressions"], (json{"match statistic", "counter", "immediate"}));
  EXPECT_EQ(lines[0]["verdict"], "jump");
  EXPECT_EQ(lines[0]["chain_to"], "KUBE-SVC-AAAAAAAAAAAAAAAA");
  EXPECT_EQ(lines[0]["packets"], 7);
  EXPECT_EQ(lines[0]["bytes"], 420);
  EXPECT_EQ(lines[0]["probability"], 0.5);
  EXPECT_EQ(lines[0]["comment"], "shop/cart:http");
}

// Devices that are gone, too: old lines of the log may have them.
TEST(ListLegacy, DevicesAndPrefixesOfTheLogAreNames) {
  for (const AddressFamily family : kAddressFamilies) {
    LegacyBlob blob = LegacyBlobBuilder{family}
                          .hook(NF_INET_LOCAL_IN)
                          .rule({.target = log_to("LOG", offsetof(xt_log_info, prefix))})
                          .rule({.target = log_to("NFLOG", offsetof(xt_nflog_info, prefix))})
                          .build();
    const iptables::LegacyLayout& layout = iptables::layout_of(family);
    put_device(blob, blob.entries[0] + layout.in, "acme-vpn+");
    put_device(blob, blob.entries[0] + layout.out, "cali+");
    put_device(blob, blob.entries[1] + layout.in, "eth0");
    put_device(blob, blob.entries[1] + layout.out, "acme-old0");
    Listing all = listing(Wanted::names);
    ASSERT_THAT(list_legacy(blob.bytes, blob.info, family, "filter", all), has_value());
    EXPECT_THAT(all.names.take(),
                UnorderedElementsAre("acme-vpn", "cali", "acme-old0", "acme", "acmeIN"));
  }
}

test::ByteVector text(std::uint16_t attribute, std::string_view value) {
  return test::MessageBuilder{0}.attribute(attribute, std::as_bytes(std::span{value})).payload();
}

test::ByteVector load_device(std::uint32_t key) {
  return test::nft_expression(
      "meta",
      test::MessageBuilder{0}.be32(NFTA_META_KEY, key).be32(NFTA_META_DREG, NFT_REG_1).payload());
}

TEST(ListNftRule, DevicesAndPrefixesOfTheLogAreNames) {
  const auto compare = [](std::string_view device) {
    return test::nft_compare(0, NFT_CMP_EQ, std::as_bytes(std::span{device}));
  };
  const test::ByteVector bytes = test::nft_rule(
      {.expressions = {load_device(NFT_META_IIFNAME), compare("acme-"),
                       load_device(NFT_META_OIFNAME), compare({"acme-old0\0\0\0", 12}),
                       load_device(NFT_META_IIFNAME), compare({"eth0\0", 5}),
                       test::nft_load_payload(0, 0, 4, 0), compare("none"),
                       test::nft_expression("log", text(NFTA_LOG_PREFIX, "acme: ")),
                       test::nft_target(
                           {.name = "LOG", .info = log_info(offsetof(xt_log_info, prefix))})}},
      1);
  Listing all = listing(Wanted::names);
  ASSERT_TRUE(list_nft_rule(message_in(bytes), all));
  EXPECT_THAT(all.names.take(),
              UnorderedElementsAre("acme-", "acme-old0", "acme:", "IN", "acme", "acmeIN"));
}

TEST(LearnObject, NamesThatEverybodysHaveAreNone) {
  Names names;
  for (const std::string_view name :
       {"ufw-before-logging-input", "ufw6-skip-to-policy-forward", "IN_public_allow",
        "filter_INPUT_ZONES", "firewalld", "cali-failsafe-in", "cali-forward-check",
        "KUBE-SVC-ERIFXISQEP7F7OF4", "cali-tw-cali0123456789a", "__set0"}) {
    learn_object(name, names);
  }
  EXPECT_THAT(names.take(), IsEmpty());
  for (const std::string_view name :
       {"ufw-acme", "IN_acme_allow", "cali-pri-kns.acme", "KUBE-SVC-ACMECORP"}) {
    learn_object(name, names);
  }
  EXPECT_THAT(names.take(), UnorderedElementsAre("acme", "acme_allow", "pri-kns.acme", "pri-kns",
                                                 "SVC-ACMECORP"));
}

// As a chain is listed once more, where a change interrupted it.
TEST(Lines, AreTakenBackToAPoint) {
  Lines lines{20};
  lines.add_text("first");
  const Lines::Point point = lines.here();
  lines.add_text("second");
  lines.add_text("there is no room");
  EXPECT_TRUE(lines.full());
  lines.back_to(point);
  EXPECT_FALSE(lines.full());
  lines.add_text("third");
  EXPECT_EQ(lines.all(), 2);
  EXPECT_EQ(lines.kept(), 2);
  EXPECT_EQ(lines.take(), "first\nthird\n");
}

}  // namespace
}  // namespace kubecliff::evidence
