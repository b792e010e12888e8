#include "collectors/nftables/decode_nftables.h"

#include <linux/netfilter/nf_tables.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/nft_messages.h"

namespace kubecliff::nftables {
namespace {

using test::ByteVector;
using test::MessageBuilder;
using test::nft_expression;

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

TEST(CountElements, CountsWhatIsListed) {
  MessageBuilder builder = message(NFT_MSG_NEWSETELEM);
  EXPECT_EQ(count_elements(message_in(builder.message())), 0U);
  builder.nest(NFTA_SET_ELEM_LIST_ELEMENTS, [](MessageBuilder& list) {
    for (std::uint32_t i = 0; i < 3; ++i) {
      list.nest(NFTA_LIST_ELEM,
                [i](MessageBuilder& element) { element.be32(NFTA_SET_ELEM_FLAGS, i); });
    }
  });
  EXPECT_EQ(count_elements(message_in(builder.message())), 3U);
}

TEST(CountElements, RefusesWhatIsCutOff) {
  MessageBuilder builder = message(NFT_MSG_NEWSETELEM);
  const std::uint16_t longer = 60'000;
  builder.attribute(NFTA_SET_ELEM_LIST_ELEMENTS, std::as_bytes(std::span{&longer, 1}));
  EXPECT_EQ(count_elements(message_in(builder.message())), std::nullopt);
}

}  // namespace
}  // namespace kubecliff::nftables
