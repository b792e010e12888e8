#include "collectors/kernel/nftables.h"

#include <linux/netfilter/nf_tables.h>

#include <cstdint>
#include <optional>

#include <gtest/gtest.h>

#include "tests/support/nft_messages.h"

namespace kubecliff::netlink {
namespace {

using test::ByteVector;

constexpr std::uint32_t kGeneration = 0x00050007;

// The first message in the bytes, which must outlive it.
Message message_in(Bytes bytes) {
  Message message;
  Messages messages{bytes};
  EXPECT_TRUE(messages.next(message));
  return message;
}

TEST(DecodeGeneration, IsReadInFullAndAsTheTagOfOtherMessages) {
  const ByteVector generation = test::nft_generation(kGeneration);
  EXPECT_EQ(decode_generation(message_in(generation)), kGeneration);
  EXPECT_EQ(decode_generation_tag(message_in(generation)), 7U);
}

TEST(DecodeGeneration, MissingOrShortIsNothing) {
  const auto empty = test::nft_message(NFT_MSG_NEWGEN, AddressFamily::ipv4, kGeneration).message();
  EXPECT_EQ(decode_generation(message_in(empty)), std::nullopt);
  const auto shorter = test::nft_message(NFT_MSG_NEWGEN, AddressFamily::ipv4, kGeneration)
                           .attribute(NFTA_GEN_ID, ByteVector(2))
                           .message();
  EXPECT_EQ(decode_generation(message_in(shorter)), std::nullopt);
  const auto headless = test::MessageBuilder{NFT_MSG_NEWGEN}.message();
  EXPECT_EQ(decode_generation_tag(message_in(headless)), std::nullopt);
}

}  // namespace
}  // namespace kubecliff::netlink
