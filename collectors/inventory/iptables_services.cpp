#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/inventory/generation.h"
#include "collectors/inventory/iptables_fold.h"
#include "collectors/inventory/sources.h"
#include "collectors/iptables/decode_legacy.h"
#include "collectors/iptables/decode_nft.h"
#include "collectors/kernel/nftables.h"
#include "collectors/kernel/xtables_socket.h"

namespace kubecliff::inventory {
namespace {

using netlink::Message;
using netlink::Request;

// The tables that kube-proxy names Services in, in the order that IptablesFold wants.
constexpr std::array<std::string_view, 2> kTables{"nat", "filter"};

// A restore that runs in a loop changes the size again and again between question and answer.
constexpr int kAttempts = 5;

Result<void> read_legacy_table(const xtables::Socket& socket, std::string_view table,
                               AddressFamily family, IptablesFold& fold) {
  for (int attempt = 1;; ++attempt) {
    const Result<xtables::TableInfo> info = socket.info(table);
    if (!info) {
      return std::unexpected(info.error());
    }
    const Result<xtables::TableBlob> blob = socket.entries(table, *info);
    if (blob) {
      return iptables::visit_legacy(
          blob->entries(), *info, family,
          {.begin_chain = [&](std::string_view chain) { fold.begin_chain(chain); },
           .add = [&](const iptables::Rule& rule) { fold.add(rule); }});
    }
    if (blob.error().kind != ErrorKind::torn || attempt == kAttempts) {
      return std::unexpected(blob.error());
    }
  }
}

// Chains whose rules are wanted, those of the nat table first.
Result<std::array<std::vector<std::string>, kTables.size()>> list_chains(AddressFamily family,
                                                                         netlink::Socket& socket,
                                                                         std::uint32_t generation) {
  std::array<std::vector<std::string>, kTables.size()> chains;
  Request question = netlink::nftables_request(NFT_MSG_GETCHAIN, NLM_F_DUMP, af(family));
  const Result<void> asked = socket.ask(question, [&](const Message& message) -> Result<void> {
    if (!netlink::belongs(message, generation)) {
      return netlink::ruleset_changed();
    }
    const auto chain = netlink::decode_nft_chain(message);
    if (!chain) {
      return fail(ErrorKind::malformed, "broken chain message");
    }
    const auto table = std::ranges::find(kTables, chain->table);
    if (table != kTables.end() && !chain->hooked && IptablesFold::wants(chain->name)) {
      chains[static_cast<std::size_t>(table - kTables.begin())].emplace_back(chain->name);
    }
    return {};
  });
  if (!asked) {
    return prefixed("nft: list chains", asked.error());
  }
  return chains;
}

Result<IptablesFold> read_nft(AddressFamily family, netlink::Socket& socket,
                              std::uint32_t generation, std::size_t room) {
  const auto chains = list_chains(family, socket, generation);
  if (!chains) {
    return std::unexpected(chains.error());
  }
  IptablesFold fold{Dataplane::iptables_nft, family, room};
  // Chain by chain, because the kernel starts the dump of a whole table again from its first rule
  // at every 32 KiB.
  Request question = netlink::nftables_request(NFT_MSG_GETRULE, NLM_F_DUMP, af(family));
  for (std::size_t table = 0; table < kTables.size(); ++table) {
    for (const std::string& chain : (*chains)[table]) {
      question.clear_attributes();
      question.put_text(NFTA_RULE_TABLE, kTables[table]).put_text(NFTA_RULE_CHAIN, chain);
      fold.begin_chain(chain);
      const Result<void> asked = socket.ask(question, [&](const Message& message) -> Result<void> {
        if (!netlink::belongs(message, generation)) {
          return netlink::ruleset_changed();
        }
        const auto rule = iptables::decode_rule(message, iptables::Detail::comments);
        if (!rule) {
          return fail(ErrorKind::malformed, "broken rule message");
        }
        fold.add(*rule);
        return {};
      });
      if (!asked) {
        return prefixed("nft: list rules", asked.error());
      }
    }
  }
  return fold;
}

}  // namespace

Result<void> add_legacy_services(AddressFamily family, const std::filesystem::path& procfs,
                                 std::size_t most, Services& to) {
  const Result<std::vector<std::string>> names = xtables::LoadedTables{procfs, family}.read();
  if (!names) {
    return names.error().kind == ErrorKind::unavailable ? Result<void>{}
                                                        : std::unexpected(names.error());
  }
  if (names->empty()) {
    return {};
  }
  const Result<xtables::Socket> socket = xtables::Socket::open(family);
  if (!socket) {
    return std::unexpected(socket.error());
  }
  IptablesFold fold{Dataplane::iptables_legacy, family, room_in(to, most)};
  for (const std::string_view table : kTables) {
    if (std::ranges::find(*names, table) == names->end()) {
      continue;
    }
    if (Result<void> read = read_legacy_table(*socket, table, family, fold); !read) {
      return prefixed(table, std::move(read.error()));
    }
  }
  fold.finish(to);
  return {};
}

Result<void> add_nft_services(AddressFamily family, netlink::Socket& socket, std::size_t most,
                              Services& to) {
  Result<IptablesFold> fold = read_generation_whole(socket, [&](std::uint32_t generation) {
    return read_nft(family, socket, generation, room_in(to, most));
  });
  if (!fold) {
    return std::unexpected(fold.error());
  }
  fold->finish(to);
  return {};
}

}  // namespace kubecliff::inventory
