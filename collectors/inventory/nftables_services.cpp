#include <linux/netfilter/nf_tables.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/inventory/generation.h"
#include "collectors/inventory/nftables_fold.h"
#include "collectors/inventory/sources.h"
#include "collectors/nftables/table.h"

namespace kubecliff::inventory {
namespace {

using netlink::Message;
using netlink::nftables_request;
using netlink::Request;

// The kernel finds a set by walking the list of all of them, 70 ns each: two seconds. That is all
// maps of 7,000 Services; of more, the rest has a number of endpoints and not their addresses.
constexpr std::size_t kMostSetsPassed = 30'000'000;

struct Listed {
  std::vector<std::string> chains;  // of Services
  std::vector<std::string> maps;    // of verdicts, with a name
  std::size_t sets = 0;
};

// What was listed a moment ago and is not there has been removed.
Result<void> gone_is_changed(const Error& error) {
  return error.errno_value == ENOENT ? netlink::ruleset_changed()
                                     : Result<void>{std::unexpected(error)};
}

// Whether there is such a table.
Result<bool> find_table(AddressFamily family, netlink::Socket& socket) {
  Request question = nftables_request(NFT_MSG_GETTABLE, 0, af(family));
  question.put_text(NFTA_TABLE_NAME, nftables::kTable);
  const Result<void> asked =
      socket.ask(question, [](const Message&) -> Result<void> { return {}; });
  if (!asked && asked.error().errno_value == ENOENT) {
    return false;
  }
  return asked ? Result<bool>{true} : std::unexpected(asked.error());
}

Result<Listed> list(AddressFamily family, netlink::Socket& socket, std::uint32_t generation) {
  Listed listed;
  Request sets = nftables_request(NFT_MSG_GETSET, NLM_F_DUMP, af(family));
  sets.put_text(NFTA_SET_TABLE, nftables::kTable);
  Result<void> asked = socket.ask(sets, [&](const Message& message) -> Result<void> {
    if (!netlink::belongs(message, generation)) {
      return netlink::ruleset_changed();
    }
    const auto set = nftables::decode_set(message);
    if (!set) {
      return fail(ErrorKind::malformed, "broken set message");
    }
    ++listed.sets;
    if (!set->anonymous && is_verdict_map(set->name)) {
      listed.maps.emplace_back(set->name);
    }
    return {};
  });
  if (!asked) {
    asked = gone_is_changed(asked.error());
    return std::unexpected(asked.error());
  }
  Request chains = nftables_request(NFT_MSG_GETCHAIN, NLM_F_DUMP, af(family));
  asked = socket.ask(chains, [&](const Message& message) -> Result<void> {
    if (!netlink::belongs(message, generation)) {
      return netlink::ruleset_changed();
    }
    const auto chain = netlink::decode_nft_chain(message);
    if (!chain) {
      return fail(ErrorKind::malformed, "broken chain message");
    }
    if (chain->table == nftables::kTable && NftablesFold::wants(chain->name)) {
      listed.chains.emplace_back(chain->name);
    }
    return {};
  });
  if (!asked) {
    return std::unexpected(asked.error());
  }
  return listed;
}

Result<void> read_rules(AddressFamily family, netlink::Socket& socket, std::uint32_t generation,
                        std::string_view chain, NftablesFold& fold) {
  Request question = nftables_request(NFT_MSG_GETRULE, NLM_F_DUMP, af(family));
  question.put_text(NFTA_RULE_TABLE, nftables::kTable).put_text(NFTA_RULE_CHAIN, chain);
  fold.begin_chain(chain);
  return socket.ask(question, [&](const Message& message) -> Result<void> {
    if (!netlink::belongs(message, generation)) {
      return netlink::ruleset_changed();
    }
    fold.add_rule(message);
    return {};
  });
}

template <typename Visit>
Result<void> read_elements(AddressFamily family, netlink::Socket& socket, std::uint32_t generation,
                           std::string_view set, const Visit& visit) {
  Request question = nftables_request(NFT_MSG_GETSETELEM, NLM_F_DUMP, af(family));
  question.put_text(NFTA_SET_ELEM_LIST_TABLE, nftables::kTable)
      .put_text(NFTA_SET_ELEM_LIST_SET, set);
  const Result<void> asked = socket.ask(question, [&](const Message& message) -> Result<void> {
    if (!netlink::belongs(message, generation)) {
      return netlink::ruleset_changed();
    }
    nftables::Elements elements{message, nftables::Comments::yes};
    for (nftables::Element element; elements.next(element);) {
      visit(element);
    }
    return elements.malformed() ? fail(ErrorKind::malformed, "broken message of set elements")
                                : Result<void>{};
  });
  return asked ? asked : gone_is_changed(asked.error());
}

Result<NftablesFold> read_table(AddressFamily family, netlink::Socket& socket,
                                std::uint32_t generation, std::size_t room) {
  NftablesFold fold{family, room};
  const Result<bool> found = find_table(family, socket);
  if (!found) {
    return std::unexpected(found.error());
  }
  if (!*found) {
    return fold;
  }
  const Result<Listed> listed = list(family, socket, generation);
  if (!listed) {
    return std::unexpected(listed.error());
  }
  for (const std::string& chain : listed->chains) {
    if (Result<void> read = read_rules(family, socket, generation, chain, fold); !read) {
      return std::unexpected(std::move(read.error()));
    }
  }
  std::size_t left = kMostSetsPassed;
  for (const NftablesFold::Choice& choice : fold.choices()) {
    if (left < listed->sets) {
      fold.leave_out(choice);
      continue;
    }
    left -= listed->sets;
    Result<void> read = read_elements(
        family, socket, generation, choice.map,
        [&](const nftables::Element& element) { fold.add_endpoint(choice, element); });
    if (!read) {
      return std::unexpected(std::move(read.error()));
    }
  }
  for (const std::string& map : listed->maps) {
    Result<void> read =
        read_elements(family, socket, generation, map,
                      [&](const nftables::Element& element) { fold.add_dispatch(map, element); });
    if (!read) {
      return std::unexpected(std::move(read.error()));
    }
  }
  return fold;
}

}  // namespace

Result<void> add_nftables_services(AddressFamily family, netlink::Socket& socket, std::size_t most,
                                   Services& to) {
  Result<NftablesFold> fold = read_generation_whole(socket, [&](std::uint32_t generation) {
    return read_table(family, socket, generation, room_in(to, most));
  });
  if (!fold) {
    return prefixed("nftables: read table kube-proxy", fold.error());
  }
  fold->finish(to);
  return {};
}

}  // namespace kubecliff::inventory
