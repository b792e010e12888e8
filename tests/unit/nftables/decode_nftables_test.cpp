#include "collectors/nftables/decode_nftables.h"

#include <linux/netfilter/nf_tables.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/core/service_endpoints.h"
#include "tests/support/nft_messages.h"
#include "tests/support/service_keys.h"

namespace kubecliff::nftables {
namespace {

using test::ByteVector;
using test::MessageBuilder;
using test::nft_expression;
using testing::ElementsAreArray;
using testing::IsEmpty;

constexpr std::uint32_t kGeneration = 7;

// The first message in the bytes, which must outlive it.
netlink::Message message_in(Bytes bytes) {
  netlink::Message message;
  netlink::Messages messages{bytes};
  EXPECT_TRUE(messages.next(message));
  return message;
}

MessageBuilder message(std::uint8_t command) {
  return test::nft_message(command, AddressFamily::ipv4, kGeneration);
}

Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

ByteVector set_message(const test::NftSetSpec& set) {
  return test::nft_set(set, AddressFamily::ipv4, kGeneration);
}

TEST(DecodeSet, TellsSetsFromMapsAndNamesFromNone) {
  const ByteVector plain = set_message({.name = "cluster-ips", .handle = 3});
  const auto set = decode_set(message_in(plain));
  ASSERT_TRUE(set);
  EXPECT_EQ(set->name, "cluster-ips");
  EXPECT_EQ(set->handle, 3U);
  EXPECT_FALSE(set->map);
  EXPECT_FALSE(set->anonymous);
  EXPECT_EQ(set->elements, std::nullopt);

  const ByteVector anonymous =
      set_message({.name = "__map0",
                   .flags = NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_MAP,
                   .elements = 5});
  const auto map = decode_set(message_in(anonymous));
  ASSERT_TRUE(map);
  EXPECT_TRUE(map->map);
  EXPECT_TRUE(map->anonymous);
  EXPECT_EQ(map->elements, 5U);
}

TEST(DecodeSet, RefusesOneWithoutANameOrAHandle) {
  EXPECT_FALSE(decode_set(message_in(set_message({.name = ""}))));
  EXPECT_FALSE(decode_set(message_in(set_message({.name = "__map0", .handle = std::nullopt}))));
}

ByteVector number_generator(std::uint32_t modulus) {
  return nft_expression("numgen", MessageBuilder{0}.be32(NFTA_NG_MODULUS, modulus).payload());
}

ByteVector lookup(std::string_view set) {
  return nft_expression("lookup",
                        MessageBuilder{0}.attribute(NFTA_LOOKUP_SET, bytes_of(set)).payload());
}

std::optional<Choice> decoded(const std::vector<ByteVector>& expressions) {
  static ByteVector bytes;  // the names point into it
  bytes = test::nft_rule({.expressions = expressions}, kGeneration);
  return decode_choice(message_in(bytes));
}

TEST(DecodeChoice, IsALookupByARandomNumber) {
  const auto choice = decoded({number_generator(3), lookup("__map7")});
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->map, "__map7");
  EXPECT_EQ(choice->count, 3U);
}

TEST(DecodeChoice, IsNoOtherRule) {
  EXPECT_FALSE(decoded({}));
  EXPECT_FALSE(decoded({lookup("affinity-X")}));
  EXPECT_FALSE(decoded({lookup("service-ips"), number_generator(3)}));
  EXPECT_FALSE(decoded({number_generator(3)}));
  EXPECT_FALSE(decoded({number_generator(0), lookup("__map7")}));
  EXPECT_FALSE(decoded({nft_expression("numgen"), lookup("__map7")}));
  EXPECT_FALSE(decoded({number_generator(3), nft_expression("lookup")}));
  EXPECT_FALSE(decoded({number_generator(3), {}, lookup("__map7")}));
}

// Parts of a concatenation, each in words of four bytes.
ByteVector parts(std::initializer_list<ByteVector> all) {
  ByteVector bytes;
  for (const ByteVector& part : all) {
    bytes.insert(bytes.end(), part.begin(), part.end());
    bytes.resize((bytes.size() + 3) / 4 * 4);
  }
  return bytes;
}
ByteVector protocol(std::uint8_t number) {
  return {std::byte{number}};
}
ByteVector port(std::uint8_t high, std::uint8_t low) {
  return {std::byte{high}, std::byte{low}};
}

ByteVector elements_message(const std::vector<std::pair<ByteVector, ByteVector>>& elements) {
  MessageBuilder builder = message(NFT_MSG_NEWSETELEM);
  builder.nest(NFTA_SET_ELEM_LIST_ELEMENTS, [&](MessageBuilder& list) {
    for (const auto& [key, data] : elements) {
      list.nest(NFTA_LIST_ELEM, [&](MessageBuilder& element) {
        element.nest(NFTA_SET_ELEM_KEY,
                     [&](MessageBuilder& value) { value.attribute(NFTA_DATA_VALUE, key); });
        element.attribute(NFTA_SET_ELEM_DATA, data);
      });
    }
  });
  return builder.message();
}
ByteVector value(const ByteVector& bytes) {
  return MessageBuilder{0}.attribute(NFTA_DATA_VALUE, bytes).payload();
}
ByteVector verdict(std::string_view chain) {
  MessageBuilder builder{0};
  builder.nest(NFTA_DATA_VERDICT, [&](MessageBuilder& verdict) {
    verdict.be32(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(NFT_GOTO));
    if (!chain.empty()) {
      verdict.attribute(NFTA_VERDICT_CHAIN, bytes_of(chain));
    }
  });
  return builder.payload();
}

TEST(Elements, HaveKeysAndLeadToValuesOrChains) {
  const ByteVector key = test::address_bytes("10.96.0.1");
  const ByteVector backend = test::address_bytes("10.244.0.7");
  const ByteVector bytes =
      elements_message({{key, value(backend)}, {key, verdict("service-X")}, {key, {}}});
  Elements elements{message_in(bytes)};
  Element element;
  ASSERT_TRUE(elements.next(element));
  EXPECT_THAT(element.key, ElementsAreArray(key));
  EXPECT_THAT(element.value, ElementsAreArray(backend));
  EXPECT_EQ(element.chain, "");
  ASSERT_TRUE(elements.next(element));
  EXPECT_EQ(element.chain, "service-X");
  EXPECT_THAT(element.value, IsEmpty());
  ASSERT_TRUE(elements.next(element));
  EXPECT_EQ(element.chain, "");
  EXPECT_FALSE(elements.next(element));
  EXPECT_FALSE(elements.malformed());
}

TEST(Elements, EndWhereTheyAreCutOff) {
  MessageBuilder builder = message(NFT_MSG_NEWSETELEM);
  const std::uint16_t longer = 60'000;
  builder.attribute(NFTA_SET_ELEM_LIST_ELEMENTS, std::as_bytes(std::span{&longer, 1}));
  const ByteVector bytes = builder.message();
  Elements elements{message_in(bytes)};
  Element element;
  EXPECT_FALSE(elements.next(element));
  EXPECT_TRUE(elements.malformed());
}

TEST(DecodeDispatch, IsAServicesAddressOrANodePort) {
  for (const std::string_view text : {"10.96.0.1", "fd00:96::1"}) {
    const ByteVector address = test::address_bytes(text);
    const AddressFamily family = address.size() == 4 ? AddressFamily::ipv4 : AddressFamily::ipv6;
    const ByteVector by_address = parts({address, protocol(17), port(0, 53)});
    const auto service = decode_dispatch({.key = by_address, .chain = "service-X"}, family);
    ASSERT_TRUE(service);
    EXPECT_EQ(service->service, service_key(17, address, 53));
    EXPECT_EQ(service->chain, "service-X");

    const ByteVector by_port = parts({protocol(6), port(0x75, 0x35)});
    const auto node_port = decode_dispatch({.key = by_port}, family);
    ASSERT_TRUE(node_port);
    EXPECT_EQ(node_port->service, node_port_key(6, address.size(), 0x7535));
    EXPECT_EQ(node_port->chain, "");
  }
}

TEST(DecodeDispatch, RefusesKeysOfOtherShapes) {
  const ByteVector ipv6 = parts({test::address_bytes("fd00:96::1"), protocol(17), port(0, 53)});
  EXPECT_FALSE(decode_dispatch({.key = ipv6}, AddressFamily::ipv4));
  EXPECT_FALSE(decode_dispatch({.key = Bytes{ipv6}.first(20)}, AddressFamily::ipv6));
  EXPECT_FALSE(decode_dispatch({.key = {}}, AddressFamily::ipv4));
}

TEST(DecodeBackend, IsAnAddressAndAPort) {
  for (const std::string_view text : {"10.244.0.7", "fd00:10::7"}) {
    const ByteVector address = test::address_bytes(text);
    const AddressFamily family = address.size() == 4 ? AddressFamily::ipv4 : AddressFamily::ipv6;
    const ByteVector bytes = parts({address, port(0x1f, 0x90)});
    EXPECT_EQ(decode_backend({.key = {}, .value = bytes}, family), backend_key(address, 8080));
    EXPECT_FALSE(decode_backend({.key = {}, .value = Bytes{bytes}.first(address.size())}, family));
    EXPECT_FALSE(decode_backend({.key = bytes}, family));
  }
}

TEST(DecodeTranslation, IsToOnePlace) {
  const ByteVector address = test::address_bytes("10.244.0.7");
  const ByteVector bytes = test::nft_rule(
      {.expressions = {test::nft_load_bytes(address, 0), test::nft_load_bytes(port(0x1f, 0x90), 1),
                       test::nft_nat(NFT_NAT_DNAT, 0, 1)}},
      kGeneration);
  const Translation to = decode_translation(message_in(bytes), AddressFamily::ipv4);
  EXPECT_THAT(to.address, ElementsAreArray(address));
  EXPECT_EQ(to.port, 8080);

  const ByteVector chosen = test::nft_rule(
      {.expressions = {number_generator(2), lookup("__map7"), test::nft_nat(NFT_NAT_DNAT, 0, 1)}},
      kGeneration);
  EXPECT_THAT(decode_translation(message_in(chosen), AddressFamily::ipv4).address, IsEmpty());
}

}  // namespace
}  // namespace kubecliff::nftables
