#include "collectors/ipvs/device_addresses.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_netlink.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::ipvs {
namespace {

using test::ByteVector;
using test::fails_with;
using test::FakeNetlink;
using test::has_value;
using test::MessageBuilder;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

ByteVector address(std::uint8_t family, std::uint32_t device) {
  ifaddrmsg header{};
  header.ifa_family = family;
  header.ifa_index = device;
  return MessageBuilder{RTM_NEWADDR}.raw(header).message();
}

ByteVector link(int device) {
  ifinfomsg header{};
  header.ifi_index = device;
  return MessageBuilder{RTM_NEWLINK}.raw(header).message();
}

constexpr std::uint32_t kDevice = 7;

// Two devices, of which the first is not there.
void answer_links(FakeNetlink& kernel) {
  kernel.answer({test::datagram({test::error(-ENODEV)})}).answer({test::datagram({link(kDevice)})});
}

TEST(CountAddresses, CountsThoseOfTheDevicesThatThereAre) {
  FakeNetlink kernel;
  answer_links(kernel);
  kernel.answer({test::datagram({address(AF_INET, kDevice), address(AF_INET6, kDevice),
                                 address(AF_INET6, kDevice), address(AF_INET, kDevice + 1),
                                 address(AF_BRIDGE, kDevice), MessageBuilder{RTM_NEWADDR}.message(),
                                 test::done()})});
  netlink::Socket socket{kernel.transport()};
  const auto counts = count_addresses(socket, {"not-there", "kube-ipvs0"});
  ASSERT_THAT(counts, has_value());
  ASSERT_THAT(*counts, SizeIs(1));
  EXPECT_EQ(counts->front().device, "kube-ipvs0");
  EXPECT_EQ(counts->front().ipv4, 1U);
  EXPECT_EQ(counts->front().ipv6, 2U);
}

TEST(CountAddresses, ListsNothingWhereThereIsNoSuchDevice) {
  FakeNetlink kernel;
  kernel.answer({test::datagram({test::error(-ENODEV)})});
  netlink::Socket socket{kernel.transport()};
  const auto counts = count_addresses(socket, {"not-there"});
  ASSERT_THAT(counts, has_value());
  EXPECT_THAT(*counts, IsEmpty());
  EXPECT_THAT(kernel.questions(), SizeIs(1));
}

// While kube-proxy adds addresses.
TEST(CountAddresses, ListsAgainWhereTheListWasTorn) {
  FakeNetlink kernel;
  answer_links(kernel);
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_index = kDevice;
  const ByteVector torn = MessageBuilder{RTM_NEWADDR, NLM_F_DUMP_INTR}.raw(header).message();
  kernel.answer({test::datagram({torn, test::done()})})
      .answer({test::datagram({address(AF_INET, kDevice), test::done()})});
  netlink::Socket socket{kernel.transport()};
  const auto counts = count_addresses(socket, {"not-there", "kube-ipvs0"});
  ASSERT_THAT(counts, has_value());
  ASSERT_THAT(*counts, SizeIs(1));
  EXPECT_EQ(counts->front().ipv4, 1U);
}

TEST(CountAddresses, SaysWhatFailed) {
  FakeNetlink kernel;
  kernel.answer({test::datagram({test::error(-EPERM)})});
  netlink::Socket socket{kernel.transport()};
  EXPECT_THAT(count_addresses(socket, {"kube-ipvs0"}),
              fails_with(ErrorKind::denied, HasSubstr("kube-ipvs0")));
}

}  // namespace
}  // namespace kubecliff::ipvs
