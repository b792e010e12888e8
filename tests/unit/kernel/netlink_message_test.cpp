#include "collectors/kernel/netlink_message.h"

#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <initializer_list>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_netlink.h"

namespace kubecliff::netlink {
namespace {

using test::ByteVector;
using test::MessageBuilder;
using ::testing::ElementsAre;

struct Walk {
  std::vector<std::uint16_t> types;
  bool malformed = false;
};

Walk walk_messages(Bytes datagram) {
  Walk walk;
  Messages messages{datagram};
  for (Message message; messages.next(message);) {
    walk.types.push_back(message.header.nlmsg_type);
  }
  walk.malformed = messages.malformed();
  return walk;
}

Walk walk_attributes(Bytes payload) {
  Walk walk;
  Attributes attributes{payload};
  for (Attribute attribute; attributes.next(attribute);) {
    walk.types.push_back(attribute.type);
  }
  walk.malformed = attributes.malformed();
  return walk;
}

void set_message_length(ByteVector& bytes, std::uint32_t length) {
  std::memcpy(bytes.data() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof(length));
}

TEST(Messages, ComeInOrder) {
  const auto bytes =
      test::datagram({MessageBuilder{20}.u8(1, 1).message(), MessageBuilder{21}.message()})
          .datagram;
  const Walk walk = walk_messages(bytes);
  EXPECT_THAT(walk.types, ElementsAre(20, 21));
  EXPECT_FALSE(walk.malformed);
}

TEST(Messages, TheLastMayLackItsPadding) {
  const ByteVector bytes = MessageBuilder{20}.raw(std::uint8_t{1}).message();
  ASSERT_EQ(bytes.size(), sizeof(nlmsghdr) + 1);
  EXPECT_THAT(walk_messages(bytes).types, ElementsAre(20));
  EXPECT_FALSE(walk_messages(bytes).malformed);
}

TEST(Messages, AnEmptyDatagramHoldsNone) {
  EXPECT_TRUE(walk_messages({}).types.empty());
  EXPECT_FALSE(walk_messages({}).malformed);
}

TEST(Messages, ALengthThatCannotBeIsMalformed) {
  const ByteVector whole = MessageBuilder{20}.be32(1, 7).message();
  for (const std::uint32_t length :
       {0U, 1U, 15U, static_cast<std::uint32_t>(whole.size()) + 1U, 0xffff'ffffU}) {
    ByteVector bytes = whole;
    set_message_length(bytes, length);
    EXPECT_TRUE(walk_messages(bytes).malformed) << length;
  }
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_TRUE(walk_messages(Bytes{whole}.first(size)).malformed) << size;
  }
}

TEST(Attributes, ComeWithoutTheirFlags) {
  const auto payload = MessageBuilder{20}
                           .u8(NLA_F_NESTED | 1U, 1)
                           .be32(NLA_F_NET_BYTEORDER | 2U, 2)
                           .attribute(3, {})
                           .payload();
  EXPECT_THAT(walk_attributes(payload).types, ElementsAre(1, 2, 3));
  EXPECT_FALSE(walk_attributes(payload).malformed);
}

TEST(Attributes, ALengthThatCannotBeIsMalformed) {
  for (const std::uint16_t length : std::initializer_list<std::uint16_t>{0, 3, 9, 0xffff}) {
    const std::array<std::uint16_t, 4> words{length, 1, 0, 0};
    EXPECT_TRUE(walk_attributes(std::as_bytes(std::span{words})).malformed) << length;
  }
}

TEST(FindAttribute, IsTheFirstOfItsType) {
  const auto payload = MessageBuilder{20}.be32(1, 7).be32(2, 8).be32(2, 9).payload();
  EXPECT_EQ(read_be<std::uint32_t>(find_attribute(payload, 2)), 8U);
  EXPECT_TRUE(find_attribute(payload, 3).empty());
}

TEST(AfterHeader, OfAShorterPayloadIsEmpty) {
  const std::array<std::byte, 3> payload{};
  EXPECT_TRUE(after_header(payload, sizeof(nfgenmsg)).empty());
}

TEST(Request, IsWhatAReaderOfNetlinkExpects) {
  constexpr std::array kValue{std::byte{1}, std::byte{2}, std::byte{3}};
  Request request = Request::nfnetlink(NFNL_SUBSYS_CTNETLINK, 4, NLM_F_DUMP, AF_INET6);
  request.put(5, kValue).put_text(6, "abc");

  Messages messages{request.finish(77)};
  Message message;
  ASSERT_TRUE(messages.next(message));
  EXPECT_EQ(message.header.nlmsg_type, (NFNL_SUBSYS_CTNETLINK << 8U) | 4U);
  EXPECT_EQ(message.header.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
  EXPECT_EQ(message.header.nlmsg_seq, 77U);

  const auto header = read_as<nfgenmsg>(message.payload).value_or(nfgenmsg{});
  EXPECT_EQ(header.nfgen_family, AF_INET6);
  const Bytes attributes = after_header(message.payload, sizeof(nfgenmsg));
  EXPECT_THAT(find_attribute(attributes, 5), ::testing::ElementsAreArray(kValue));
  EXPECT_EQ(find_attribute(attributes, 6).size(), 4U);
  EXPECT_EQ(text_of(find_attribute(attributes, 6)), "abc");
  EXPECT_FALSE(walk_attributes(attributes).malformed);
}

TEST(Request, AsksAboutAnotherObjectWithTheSameHeader) {
  Request request = Request::nfnetlink(1, 2, 0, 0);
  request.put_text(1, "one");
  const std::size_t size = request.finish(1).size();
  request.clear_attributes();
  request.put_text(1, "two");

  const Bytes bytes = request.finish(2);
  EXPECT_EQ(bytes.size(), size);
  Messages messages{bytes};
  Message message;
  ASSERT_TRUE(messages.next(message));
  EXPECT_EQ(text_of(find_attribute(after_header(message.payload, sizeof(nfgenmsg)), 1)), "two");
}

}  // namespace
}  // namespace kubecliff::netlink
