#include "collectors/kernel/bytes.h"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>

#include <gtest/gtest.h>

namespace kubecliff {
namespace {

constexpr std::array kBytes{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}, std::byte{5}};

TEST(ReadAs, NeedsEveryByte) {
  EXPECT_TRUE(read_as<std::uint32_t>(kBytes));
  EXPECT_TRUE(read_as<std::uint32_t>(kBytes, 1));
  EXPECT_EQ(read_as<std::uint32_t>(kBytes, 2), std::nullopt);
  EXPECT_EQ(read_as<std::uint64_t>(kBytes), std::nullopt);
  EXPECT_EQ(read_as<std::uint8_t>({}), std::nullopt);
}

TEST(ReadAs, AnOffsetFarOutsideDoesNotWrapAround) {
  EXPECT_EQ(read_as<std::uint32_t>(kBytes, std::numeric_limits<std::size_t>::max()), std::nullopt);
  EXPECT_EQ(read_as<std::uint8_t>(kBytes, kBytes.size()), std::nullopt);
}

TEST(ReadBe, IsBigEndian) {
  EXPECT_EQ(read_be<std::uint16_t>(kBytes), 0x0102U);
  EXPECT_EQ(read_be<std::uint32_t>(kBytes, 1), 0x02030405U);
}

TEST(TextOf, EndsAtTheFirstNulOrTheLastByte) {
  constexpr std::array kText{std::byte{'a'}, std::byte{'b'}, std::byte{0}, std::byte{'c'}};
  EXPECT_EQ(text_of(kText), "ab");
  EXPECT_EQ(text_of(std::span{kText}.first(2)), "ab");
  EXPECT_EQ(text_of({}), "");
}

}  // namespace
}  // namespace kubecliff
