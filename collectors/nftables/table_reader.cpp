#include "collectors/nftables/table_reader.h"

#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <tuple>
#include <utility>

#include "collectors/nftables/decode_nftables.h"

namespace kubecliff::nftables {
namespace {

using netlink::belongs;
using netlink::Message;
using netlink::nftables_request;
using netlink::Request;
using netlink::ruleset_changed;

constexpr int kAttempts = 3;

// The kernel finds a set by walking the list of all of them, 70 ns each: 0.8 s for all maps of
// 5,000 Services, a minute for those of 44,000. So a refresh walks past so many at the most.
constexpr std::size_t kMostSetsPassed = 1'000'000;

constexpr std::string_view kServicePrefix = "service-";
constexpr std::string_view kLocalPrefix = "local-";
constexpr std::string_view kEndpointPrefix = "endpoint-";

// Key of what all chains of a Service port have behind the word for their kind.
std::uint64_t port_key(std::string_view chain) {
  return name_key(chain.substr(chain.find('-') + 1));
}

// Whether Services are found by the map; those of some are refused.
bool finds_services(std::string_view set) {
  return set == "service-ips" || set == "service-nodeports" || set.starts_with("no-endpoint-");
}
bool refuses_services(std::string_view set) {
  return set.starts_with("no-endpoint-");
}

// What was listed a moment ago and is not there has been removed.
Result<void> gone_is_changed(const Error& error) {
  return error.errno_value == ENOENT ? ruleset_changed() : Result<void>{std::unexpected(error)};
}

// kube-proxy's chain of that name is not a Service's.
constexpr std::string_view kServiceCheck = "service-endpoints-check";

}  // namespace

TableReader::TableReader(netlink::TransportFactory transport, std::filesystem::path procfs,
                         std::shared_ptr<ServiceEndpoints> endpoints)
    : socket_{std::move(transport)},
      nf_tables_{netlink::kNfTables, std::move(procfs)},
      tables_{Table{.family = AddressFamily::ipv4}, Table{.family = AddressFamily::ipv6}},
      endpoints_{std::move(endpoints)},
      tellers_{EndpointTeller{endpoints_, ServiceEndpoints::Source::nftables, 0},
               EndpointTeller{endpoints_, ServiceEndpoints::Source::nftables, 1}} {}

Result<RefreshKind> TableReader::refresh(Clock::time_point now) {
  const ServiceEndpoints::Look look = endpoints_->begin(now);
  // Asking would load the module where it is one.
  if (nf_tables_.look() != FeatureState::present) {
    return withdraw();
  }
  Result<std::uint32_t> generation = netlink::read_generation(socket_);
  if (!generation) {
    return prefixed("nftables: read ruleset generation", generation.error());
  }

  const bool full_due =
      !full_generation_ || (*generation != *full_generation_ && now - full_at_ >= kFullInterval);
  const bool chains_due = full_due || full_running_ ||
                          (chains_generation_ != *generation && now - chains_at_ >= kChainInterval);
  if (!chains_due && generation_ == *generation) {
    const Result<void> more = look_on(look, *generation);
    return more ? Result<RefreshKind>{RefreshKind::unchanged}
                : prefixed("nftables: read table kube-proxy", more.error());
  }
  if (full_due) {
    // Once for each full pass, however many refreshes it takes.
    std::ranges::for_each(tables_, &Table::forget_contents);
    full_generation_ = *generation;
    full_at_ = now;
    full_running_ = true;
  }

  Result<bool> chains = pass(*generation, chains_due);
  for (int attempt = 1; !chains && chains.error().kind == ErrorKind::torn && attempt < kAttempts;
       ++attempt) {
    generation = netlink::read_generation(socket_);
    if (!generation) {
      return prefixed("nftables: read ruleset generation", generation.error());
    }
    chains = pass(*generation, chains_due);
  }
  if (!chains) {
    return prefixed("nftables: read table kube-proxy", chains.error());
  }

  for (Table& table : tables_) {
    table.publish(*chains);
  }
  tell(look, *chains);
  generation_ = *generation;
  if (!*chains) {
    return RefreshKind::incremental;
  }
  chains_generation_ = *generation;
  chains_at_ = now;
  return std::exchange(full_running_, false) ? RefreshKind::full : RefreshKind::incremental;
}

RefreshKind TableReader::withdraw() {
  if (!generation_) {
    return RefreshKind::unchanged;
  }
  tables_ = {Table{.family = AddressFamily::ipv4}, Table{.family = AddressFamily::ipv6}};
  std::ranges::for_each(tellers_, &EndpointTeller::withdraw);
  generation_.reset();
  chains_generation_.reset();
  full_generation_.reset();
  return RefreshKind::full;
}

// Nothing has changed: what is told is right, or is as right as it was, and some more of the maps
// can be read.
Result<void> TableReader::look_on(ServiceEndpoints::Look look, std::uint32_t generation) {
  for (Table& table : tables_) {
    EndpointTeller& teller = tellers_[static_cast<std::size_t>(table.family)];
    if (chains_generation_ != generation) {
      teller.presume(look);
    } else if (table.unread_maps.empty()) {
      teller.confirm(look);
    } else {
      const Result<void> read = read_endpoint_maps(table, generation);
      if (!read && read.error().kind != ErrorKind::torn) {
        return read;
      }
      teller.tell(look, table.link());
    }
  }
  return {};
}

void TableReader::tell(ServiceEndpoints::Look look, bool chains) {
  for (const Table& table : tables_) {
    EndpointTeller& teller = tellers_[static_cast<std::size_t>(table.family)];
    if (table.handle == 0) {
      teller.withdraw();
    } else if (chains) {
      teller.tell(look, table.link());
    } else {
      teller.presume(look);
    }
  }
}

Result<bool> TableReader::pass(std::uint32_t generation, bool chains) {
  Result<void> passed = commit_.wait(socket_, generation);
  if (passed) {
    passed = list(generation, chains);
  }
  if (passed) {
    passed = confirm(generation);
  }
  for (std::size_t i = 0; passed && i < tables_.size(); ++i) {
    passed = confirm_listing(tables_[i], generation);
  }
  if (passed) {
    passed = read_contents(generation, chains);
  }
  return passed ? Result<bool>{chains} : std::unexpected(passed.error());
}

// Tables, sets and, where they are due or a table is new, chains.
Result<void> TableReader::list(std::uint32_t generation, bool& chains) {
  for (Table& table : tables_) {
    const Result<TableFace> face = read_table(table.family, generation);
    if (!face) {
      return std::unexpected(face.error());
    }
    table.take(face->handle);
    table.use = face->use;
    chains |= table.handle != 0 && !table.whole;
  }
  for (Table& table : tables_) {
    if (table.handle == 0) {
      continue;
    }
    Result<void> listed = list_sets(table, generation, chains);
    if (listed && chains) {
      listed = list_chains(table, generation);
    }
    if (!listed) {
      return listed;
    }
  }
  return {};
}

// What rules and elements tell.
Result<void> TableReader::read_contents(std::uint32_t generation, bool chains) {
  bool asked = false;
  for (Table& table : tables_) {
    if (table.handle == 0) {
      continue;
    }
    asked |= chains;
    if (!chains) {
      table.find_new_local_choices();
    }
    asked |= !table.unread.empty();
    Result<void> read = read_rules(table, generation);
    if (read && chains) {
      read = read_elements(table, generation);
    }
    if (read && chains) {
      read = read_endpoint_maps(table, generation);
    }
    if (!read) {
      return read;
    }
  }
  // A chain that is gone, or empty, has no messages that could tell.
  if (asked) {
    if (Result<void> confirmed = confirm(generation); !confirmed) {
      return confirmed;
    }
  }
  for (Table& table : tables_) {
    if (chains) {
      table.attribute_maps();
    } else {
      table.attribute_new_local_choices();
    }
  }
  return {};
}

// No transaction is under way, and none was committed.
Result<void> TableReader::confirm(std::uint32_t generation) {
  if (Result<void> waited = commit_.wait(socket_, generation); !waited) {
    return waited;
  }
  return netlink::expect_generation(socket_, generation);
}

// One that was given up leaves the generation as it was, but it had moved the number of elements of
// sets with a name, and of users: those are asked for once more.
Result<void> TableReader::confirm_listing(const Table& table, std::uint32_t generation) {
  if (table.handle == 0) {
    return {};
  }
  const Result<TableFace> face = read_table(table.family, generation);
  if (!face) {
    return std::unexpected(face.error());
  }
  if (face->handle != table.handle || face->use != table.use) {
    return ruleset_changed();
  }
  if (!table.counts_elements) {
    return {};
  }
  for (std::size_t i = 0; i < kFixedSets.size(); ++i) {
    if (!table.has_set[i]) {
      continue;
    }
    Request question = nftables_request(NFT_MSG_GETSET, 0, af(table.family));
    question.put_text(NFTA_SET_TABLE, kTable).put_text(NFTA_SET_NAME, kFixedSets[i]);
    const Result<void> asked = socket_.ask(question, [&](const Message& message) -> Result<void> {
      const auto set = decode_set(message);
      return set && set->elements == table.next.elements[i] ? Result<void>{} : ruleset_changed();
    });
    if (!asked) {
      return gone_is_changed(asked.error());
    }
  }
  return {};
}

Result<TableReader::TableFace> TableReader::read_table(AddressFamily family,
                                                       std::uint32_t generation) {
  TableFace face;
  Request question = nftables_request(NFT_MSG_GETTABLE, 0, af(family));
  question.put_text(NFTA_TABLE_NAME, kTable);
  const Result<void> asked = socket_.ask(question, [&](const Message& message) -> Result<void> {
    if (!belongs(message, generation)) {
      return ruleset_changed();
    }
    const auto table = netlink::decode_nft_table(message);
    if (!table || table->handle == 0) {
      return fail(ErrorKind::malformed, "table message without a name or a handle");
    }
    face = {.handle = table->handle, .use = table->use};
    return {};
  });
  if (!asked && asked.error().errno_value != ENOENT) {
    return std::unexpected(asked.error());
  }
  return face;
}

Result<void> TableReader::list_sets(Table& table, std::uint32_t generation, bool chains) {
  table.next = table.figures.value_or(Figures{});
  table.next.sets = 0;
  table.next.maps = 0;
  table.next.elements = {};
  table.has_set = {};
  table.counts_elements = true;
  table.maps.clear();
  table.unread_maps.clear();
  Request question = nftables_request(NFT_MSG_GETSET, NLM_F_DUMP, af(table.family));
  question.put_text(NFTA_SET_TABLE, kTable);
  const Result<void> asked = socket_.ask(question, [&](const Message& message) -> Result<void> {
    if (!belongs(message, generation)) {
      return ruleset_changed();
    }
    const auto set = decode_set(message);
    if (!set) {
      return fail(ErrorKind::malformed, "broken set message");
    }
    table.counts_elements &= set->elements.has_value();
    if (set->anonymous) {
      if (!set->map) {
        return {};
      }
      if (!table.maps.empty() && table.maps.back().handle >= set->handle) {
        return ruleset_changed();
      }
      table.maps.push_back({.handle = set->handle,
                            .name = name_key(set->name),
                            .elements = set->elements.value_or(0)});
      if (chains && !table.endpoint_maps.contains(set->handle)) {
        table.unread_maps.push_back({.handle = set->handle, .name = std::string{set->name}});
      }
      return {};
    }
    ++(set->map ? table.next.maps : table.next.sets);
    if (const auto fixed = std::ranges::find(kFixedSets, set->name); fixed != kFixedSets.end()) {
      const auto index = static_cast<std::size_t>(fixed - kFixedSets.begin());
      table.has_set[index] = true;
      // Where it is not told, what it was when elements were read last.
      table.next.elements[index] =
          set->elements ? set->elements
                        : (table.figures ? table.figures->elements[index] : std::nullopt);
    }
    return {};
  });
  return asked ? asked : gone_is_changed(asked.error());
}

Result<void> TableReader::list_chains(Table& table, std::uint32_t generation) {
  std::vector<Chain> chains;
  chains.reserve(table.chains.size() + 16);
  std::vector<UnreadChain> local;
  std::vector<UnreadChain> unread;
  std::span<const Chain> known{table.chains};
  Request question = nftables_request(NFT_MSG_GETCHAIN, NLM_F_DUMP, af(table.family));
  const Result<void> asked = socket_.ask(question, [&](const Message& message) -> Result<void> {
    if (!belongs(message, generation)) {
      return ruleset_changed();
    }
    const auto chain = netlink::decode_nft_chain(message);
    if (!chain) {
      return fail(ErrorKind::malformed, "broken chain message");
    }
    if (chain->table != kTable) {
      return {};
    }
    if (!chains.empty() && chains.back().handle >= chain->handle) {
      return ruleset_changed();
    }

    Chain next{.handle = chain->handle, .use = chain->use};
    if (chain->name.starts_with(kServicePrefix) && chain->name != kServiceCheck) {
      next.role = Role::service;
      next.name = port_key(chain->name);
    } else if (chain->name.starts_with(kLocalPrefix)) {
      next.role = Role::local;
      next.name = port_key(chain->name);
      local.push_back({.chain = chains.size(), .name = std::string{chain->name}});
    } else if (chain->name.starts_with(kEndpointPrefix)) {
      next.role = Role::endpoint;
      next.name = name_key(chain->name);
    }
    // The kernel lists chains as they were made: one walk along the known ones finds each again.
    while (!known.empty() && known.front().handle < chain->handle) {
      known = known.subspan(1);
    }
    const bool again = !known.empty() && known.front().handle == chain->handle;
    if (again && known.front().known && known.front().use == chain->use &&
        (known.front().map == 0 || table.has_map(known.front().map))) {
      next = known.front();
    } else {
      next.duplicate = again && known.front().duplicate;  // until all are attributed
      unread.push_back({.chain = chains.size(), .name = std::string{chain->name}});
    }
    chains.push_back(next);
    return {};
  });
  if (!asked) {
    return asked;
  }
  // What is read from here on is kept even when the rest is not: chains not reached stay unknown.
  table.chains = std::move(chains);
  table.local = std::move(local);
  table.unread = std::move(unread);
  return {};
}

Result<void> TableReader::read_rules(Table& table, std::uint32_t generation) {
  if (table.unread.empty()) {
    return {};
  }
  by_name_ = table.maps;
  std::ranges::sort(by_name_, {}, &Map::name);
  for (const UnreadChain& unread : table.unread) {
    if (Result<void> read = read_chain(table, generation, unread); !read) {
      return read;
    }
  }
  table.unread.clear();
  return {};
}

Result<void> TableReader::read_chain(Table& table, std::uint32_t generation,
                                     const UnreadChain& unread) {
  Chain chain = table.chains[unread.chain];
  chain.rules = 0;
  chain.map = 0;
  chain.choices = 0;
  chain.backend = 0;
  Request question = nftables_request(NFT_MSG_GETRULE, NLM_F_DUMP, af(table.family));
  question.put_text(NFTA_RULE_TABLE, kTable).put_text(NFTA_RULE_CHAIN, unread.name);
  const Result<void> asked = socket_.ask(question, [&](const Message& message) -> Result<void> {
    if (!belongs(message, generation)) {
      return ruleset_changed();
    }
    ++chain.rules;
    if (chain.role == Role::endpoint) {
      const Translation to = decode_translation(message, table.family);
      if (!to.address.empty() && to.port != 0) {
        chain.backend = backend_key(to.address, to.port);
      }
    } else if (const auto choice = decode_choice(message)) {
      // A rule of another kind, where it is a map with a name.
      const std::uint64_t name = name_key(choice->map);
      const auto map = std::ranges::lower_bound(by_name_, name, {}, &Map::name);
      if (map != by_name_.end() && map->name == name) {
        chain.map = map->handle;
        chain.choices = choice->count;
      }
    }
    return {};
  });
  if (asked) {
    // Without a message, there is none that says which generation the chain is empty in.
    chain.known = chain.rules > 0;
    table.chains[unread.chain] = chain;
  }
  return asked;
}

template <typename Visit>
Result<void> TableReader::dump_elements(AddressFamily family, std::string_view set,
                                        std::uint32_t generation, const Visit& visit) {
  Request question = nftables_request(NFT_MSG_GETSETELEM, NLM_F_DUMP, af(family));
  question.put_text(NFTA_SET_ELEM_LIST_TABLE, kTable).put_text(NFTA_SET_ELEM_LIST_SET, set);
  const Result<void> asked = socket_.ask(question, [&](const Message& message) -> Result<void> {
    if (!belongs(message, generation)) {
      return ruleset_changed();
    }
    Elements elements{message};
    for (Element element; elements.next(element);) {
      visit(element);
    }
    return elements.malformed() ? fail(ErrorKind::malformed, "broken message of set elements")
                                : Result<void>{};
  });
  return asked ? asked : gone_is_changed(asked.error());
}

// Of the maps by which Services are found, and of all where the kernel does not count them.
Result<void> TableReader::read_elements(Table& table, std::uint32_t generation) {
  table.service_links.clear();
  for (std::size_t i = 0; i < kFixedSets.size(); ++i) {
    const bool finds = finds_services(kFixedSets[i]);
    if (!table.has_set[i] || (table.counts_elements && !finds)) {
      continue;
    }
    const bool refuses = refuses_services(kFixedSets[i]);
    std::uint32_t count = 0;
    const Result<void> dumped =
        dump_elements(table.family, kFixedSets[i], generation, [&](const Element& element) {
          ++count;
          if (const auto found = finds ? decode_dispatch(element, table.family) : std::nullopt) {
            const bool refused = refuses || found->chain.empty();
            table.service_links.push_back(
                {.service = found->service, .port = refused ? 0 : port_key(found->chain)});
          }
        });
    if (!dumped) {
      return dumped;
    }
    if (!table.counts_elements) {
      table.next.elements[i] = count;
    }
  }
  return {};
}

// Of those that are new, some; what has been read is kept even when the rest is not.
Result<void> TableReader::read_endpoint_maps(Table& table, std::uint32_t generation) {
  for (std::size_t left = kMostSetsPassed / (table.maps.size() + 1) + 1;
       left > 0 && !table.unread_maps.empty(); --left) {
    const UnreadMap& unread = table.unread_maps.back();
    EndpointMap map;
    const Result<void> dumped =
        dump_elements(table.family, unread.name, generation, [&](const Element& element) {
          const bool chain = !element.chain.empty();
          const auto target = chain ? std::optional{name_key(element.chain)}
                                    : decode_backend(element, table.family);
          map.chains |= chain;
          map.clear &= target.has_value() && map.chains == chain;
          map.targets.push_back(target.value_or(0));
        });
    if (!dumped) {
      return dumped;
    }
    map.targets.shrink_to_fit();
    table.endpoint_maps.emplace(unread.handle, std::move(map));
    table.unread_maps.pop_back();
  }
  std::erase_if(table.endpoint_maps,
                [&](const auto& known) { return !table.has_map(known.first); });
  return {};
}

}  // namespace kubecliff::nftables
