#include "collectors/ipvs/decode_proc.h"

#include <netinet/in.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"
#include "tests/support/service_keys.h"

namespace kubecliff::ipvs {
namespace {

using test::fails_with;
using test::has_value;
using testing::HasSubstr;

ProcDecoder decoded(std::string_view text) {
  ProcDecoder decoder;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    EXPECT_THAT(decoder.add(line), has_value()) << line;
    text.remove_prefix(line.size() + 1);
  }
  return decoder;
}

// As Linux 6.1 wrote it.
TEST(ProcDecoder, TakesWhatAKernelWrote) {
  const ProcDecoder decoder = decoded(
      "IP Virtual Server version 1.2.1 (size=4096)\n"
      "Prot LocalAddress:Port Scheduler Flags\n"
      "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
      "SCTP  0A60000B:1E61 mh  \n"
      "  -> 0AF40003:1E61      Masq    1      0          0         \n"
      "TCP  0A600001:01BB rr  persistent 2700000 FFFFFFFF\n"
      "  -> C0A80003:192B      Masq    1      7          2         \n"
      "  -> C0A80002:192B      Masq    0      4          1         \n"
      "TCP  [fd00:0096:0000:0000:0000:0000:0000:0001]:01BB sed \n"
      "  -> [fd00:0000:0000:0000:0000:0000:0000:0002]:192B      Masq    0      0          0        "
      " \n"
      "UDP  0A60000A:0035 wrr  ops\n"
      "FWM  0000002A nq \n"
      "  -> 0AF40009:0000      Route   1      0          0         \n"
      "FWM  0000002B sh \n");
  EXPECT_EQ(decoder.table_buckets(), 4096U);
  EXPECT_EQ(decoder.fwmarks(), 2U);
  const Servers& servers = decoder.servers();
  EXPECT_EQ(servers.virtual_servers(AddressFamily::ipv4, Protocol::tcp, 0), 1U);
  EXPECT_EQ(servers.virtual_servers(AddressFamily::ipv6, Protocol::tcp, 9), 1U);
  EXPECT_EQ(servers.virtual_servers(AddressFamily::ipv4, Protocol::udp, 1), 1U);
  EXPECT_EQ(servers.real_servers(AddressFamily::ipv4, Protocol::fwmark, false), 1U);
  EXPECT_EQ(servers.real_servers(AddressFamily::ipv4, Protocol::tcp, false), 1U);
  EXPECT_EQ(servers.real_servers(AddressFamily::ipv4, Protocol::tcp, true), 1U);
  EXPECT_EQ(servers.real_servers(AddressFamily::ipv6, Protocol::tcp, true), 1U);
  const Servers::Connections expected{.active = 11, .inactive = 3, .draining = 5};
  EXPECT_EQ(servers.connections(AddressFamily::ipv4), expected);
}

TEST(ProcDecoder, TellsServicesAndEndpoints) {
  const ProcDecoder decoder = decoded(
      "UDP  0A60000A:0035 wrr  ops\n"
      "  -> 0AF40003:1E61      Masq    1      0          0         \n"
      "  -> 0AF40004:1E61      Masq    0      0          0         \n"  // drains
      "FWM  0000002A nq \n"
      "  -> 0AF40009:0050      Masq    1      0          0         \n"
      "TCP  [fd00:0096:0000:0000:0000:0000:0000:000a]:01BB sed \n"
      "  -> [FD00:0010:0000:0000:0000:0000:0000:0002]:192B      Masq    1      0          0\n");
  const auto bytes = [](std::string_view text) { return test::address_bytes(text); };
  ServerKeys ipv4;
  const std::uint64_t udp = service_key(IPPROTO_UDP, bytes("10.96.0.10"), 53);
  ipv4.add_service(udp);
  ipv4.add_endpoint(endpoint_key(udp, backend_key(bytes("10.244.0.4"), 7777)));
  ipv4.add_endpoint(endpoint_key(udp, backend_key(bytes("10.244.0.3"), 7777)));
  EXPECT_EQ(decoder.keys(AddressFamily::ipv4), ipv4);
  ServerKeys ipv6;
  const std::uint64_t tcp = service_key(IPPROTO_TCP, bytes("fd00:96::a"), 443);
  ipv6.add_service(tcp);
  ipv6.add_endpoint(endpoint_key(tcp, backend_key(bytes("fd00:10::2"), 6443)));
  EXPECT_EQ(decoder.keys(AddressFamily::ipv6), ipv6);
}

// A node's teller, and what comes of what it tells.
class ServerTellerTest : public ::testing::Test {
 protected:
  void read(const std::vector<std::uint64_t>& endpoints) {
    ServerKeys keys;
    keys.add_service(1);
    for (const std::uint64_t endpoint : endpoints) {
      keys.add_endpoint(endpoint);
    }
    look_ = endpoints_->begin({});
    teller_.tell(look_, std::move(keys));
  }
  [[nodiscard]] ServiceEndpoints::Told told() const {
    return endpoints_->all()[ServiceEndpoints::index(ServiceEndpoints::Source::ipvs, 0)];
  }

