// The fuzzers' corpora, which tests/support/capture_rulesets.cpp took from a real kernel: replayed,
// and decoded to the figures of the ruleset that was loaded.
#include "tests/support/corpus.h"

#include <linux/netfilter/nf_tables.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/iptables/chain_record.h"
#include "collectors/iptables/decode_legacy.h"
#include "collectors/iptables/decode_nft.h"
#include "collectors/iptables/service_links.h"
#include "collectors/kernel/nftables.h"
#include "tests/fuzz/iptables/legacy_input.h"
#include "tests/support/fake_netlink.h"
#include "tests/support/service_keys.h"

extern "C" {
int fuzz_decode_legacy(const std::uint8_t* data, std::size_t size);
int fuzz_decode_nft(const std::uint8_t* data, std::size_t size);
}

namespace kubecliff::iptables {
namespace {

namespace fs = std::filesystem;

struct Decoded {
  TableFigures figures;
  ServiceLists services;
};

Decoded decode_legacy_file(Bytes bytes) {
  const auto input = read_as<fuzz::LegacyInput>(bytes);
  if (!input) {
    ADD_FAILURE() << "too short";
    return {};
  }
  const auto table = decode_legacy(bytes.subspan(sizeof(fuzz::LegacyInput)), input->info,
                                   input->ipv6 != 0 ? AddressFamily::ipv6 : AddressFamily::ipv4);
  if (!table) {
    ADD_FAILURE() << table.error().message;
    return {};
  }
  return {.figures = summarize(table->chains, table->built_in),
          .services = list_services(table->chains, table->links)};
}

Decoded decode_nft_file(Bytes bytes) {
  ChainFold fold;
  std::vector<ChainRecord> chains;
  std::vector<BuiltInChain> built_in_chains;
  std::vector<LinkWord> links;
  netlink::NftChain current;
  const auto finish = [&] {
    if (!current.name.empty()) {
      chains.push_back(fold.finish());
      chains.back().use = current.use;
      chains.back().links_at = static_cast<std::uint32_t>(links.size());
      links.insert(links.end(), fold.links().begin(), fold.links().end());
      if (kind_of(current) != ChainKind::user) {
        built_in_chains.push_back(fold.built_in());
      }
    }
  };
  netlink::Messages messages{bytes};
  for (netlink::Message message; messages.next(message);) {
    switch (message.header.nlmsg_type & 0xffU) {
      case NFT_MSG_NEWGEN:
        EXPECT_TRUE(netlink::decode_generation(message));
        break;
      case NFT_MSG_NEWCHAIN:
        finish();
        current = netlink::decode_nft_chain(message).value_or(netlink::NftChain{});
        EXPECT_FALSE(current.name.empty());
        fold.begin(current.name, kind_of(current));
        break;
      default:
        if (const auto rule = decode_rule(message, Detail::destinations)) {
          fold.add(*rule);
        } else {
          ADD_FAILURE() << "broken rule";
        }
    }
  }
  finish();
  EXPECT_FALSE(messages.malformed());
  return {.figures = summarize(chains, built_in_chains), .services = list_services(chains, links)};
}

struct Corpus {
  std::string_view folder;
  test::Fuzzer run;
  Decoded (*decode)(Bytes bytes);
};
constexpr Corpus kCorpora[] = {{"corpus_decode_legacy", fuzz_decode_legacy, decode_legacy_file},
                               {"corpus_decode_nft", fuzz_decode_nft, decode_nft_file}};

TEST(Corpus, OfEveryFuzzerIsTakenWithoutAnAccident) {
  for (const Corpus& corpus : kCorpora) {
    test::expect_taken(corpus.run, fs::path{FUZZ_FOLDER} / corpus.folder);
  }
}

TEST(Corpus, DecodesToTheFiguresOfWhatWasLoaded) {
  struct Case {
    std::string_view file;
    std::uint32_t rules;
    std::uint32_t chains;
  };
  const Case cases[] = {
      {"ipv4_nat", 29, 16}, {"ipv4_filter", 21, 11}, {"ipv4_mangle", 0, 8},
      {"ipv6_nat", 29, 16}, {"ipv6_filter", 20, 11}, {"ipv6_mangle", 0, 8},
  };
  for (const Corpus& corpus : kCorpora) {
    for (const Case& c : cases) {
      SCOPED_TRACE(std::string{corpus.folder} + '/' + std::string{c.file});
      const TableFigures figures =
          corpus.decode(test::read_bytes(fs::path{FUZZ_FOLDER} / corpus.folder / c.file)).figures;
      EXPECT_EQ(figures.rules, c.rules);
      EXPECT_EQ(figures.chains, c.chains);
      EXPECT_EQ(figures.duplicates, 0U);
      EXPECT_EQ(figures.dangling_jumps, 0U);
      EXPECT_EQ(figures.unbalanced_chains, 0U);
      if (c.file.ends_with("_nat")) {
        EXPECT_EQ(figures.services, 1U);
        EXPECT_EQ(figures.endpoints, 2U);
        EXPECT_EQ(figures.nodeports, 1U);
        EXPECT_EQ(figures.affinity_rules, 3U);
        EXPECT_EQ(figures.masquerade_rules, 5U);
        EXPECT_EQ(figures.worst_case_walk, 10U);
      } else {
        EXPECT_EQ(figures.refusals, c.file.ends_with("_filter") ? 3U : 0U);
      }
    }
  }
}

// The first Service has two endpoints, the second none; each has a node port and a load balancer.
TEST(Corpus, TellsServicesAndEndpointsOfWhatWasLoaded) {
  for (const Corpus& corpus : kCorpora) {
    for (const test::Family family : test::kFamilies) {
      SCOPED_TRACE(std::string{corpus.folder} + ' ' + std::string{test::label(family)});
      const auto decode = [&](std::string_view table) {
        const std::string file = std::string{test::label(family)} + '_' + std::string{table};
        return corpus.decode(test::read_bytes(fs::path{FUZZ_FOLDER} / corpus.folder / file))
            .services;
      };
      test::Service service{.number = 0, .endpoints = 2, .exposure = test::Exposure::load_balancer};
      const test::ServiceKeys first = test::keys_of(service, family);
      service.number = 1;
      service.endpoints = 0;
      const test::ServiceKeys second = test::keys_of(service, family);

      const ServiceLists nat = decode("nat");
      EXPECT_THAT(nat.services, ::testing::UnorderedElementsAreArray(first.services));
      // Session affinity has a rule for each choice too, and local policy makes some twice.
      EXPECT_EQ((std::set<std::uint64_t>{nat.endpoints.begin(), nat.endpoints.end()}),
                (std::set<std::uint64_t>{first.endpoints.begin(), first.endpoints.end()}));
      const ServiceLists filter = decode("filter");
      EXPECT_THAT(filter.services, ::testing::UnorderedElementsAreArray(second.services));
      EXPECT_TRUE(filter.endpoints.empty());
    }
  }
}

}  // namespace
}  // namespace kubecliff::iptables
