// One datagram of nf_tables: each message through its decoder, and the rules that follow a chain's
// message folded as that chain's.
#include <linux/netfilter/nf_tables.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "collectors/iptables/chain_record.h"
#include "collectors/iptables/decode_nft.h"
#include "collectors/iptables/service_links.h"
#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/nftables.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff;            // NOLINT(*-using-namespace)
  using namespace kubecliff::iptables;  // NOLINT(*-using-namespace)

  ChainFold fold;
  fold.begin({}, ChainKind::user);
  std::vector<ChainRecord> chains;
  std::vector<BuiltInChain> built_in_chains;
  std::vector<LinkWord> links;
  std::uint32_t rules = 0;
  const auto finish = [&] {
    chains.push_back(fold.finish());
    chains.back().links_at = static_cast<std::uint32_t>(links.size());
    links.insert(links.end(), fold.links().begin(), fold.links().end());
    built_in_chains.push_back(fold.built_in());
  };

  netlink::Messages messages{std::as_bytes(std::span{data, size})};
  for (netlink::Message message; messages.next(message);) {
    static_cast<void>(netlink::decode_generation_tag(message));
    switch (message.header.nlmsg_type & 0xffU) {
      case NFT_MSG_NEWGEN:
        static_cast<void>(netlink::decode_generation(message));
        break;
      case NFT_MSG_NEWTABLE:
        static_cast<void>(netlink::decode_nft_table(message));
        break;
      case NFT_MSG_NEWCHAIN:
        if (const auto chain = netlink::decode_nft_chain(message)) {
          finish();
          chains.back().handle = chain->handle;
          chains.back().use = chain->use;
          fold.begin(chain->name, kind_of(*chain));
        }
        break;
      case NFT_MSG_NEWRULE:
        if (const auto named = decode_rule(message, Detail::comments);
            named && named->comment.size() > 255) {
          std::abort();
        }
        if (const auto rule = decode_rule(message, Detail::destinations)) {
          fold.add(*rule);
          ++rules;
        }
        break;
      default:
        break;
    }
  }
  finish();

  const TableFigures figures = summarize(chains, built_in_chains);
  if (figures.chains != chains.size() || figures.rules != rules || figures.duplicates > rules ||
      figures.services > rules || list_services(chains, links).services.size() > rules) {
    std::abort();
  }
  return 0;
}
