// The fuzzers' corpora: replayed, and what tests/support/capture_nic.cpp took from a real kernel
// decoded to what was set up there.
#include "tests/support/corpus.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/netlink_message.h"
#include "collectors/nic/decode_link.h"
#include "collectors/nic/decode_statistics.h"
#include "tests/support/fake_netlink.h"
#include "tests/support/result_matchers.h"

extern "C" {
int fuzz_decode_link(const std::uint8_t* data, std::size_t size);
int fuzz_decode_statistics(const std::uint8_t* data, std::size_t size);
}

namespace kubecliff::nic {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

const fs::path link_corpus = fs::path{FUZZ_FOLDER} / "corpus_decode_link";
const fs::path statistics_corpus = fs::path{FUZZ_FOLDER} / "corpus_decode_statistics";

TEST(Corpus, OfEveryFuzzerIsTakenWithoutAnAccident) {
  test::expect_taken(fuzz_decode_link, link_corpus);
  test::expect_taken(fuzz_decode_statistics, statistics_corpus);
}

// Name, kind, MTU, family, what is added, and whether a parent or another end is named.
std::string described(const Link& link) {
  std::string text = link.name;
  if (link.kind != Link::Kind::tunnel) {
    return text + (link.kind == Link::Kind::card ? " card" : "");
  }
  const Tunnel& tunnel = link.tunnel;
  text += ' ' + std::string{name(tunnel.kind)} + ' ' + std::to_string(link.mtu) + ' ' +
          (tunnel.outer ? std::string{name(*tunnel.outer)} : "?") + " +" +
          std::to_string(tunnel.overhead);
  return text + (tunnel.parent != 0 ? " parent" : "") + (tunnel.remote ? " remote" : "");
}

TEST(Corpus, DecodesToTheTunnelsThatWere) {
  std::vector<std::string> links;
  const test::ByteVector bytes = test::read_bytes(link_corpus / "linux_6_1");
  netlink::Messages messages{bytes};
  for (netlink::Message message; messages.next(message);) {
    const auto link = decode_link(message);
    ASSERT_THAT(link, test::has_value());
    links.push_back(described(*link));
  }
  EXPECT_FALSE(messages.malformed());
  EXPECT_THAT(
      links,
      ElementsAre("lo", "veth1", "veth0", "flannel.1 vxlan 1450 ipv4 +30 parent",
                  "vxlan6 vxlan 1430 ipv6 +30 remote", "external0",
                  "geneve0 geneve 1450 ipv4 +30 remote", "geneve6 geneve 1430 ipv6 +30 remote",
                  "tunl0", "ipip0 ipip 1480 ipv4 +0 remote", "ip6tnl0",
                  "ip6tnl0a ip6tnl 1452 ipv6 +8 remote", "wg0 wireguard 1420 ? +40"));
}

TEST(Corpus, DecodesToTheStatisticsThatWere) {
  const auto count = decode_count(test::read_bytes(statistics_corpus / "count"));
  ASSERT_THAT(count, test::has_value());
  EXPECT_GT(*count, 1U);
  const auto places = decode_names(test::read_bytes(statistics_corpus / "names"), *count);
  ASSERT_THAT(places, test::has_value());
  EXPECT_TRUE(places->empty());
  // The first is the index of the veth's other end, which is made before it.
  const auto values = decode_values(test::read_bytes(statistics_corpus / "values"), *count,
                                    {{.statistic = 0, .position = 0}});
  ASSERT_THAT(values, test::has_value());
  EXPECT_THAT(*values, ElementsAre(2U));
}

}  // namespace
}  // namespace kubecliff::nic
