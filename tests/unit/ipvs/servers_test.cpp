#include "collectors/ipvs/servers.h"

#include <gtest/gtest.h>

namespace kubecliff::ipvs {
namespace {

constexpr std::size_t kOther = kSchedulers.size() - 1;

TEST(Servers, CountsByFamilyProtocolAndScheduler) {
  Servers servers;
  servers.add(VirtualServer{AddressFamily::ipv4, Protocol::tcp, "rr"});
  servers.add(VirtualServer{AddressFamily::ipv4, Protocol::tcp, "rr"});
  servers.add(VirtualServer{AddressFamily::ipv6, Protocol::fwmark, "wrr"});
  EXPECT_EQ(servers.virtual_servers(AddressFamily::ipv4, Protocol::tcp, 0), 2U);
  EXPECT_EQ(servers.virtual_servers(AddressFamily::ipv6, Protocol::fwmark, 1), 1U);
  EXPECT_EQ(servers.virtual_servers(AddressFamily::ipv6, Protocol::tcp, 0), 0U);
}

// A scheduler is a module that anybody can write: its name must not become a label.
TEST(Servers, CountsSchedulersThatNobodyKnowsTogether) {
  Servers servers;
  servers.add(VirtualServer{AddressFamily::ipv4, Protocol::udp, "mine"});
  servers.add(VirtualServer{AddressFamily::ipv4, Protocol::udp, "yours"});
  EXPECT_EQ(servers.virtual_servers(AddressFamily::ipv4, Protocol::udp, kOther), 2U);
}

TEST(Servers, AddsUpConnectionsAndThoseThatDrain) {
  Servers servers;
  servers.add(RealServer{.protocol = Protocol::tcp, .active = 3, .inactive = 4});
  servers.add(RealServer{.protocol = Protocol::tcp, .draining = true, .active = 5, .inactive = 6});
  EXPECT_EQ(servers.real_servers(AddressFamily::ipv4, Protocol::tcp, false), 1U);
  EXPECT_EQ(servers.real_servers(AddressFamily::ipv4, Protocol::tcp, true), 1U);
  const Servers::Connections expected{.active = 8, .inactive = 10, .draining = 11};
  EXPECT_EQ(servers.connections(AddressFamily::ipv4), expected);
  EXPECT_EQ(servers.connections(AddressFamily::ipv6), Servers::Connections{});
}

}  // namespace
}  // namespace kubecliff::ipvs
