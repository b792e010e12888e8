#include "collectors/ipvs/device_addresses.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_netlink.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::ipvs {
namespace {

using test::ByteVector;
using test::FakeNetlink;
using test::has_value;
using test::MessageBuilder;
using testing::IsEmpty;
using testing::SizeIs;

ByteVector address(std::uint8_t family, std::uint32_t device) {
  ifaddrmsg header{};
  header.ifa_family = family;
  header.ifa_index = device;
  return MessageBuilder{RTM_NEWADDR}.raw(header).message();
}

TEST(CountAddresses, CountsThoseOfTheDevicesThatThereAre) {
  const std::uint32_t lo = ::if_nametoindex("lo");
  FakeNetlink kernel;
  kernel.answer({test::datagram({address(AF_INET, lo), address(AF_INET6, lo), address(AF_INET6, lo),
                                 address(AF_INET, lo + 1), address(AF_BRIDGE, lo),
                                 MessageBuilder{RTM_NEWADDR}.message(), test::done()})});
  netlink::Socket socket{kernel.transport()};
  const auto counts = count_addresses(socket, {"not-there", "lo"});
  ASSERT_THAT(counts, has_value());
  ASSERT_THAT(*counts, SizeIs(1));
  EXPECT_EQ(counts->front().device, "lo");
  EXPECT_EQ(counts->front().ipv4, 1U);
  EXPECT_EQ(counts->front().ipv6, 2U);
}

TEST(CountAddresses, AsksNothingWhereThereIsNoSuchDevice) {
  const FakeNetlink kernel;
  netlink::Socket socket{kernel.transport()};
  const auto counts = count_addresses(socket, {"not-there"});
  ASSERT_THAT(counts, has_value());
  EXPECT_THAT(*counts, IsEmpty());
  EXPECT_EQ(kernel.times_opened(), 0);
}

}  // namespace
}  // namespace kubecliff::ipvs
