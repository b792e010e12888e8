// The fuzzer's corpus, which tests/support/capture_rulesets.cpp took from a real kernel: replayed,
// and decoded to the figures of the ruleset that was loaded.
#include "tests/support/corpus.h"

#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/nftables.h"
#include "collectors/nftables/decode_nftables.h"
#include "tests/support/fake_netlink.h"

extern "C" int fuzz_decode_nftables(const std::uint8_t* data, std::size_t size);

namespace kubecliff::nftables {
namespace {

namespace fs = std::filesystem;
using testing::SizeIs;

TEST(Corpus, IsTakenWithoutAnAccident) {
  test::expect_taken(fuzz_decode_nftables, fs::path{FUZZ_FOLDER} / "corpus_decode_nftables");
}

struct Decoded {
  std::map<std::string, Set, std::less<>> sets;
  std::map<std::string, std::uint32_t, std::less<>> choices;  // by the map
  std::size_t rules = 0;
  std::size_t elements = 0;
};

Decoded decode(Bytes bytes) {
  Decoded decoded;
  netlink::Messages messages{bytes};
  for (netlink::Message message; messages.next(message);) {
    switch (message.header.nlmsg_type & 0xffU) {
      case NFT_MSG_NEWTABLE:
        EXPECT_TRUE(netlink::decode_nft_table(message));
        break;
      case NFT_MSG_NEWSET:
        if (const auto set = decode_set(message)) {
          decoded.sets[std::string{set->name}] = *set;
        }
        break;
      case NFT_MSG_NEWRULE:
        ++decoded.rules;
        if (const auto choice = decode_choice(message)) {
          decoded.choices[std::string{choice->map}] = choice->count;
        }
        break;
      default:
        Elements elements{message};
        for (Element element; elements.next(element);) {
          ++decoded.elements;
        }
    }
  }
  EXPECT_FALSE(messages.malformed());
  return decoded;
}

// A Service with two endpoints, affinity, source ranges and external traffic policy Local, one of
// its endpoints being local; and one without endpoints.
TEST(Corpus, DecodesToTheFiguresOfWhatWasLoaded) {
  for (const std::string_view file :
       {"ipv4_up_to_1_35", "ipv4_from_1_36", "ipv6_up_to_1_35", "ipv6_from_1_36"}) {
    SCOPED_TRACE(file);
    const test::ByteVector bytes =
        test::read_bytes(fs::path{FUZZ_FOLDER} / "corpus_decode_nftables" / file);
    const Decoded decoded = decode(bytes);

    EXPECT_EQ(decoded.elements, 2U);
    const Set& services = decoded.sets.at("service-ips");
    EXPECT_TRUE(services.map);
    EXPECT_FALSE(services.anonymous);
    EXPECT_EQ(services.elements, 2U);
    EXPECT_FALSE(decoded.sets.at("cluster-ips").map);

    ASSERT_THAT(decoded.choices, SizeIs(2));
    for (const auto& [map, count] : decoded.choices) {
      const Set& choice = decoded.sets.at(map);
      EXPECT_TRUE(choice.map);
      EXPECT_TRUE(choice.anonymous);
      EXPECT_EQ(choice.elements, count);
    }
  }
}

}  // namespace
}  // namespace kubecliff::nftables
