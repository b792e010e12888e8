#include "collectors/conntrack/flow_text.h"

#include <netinet/in.h>

#include <gtest/gtest.h>

#include "tests/support/service_keys.h"

namespace kubecliff::conntrack {
namespace {

using test::address_bytes;

TEST(FlowText, IsWhatConntrackPrints) {
  const auto client = address_bytes("10.0.0.5");
  const auto service = address_bytes("10.96.0.10");
  const auto backend = address_bytes("10.244.1.7");
  EXPECT_EQ(
      flow_text(
          IPPROTO_UDP,
          {.source = client, .destination = service, .source_port = 40'000, .destination_port = 53},
          {.source = backend,
           .destination = client,
           .source_port = 5353,
           .destination_port = 40'000}),
      "udp      17 src=10.0.0.5 dst=10.96.0.10 sport=40000 dport=53 "
      "src=10.244.1.7 dst=10.0.0.5 sport=5353 dport=40000");
}

TEST(FlowText, OfTheLongestAddressesIsWhole) {
  const auto address = address_bytes("2001:db8:1111:2222:3333:4444:5555:6666");
  const FlowTuple tuple{
      .source = address, .destination = address, .source_port = 65'535, .destination_port = 65'535};
  const std::string ends =
      "src=2001:db8:1111:2222:3333:4444:5555:6666 dst=2001:db8:1111:2222:3333:4444:5555:6666 "
      "sport=65535 dport=65535";
  EXPECT_EQ(flow_text(IPPROTO_SCTP, tuple, tuple), "sctp     132 " + ends + " " + ends);
}

// The library would read past them.
TEST(FlowText, LeavesOutAddressesOfAnotherSize) {
  const auto ipv6 = address_bytes("2001:db8::1");
  const FlowTuple tuple{.source = Bytes{ipv6}.first(3), .destination = ipv6};
  EXPECT_EQ(flow_text(IPPROTO_UDP, tuple, {}).find("2001:db8"), std::string::npos);
}

}  // namespace
}  // namespace kubecliff::conntrack
