#include "collectors/ipvs/decode_netlink.h"

#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/support/fake_netlink.h"

namespace kubecliff::ipvs {
namespace {

using test::ByteVector;
using test::MessageBuilder;

// The first message in the bytes, which must outlive it.
netlink::Message message_in(Bytes bytes) {
  netlink::Message message;
  netlink::Messages messages{bytes};
  EXPECT_TRUE(messages.next(message));
  return message;
}

MessageBuilder generic_message() {
  return MessageBuilder{32}.raw(genlmsghdr{.cmd = 0, .version = 1, .reserved = 0});
}

struct Numbers {
  std::optional<std::uint16_t> family = AF_INET6;
  std::uint16_t protocol = IPPROTO_TCP;
  std::uint32_t fwmark = 0;
  std::string_view scheduler = "rr";
};

ByteVector virtual_server(const Numbers& numbers) {
  return generic_message()
      .nest(IPVS_CMD_ATTR_SERVICE,
            [&](MessageBuilder& service) {
              if (numbers.family) {
                service.attribute(IPVS_SVC_ATTR_AF, bytes_of(*numbers.family));
              }
              if (numbers.fwmark != 0) {
                service.attribute(IPVS_SVC_ATTR_FWMARK, bytes_of(numbers.fwmark));
              } else {
                service.attribute(IPVS_SVC_ATTR_PROTOCOL, bytes_of(numbers.protocol));
              }
              service.attribute(IPVS_SVC_ATTR_SCHED_NAME,
                                std::as_bytes(std::span{numbers.scheduler}));
            })
      .message();
}

std::optional<NetlinkServer> decoded(const Numbers& numbers) {
  static ByteVector bytes;  // the scheduler's name points into it
  bytes = virtual_server(numbers);
  return decode_virtual_server(message_in(bytes));
}

TEST(DecodeVirtualServer, TellsFamilyAndProtocol) {
  const auto tcp = decoded({});
  ASSERT_TRUE(tcp);
  EXPECT_EQ(tcp->server.family, AddressFamily::ipv6);
  EXPECT_EQ(tcp->server.protocol, Protocol::tcp);
  EXPECT_EQ(tcp->server.scheduler, "rr");
  EXPECT_EQ(decoded({.protocol = IPPROTO_SCTP})->server.protocol, Protocol::sctp);
  EXPECT_EQ(decoded({.protocol = IPPROTO_ESP})->server.protocol, Protocol::other);
  EXPECT_EQ(decoded({.family = AF_INET, .fwmark = 7})->server.protocol, Protocol::fwmark);
}

TEST(DecodeVirtualServer, RefusesWhatCannotBe) {
  EXPECT_FALSE(decoded({.family = std::nullopt}));
  EXPECT_FALSE(decoded({.family = AF_UNIX}));
  EXPECT_FALSE(decoded({.protocol = 0}));
  EXPECT_FALSE(decoded({.scheduler = ""}));
  const ByteVector empty = generic_message().message();
  EXPECT_FALSE(decode_virtual_server(message_in(empty)));
}

// Three numbers that every kernel tells, and a family that old ones do not.
ByteVector real_server(std::optional<std::uint16_t> family, std::optional<std::uint32_t> weight) {
  const std::uint32_t active = 5;
  const std::uint32_t inactive = 6;
  return generic_message()
      .nest(IPVS_CMD_ATTR_DEST,
            [&](MessageBuilder& server) {
              if (family) {
                server.attribute(IPVS_DEST_ATTR_ADDR_FAMILY, bytes_of(*family));
              }
              if (weight) {
                server.attribute(IPVS_DEST_ATTR_WEIGHT, bytes_of(*weight));
              }
              server.attribute(IPVS_DEST_ATTR_ACTIVE_CONNS, bytes_of(active));
              server.attribute(IPVS_DEST_ATTR_INACT_CONNS, bytes_of(inactive));
            })
      .message();
}

TEST(DecodeRealServer, TakesWeightConnectionsAndItsOwnFamily) {
  const VirtualServer of{.family = AddressFamily::ipv4, .protocol = Protocol::udp};
  const ByteVector tunnelled = real_server(AF_INET6, 1);
  const auto server = decode_real_server(message_in(tunnelled), of);
  ASSERT_TRUE(server);
  EXPECT_EQ(server->family, AddressFamily::ipv6);
  EXPECT_EQ(server->protocol, Protocol::udp);
  EXPECT_FALSE(server->draining);
  EXPECT_EQ(server->active, 5U);
  EXPECT_EQ(server->inactive, 6U);

  const ByteVector old_kernel = real_server(std::nullopt, 0);
  const auto draining = decode_real_server(message_in(old_kernel), of);
  ASSERT_TRUE(draining);
  EXPECT_EQ(draining->family, AddressFamily::ipv4);
  EXPECT_TRUE(draining->draining);

  const ByteVector weightless = real_server(AF_INET, std::nullopt);
  EXPECT_FALSE(decode_real_server(message_in(weightless), of));
  const ByteVector familyless = real_server(AF_UNIX, 1);
  EXPECT_FALSE(decode_real_server(message_in(familyless), of));
}

// The question names a virtual server as the kernel's answer did.
TEST(PutKey, AsksForTheServerThatWasTold) {
  for (const Numbers& numbers : {Numbers{}, Numbers{.family = AF_INET, .fwmark = 42}}) {
    const auto told = decoded(numbers);
    ASSERT_TRUE(told);
    netlink::Request question = netlink::Request::generic(32, IPVS_CMD_GET_DEST, NLM_F_DUMP);
    put_key(question, told->key);
    const Bytes bytes = question.finish(1);
    // It has no scheduler, and so does not decode as an answer.
    EXPECT_FALSE(decode_virtual_server(message_in(bytes)));
    const Bytes service = netlink::find_attribute(
        netlink::after_header(message_in(bytes).payload, sizeof(genlmsghdr)),
        IPVS_CMD_ATTR_SERVICE);
    EXPECT_EQ(read_as<std::uint16_t>(netlink::find_attribute(service, IPVS_SVC_ATTR_AF)),
              numbers.family);
    const auto fwmark =
        read_as<std::uint32_t>(netlink::find_attribute(service, IPVS_SVC_ATTR_FWMARK));
    EXPECT_EQ(fwmark.value_or(0), numbers.fwmark);
    EXPECT_EQ(netlink::find_attribute(service, IPVS_SVC_ATTR_PORT).empty(), numbers.fwmark != 0);
  }
}

}  // namespace
}  // namespace kubecliff::ipvs
