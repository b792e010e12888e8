#include "collectors/sockets/decode_sockets.h"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_netlink.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::sockets {
namespace {

using test::ByteVector;
using test::fails_with;
using test::has_value;
using test::MessageBuilder;
using testing::HasSubstr;

std::optional<std::string_view> state_of(std::uint8_t number) {
  inet_diag_msg socket{};
  socket.idiag_state = number;
  const ByteVector bytes = MessageBuilder{SOCK_DIAG_BY_FAMILY}.raw(socket).message();
  netlink::Message message;
  netlink::Messages messages{bytes};
  EXPECT_TRUE(messages.next(message));
  const auto state = decode_state(message);
  return state ? std::optional{kStates[*state]} : std::nullopt;
}

TEST(DecodeState, NamesTheKernelsNumbers) {
  EXPECT_EQ(state_of(1), "established");
  EXPECT_EQ(state_of(2), "syn_sent");
  EXPECT_EQ(state_of(6), "time_wait");
  EXPECT_EQ(state_of(10), "listen");
  EXPECT_EQ(state_of(11), "closing");
  EXPECT_EQ(state_of(12), "syn_recv") << "a connection that is being opened";
}

TEST(DecodeState, RefusesStatesThatNobodyKnows) {
  EXPECT_EQ(state_of(0), std::nullopt);
  EXPECT_EQ(state_of(13), std::nullopt);
  EXPECT_EQ(state_of(255), std::nullopt);
}

TEST(DecodeState, RefusesAShortMessage) {
  const ByteVector bytes = MessageBuilder{SOCK_DIAG_BY_FAMILY}.message();
  netlink::Message message;
  netlink::Messages messages{bytes};
  ASSERT_TRUE(messages.next(message));
  EXPECT_EQ(decode_state(message), std::nullopt);
}

TEST(DecodeTcpUse, ReadsTheTcpLineOfARealKernel) {
  const auto use = decode_tcp_use(
      "sockets: used 261\n"
      "TCP: inuse 38 orphan 1 tw 24 alloc 52 mem 7\n"
      "UDP: inuse 9 mem 3\n");
  ASSERT_THAT(use, has_value());
  const TcpUse expected{.orphaned = 1, .time_wait = 24, .allocated = 52, .memory_pages = 7};
  EXPECT_EQ(*use, expected);
}

TEST(DecodeTcpUse, RefusesWhatLacksAFigure) {
  for (const std::string_view text :
       {"", "TCP: ", "TCP: inuse 38 orphan 1 tw 24 alloc 52", "UDP: orphan 1 tw 2 alloc 3 mem 4",
        "TCP: orphan -1 tw 2 alloc 3 mem 4", "TCP: orphan 1 tw 2 alloc 3 mem"}) {
    EXPECT_THAT(decode_tcp_use(text), fails_with(ErrorKind::malformed, HasSubstr("TCP"))) << text;
  }
}

TEST(DecodeMostPages, IsTheThirdOfThree) {
  EXPECT_EQ(decode_most_pages("287901\t383868\t575802\n"), 575'802U);
  EXPECT_EQ(decode_most_pages("1 2\n"), std::nullopt);
  EXPECT_EQ(decode_most_pages("1 2 x\n"), std::nullopt);
}

}  // namespace
}  // namespace kubecliff::sockets