  std::shared_ptr<ServiceEndpoints> endpoints_ = std::make_shared<ServiceEndpoints>();
  ServerTeller teller_{endpoints_, 0};
  ServiceEndpoints::Look look_;
};

TEST_F(ServerTellerTest, AServerIsThereWhereEitherOfTwoReadingsHasIt) {
  read({10, 11});
  EXPECT_EQ(told().set, nullptr);
  const ServiceEndpoints::Look first = look_;
  read({10});  // a gap, or the other one gone
  ASSERT_NE(told().set, nullptr);
  EXPECT_TRUE(told().set->has_endpoint(11));
  EXPECT_EQ(told().ticket, first.ticket);
  const ServiceEndpoints::Look second = look_;
  read({10});
  EXPECT_FALSE(told().set->has_endpoint(11));
  EXPECT_TRUE(told().set->has_endpoint(10));
  EXPECT_EQ(told().ticket, second.ticket);

  const auto set = told().set;
  read({10});
  EXPECT_EQ(told().set, set);
  EXPECT_GT(told().ticket, second.ticket);
}

TEST_F(ServerTellerTest, AfterAWithdrawalItBeginsAnew) {
  read({10});
  read({10});
  teller_.withdraw();
  EXPECT_EQ(told().set, nullptr);
  read({11});
  EXPECT_EQ(told().set, nullptr);
  read({11});
  EXPECT_TRUE(told().set->has_endpoint(11));
  EXPECT_FALSE(told().set->has_endpoint(10));
}

TEST(ProcDecoder, RefusesLinesOfAnotherForm) {
  for (const std::string_view line :
       {"", "TCP", "TCP  0A600001:01BB", "TCP  0A600001 rr", "TCP  0A600001-01BB rr",
        "TCP  0A60000:01BB rr", "TCP  0A60000X:01BB rr", "TCP  0A600001:01BX rr",
        "TCP  [fd00:1]:01BB rr", "FWM  X rr", "FWM  0000002A", "IP Virtual Server version 1.2.1",
        "IP Virtual Server (size=many)", "  -> 0AF40003:1E61      Masq    1      0",
        "  -> 0AF40003:1E61 Masq 1 x 0", "  -> 0AF40003 Masq 1 0 0"}) {
    ProcDecoder decoder;
    EXPECT_THAT(decoder.add("UDP  0A60000A:0035 wrr  "), has_value());
    EXPECT_THAT(decoder.add(line), fails_with(ErrorKind::malformed, HasSubstr("IPVS"))) << line;
  }
}

TEST(ProcDecoder, RefusesARealServerOfNoVirtualOne) {
  ProcDecoder decoder;
  EXPECT_THAT(decoder.add("  -> 0AF40003:1E61      Masq    1      0          0         "),
              fails_with(ErrorKind::malformed, HasSubstr("0AF40003")));
}

TEST(DecodeTotals, AddsUpProcessorsAndLeavesTheRestAlone) {
  const auto totals = decode_totals(
      "       Total Incoming Outgoing         Incoming         Outgoing\n"
      "CPU    Conns  Packets  Packets            Bytes            Bytes\n"
      "  0        1        2        3               3C               A0\n"
      "  A 100000000       1        0                1                0\n"
      "  ~        9        9        9                9                9\n"
      "\n"
      "     Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n"
      "           5        5        5                5                5\n");
  ASSERT_THAT(totals, has_value());
  const Totals expected{.connections = 0x100000001,
                        .incoming_packets = 3,
                        .outgoing_packets = 3,
                        .incoming_bytes = 0x3d,
                        .outgoing_bytes = 0xa0};
  EXPECT_EQ(*totals, expected);
}

TEST(DecodeTotals, RefusesATextWithoutAProcessor) {
  for (const std::string_view text : {"", "CPU    Conns\n", "  ~  1  2  3  4  5\n"}) {
    EXPECT_THAT(decode_totals(text), fails_with(ErrorKind::malformed, HasSubstr("processor")));
  }
}

// A counter that lacks one processor's share would seem to have begun anew.
TEST(DecodeTotals, RefusesABrokenLine) {
  for (const std::string_view text :
       {"  0  1  2  3  4\n", "  0  1  2  3  4  5\n  1  1  x  3  4  5\n"}) {
    EXPECT_THAT(decode_totals(text), fails_with(ErrorKind::malformed, HasSubstr("broken line")));
  }
}

}  // namespace
}  // namespace kubecliff::ipvs
