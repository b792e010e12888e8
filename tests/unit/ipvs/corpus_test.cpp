// The fuzzers' corpora: replayed, and what tests/support/capture_ipvs.cpp took from a real kernel
// decoded to what was set up there.
#include "tests/support/corpus.h"

#include <linux/ip_vs.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/ipvs/decode_netlink.h"
#include "collectors/ipvs/device_addresses.h"
#include "collectors/ipvs/ipset.h"
#include "collectors/kernel/netlink_message.h"
#include "tests/support/fake_netlink.h"

extern "C" {
int fuzz_decode_netlink(const std::uint8_t* data, std::size_t size);
int fuzz_decode_proc(const std::uint8_t* data, std::size_t size);
}

namespace kubecliff::ipvs {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

TEST(Corpus, OfEveryFuzzerIsTakenWithoutAnAccident) {
  test::expect_taken(fuzz_decode_netlink, fs::path{FUZZ_FOLDER} / "corpus_decode_netlink");
  test::expect_taken(fuzz_decode_proc, fs::path{FUZZ_FOLDER} / "corpus_decode_proc");
}

template <typename Visit>
void visit_messages(std::string_view file, Visit&& visit) {
  const test::ByteVector bytes =
      test::read_bytes(fs::path{FUZZ_FOLDER} / "corpus_decode_netlink" / file);
  netlink::Messages messages{bytes};
  for (netlink::Message message; messages.next(message);) {
    visit(message);
  }
  EXPECT_FALSE(messages.malformed());
}

TEST(Corpus, DecodesToTheServersThatWere) {
  Servers servers;
  VirtualServer last;
  std::optional<std::uint32_t> buckets;
  visit_messages("servers", [&](const netlink::Message& message) {
    if (const auto server = decode_virtual_server(message)) {
      servers.add(server->server);
    } else if (const auto real = decode_real_server(message, last)) {
      servers.add(*real);
    } else {
      buckets = decode_table_buckets(message);
    }
  });
  EXPECT_EQ(buckets, 4096U);
  EXPECT_EQ(servers.virtual_servers(AddressFamily::ipv4, Protocol::tcp, 0), 1U);
  EXPECT_EQ(servers.virtual_servers(AddressFamily::ipv6, Protocol::udp, 3), 1U);
  EXPECT_EQ(servers.virtual_servers(AddressFamily::ipv4, Protocol::sctp, 8), 1U);
  EXPECT_EQ(servers.virtual_servers(AddressFamily::ipv4, Protocol::fwmark, 7), 1U);
  EXPECT_EQ(servers.real_servers(AddressFamily::ipv4, Protocol::other, false), 2U);
  EXPECT_EQ(servers.real_servers(AddressFamily::ipv4, Protocol::other, true), 1U);
  EXPECT_EQ(servers.real_servers(AddressFamily::ipv6, Protocol::other, false), 1U);
}

TEST(Corpus, DecodesToTheSetsThatWere) {
  std::vector<std::string> sets;
  visit_messages("sets", [&](const netlink::Message& message) {
    if (const auto set = decode_ipset(message)) {
      sets.push_back(std::string{set->name} + ' ' + std::to_string(set->entries) + ' ' +
                     std::to_string(set->most));
    }
  });
  EXPECT_THAT(sets, ElementsAre("KUBE-CLUSTER-IP 1 65536", "KUBE-NODE-PORT-TCP 0 65536"));
}

TEST(Corpus, DecodesToTheAddressesThatWere) {
  std::size_t addresses = 0;
  visit_messages("addresses", [&](const netlink::Message& message) {
    const auto address = decode_address(message);
    ASSERT_TRUE(address);
    EXPECT_EQ(address->device, 1U);  // lo
    ++addresses;
  });
  EXPECT_EQ(addresses, 2U);
}

}  // namespace
}  // namespace kubecliff::ipvs
