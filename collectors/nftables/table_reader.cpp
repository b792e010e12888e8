#include "collectors/nftables/table_reader.h"

#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <cerrno>
#include <functional>
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

std::size_t hash_of(std::string_view text) {
  return std::hash<std::string_view>{}(text);
}

constexpr std::string_view kServicePrefix = "service-";
constexpr std::string_view kLocalPrefix = "local-";

// What was listed a moment ago and is not there has been removed.
Result<void> gone_is_changed(const Error& error) {
  return error.errno_value == ENOENT ? ruleset_changed() : Result<void>{std::unexpected(error)};
}

// kube-proxy's chain of that name is not a Service's.
constexpr std::string_view kServiceCheck = "service-endpoints-check";

}  // namespace

TableReader::TableReader(netlink::TransportFactory transport, std::filesystem::path procfs)
    : socket_{std::move(transport)},
      nf_tables_{netlink::kNfTables, std::move(procfs)},
      families_{Family{.family = AddressFamily::ipv4}, Family{.family = AddressFamily::ipv6}} {}

Result<RefreshKind> TableReader::refresh(Clock::time_point now) {
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
    return RefreshKind::unchanged;
  }
  if (full_due) {
    // Once for each full pass, however many refreshes it takes.
    std::ranges::for_each(families_, &Family::forget_contents);
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

  for (Family& family : families_) {
    family.publish(*chains);
  }
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
  families_ = {Family{.family = AddressFamily::ipv4}, Family{.family = AddressFamily::ipv6}};
  generation_.reset();
  chains_generation_.reset();
  full_generation_.reset();
  return RefreshKind::full;
}

Result<bool> TableReader::pass(std::uint32_t generation, bool chains) {
  Result<void> passed = commit_.wait(socket_, generation);
  if (passed) {
    passed = list(generation, chains);
  }
  if (passed) {
    passed = confirm(generation);
  }
  for (std::size_t i = 0; passed && i < families_.size(); ++i) {
    passed = confirm_listing(families_[i], generation);
  }
  if (passed) {
    passed = read_contents(generation, chains);
  }
  return passed ? Result<bool>{chains} : std::unexpected(passed.error());
}

// Tables, sets and, where they are due or a table is new, chains.
Result<void> TableReader::list(std::uint32_t generation, bool& chains) {
  for (Family& family : families_) {
    const Result<TableFace> table = read_table(family.family, generation);
    if (!table) {
      return std::unexpected(table.error());
    }
    family.take(table->handle);
    family.use = table->use;
    chains |= family.handle != 0 && !family.whole;
  }
  for (Family& family : families_) {
    if (family.handle == 0) {
      continue;
    }
    Result<void> listed = list_sets(family, generation);
    if (listed && chains) {
      listed = list_chains(family, generation);
    }
    if (!listed) {
      return listed;
    }
  }
  return {};
}

// What rules tell, and elements where the kernel does not count them.
Result<void> TableReader::read_contents(std::uint32_t generation, bool chains) {
  bool asked = false;
  for (Family& family : families_) {
    if (family.handle == 0) {
      continue;
    }
    if (!chains) {
      family.find_new_local_choices();
    }
    asked |= !family.unread.empty();
    Result<void> read = read_rules(family, generation);
    if (read && chains && !family.counts_elements) {
      asked = true;
      read = read_elements(family, generation);
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
  for (Family& family : families_) {
    if (chains) {
      family.attribute_maps();
    } else {
      family.attribute_new_local_choices();
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
Result<void> TableReader::confirm_listing(const Family& family, std::uint32_t generation) {
  if (family.handle == 0) {
    return {};
  }
  const Result<TableFace> table = read_table(family.family, generation);
  if (!table) {
    return std::unexpected(table.error());
  }
  if (table->handle != family.handle || table->use != family.use) {
    return ruleset_changed();
  }
  if (!family.counts_elements) {
    return {};
  }
  for (std::size_t i = 0; i < kFixedSets.size(); ++i) {
    if (!family.has_set[i]) {
      continue;
    }
    Request question = nftables_request(NFT_MSG_GETSET, 0, af(family.family));
    question.put_text(NFTA_SET_TABLE, kTable).put_text(NFTA_SET_NAME, kFixedSets[i]);
    const Result<void> asked = socket_.ask(question, [&](const Message& message) -> Result<void> {
      const auto set = decode_set(message);
      return set && set->elements == family.next.elements[i] ? Result<void>{} : ruleset_changed();
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

Result<void> TableReader::list_sets(Family& family, std::uint32_t generation) {
  family.next = family.figures.value_or(Figures{});
  family.next.sets = 0;
  family.next.maps = 0;
  family.next.elements = {};
  family.has_set = {};
  family.counts_elements = true;
  family.maps.clear();
  Request question = nftables_request(NFT_MSG_GETSET, NLM_F_DUMP, af(family.family));
  question.put_text(NFTA_SET_TABLE, kTable);
  const Result<void> asked = socket_.ask(question, [&](const Message& message) -> Result<void> {
    if (!belongs(message, generation)) {
      return ruleset_changed();
    }
    const auto set = decode_set(message);
    if (!set) {
      return fail(ErrorKind::malformed, "broken set message");
    }
    family.counts_elements &= set->elements.has_value();
    if (set->anonymous) {
      if (!set->map) {
        return {};
      }
      if (!family.maps.empty() && family.maps.back().handle >= set->handle) {
        return ruleset_changed();
      }
      family.maps.push_back({.handle = set->handle,
                             .name = hash_of(set->name),
                             .elements = set->elements.value_or(0)});
      return {};
    }
    ++(set->map ? family.next.maps : family.next.sets);
    if (const auto fixed = std::ranges::find(kFixedSets, set->name); fixed != kFixedSets.end()) {
      const auto index = static_cast<std::size_t>(fixed - kFixedSets.begin());
      family.has_set[index] = true;
      // Where it is not told, what it was when elements were read last.
      family.next.elements[index] =
          set->elements ? set->elements
                        : (family.figures ? family.figures->elements[index] : std::nullopt);
    }
    return {};
  });
  return asked ? asked : gone_is_changed(asked.error());
}

Result<void> TableReader::list_chains(Family& family, std::uint32_t generation) {
  std::vector<Chain> chains;
  chains.reserve(family.chains.size() + 16);
  std::vector<Unread> local;
  std::vector<Unread> unread;
  std::span<const Chain> known{family.chains};
  Request question = nftables_request(NFT_MSG_GETCHAIN, NLM_F_DUMP, af(family.family));
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
      next.service = hash_of(chain->name.substr(kServicePrefix.size()));
    } else if (chain->name.starts_with(kLocalPrefix)) {
      next.role = Role::local;
      next.service = hash_of(chain->name.substr(kLocalPrefix.size()));
      local.push_back({.chain = chains.size(), .name = std::string{chain->name}});
    }
    // The kernel lists chains as they were made: one walk along the known ones finds each again.
    while (!known.empty() && known.front().handle < chain->handle) {
      known = known.subspan(1);
    }
    const bool again = !known.empty() && known.front().handle == chain->handle;
    if (again && known.front().known && known.front().use == chain->use &&
        (known.front().map == 0 || family.has_map(known.front().map))) {
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
  family.chains = std::move(chains);
  family.local = std::move(local);
  family.unread = std::move(unread);
  return {};
}

Result<void> TableReader::read_rules(Family& family, std::uint32_t generation) {
  if (family.unread.empty()) {
    return {};
  }
  by_name_ = family.maps;
  std::ranges::sort(by_name_, {}, &Map::name);
  for (const Unread& unread : family.unread) {
    if (Result<void> read = read_chain(family, generation, unread); !read) {
      return read;
    }
  }
  family.unread.clear();
  return {};
}

Result<void> TableReader::read_chain(Family& family, std::uint32_t generation,
                                     const Unread& unread) {
  Chain chain = family.chains[unread.chain];
  chain.rules = 0;
  chain.map = 0;
  chain.choices = 0;
  Request question = nftables_request(NFT_MSG_GETRULE, NLM_F_DUMP, af(family.family));
  question.put_text(NFTA_RULE_TABLE, kTable).put_text(NFTA_RULE_CHAIN, unread.name);
  const Result<void> asked = socket_.ask(question, [&](const Message& message) -> Result<void> {
    if (!belongs(message, generation)) {
      return ruleset_changed();
    }
    ++chain.rules;
    if (const auto choice = decode_choice(message)) {
      // A rule of another kind, where it is a map with a name.
      const auto map = std::ranges::lower_bound(by_name_, hash_of(choice->map), {}, &Map::name);
      if (map != by_name_.end() && map->name == hash_of(choice->map)) {
        chain.map = map->handle;
        chain.choices = choice->count;
      }
    }
    return {};
  });
  if (asked) {
    // Without a message, there is none that says which generation the chain is empty in.
    chain.known = chain.rules > 0;
    family.chains[unread.chain] = chain;
  }
  return asked;
}

Result<void> TableReader::read_elements(Family& family, std::uint32_t generation) {
  for (std::size_t i = 0; i < kFixedSets.size(); ++i) {
    if (!family.has_set[i]) {
      continue;
    }
    std::size_t elements = 0;
    Request question = nftables_request(NFT_MSG_GETSETELEM, NLM_F_DUMP, af(family.family));
    question.put_text(NFTA_SET_ELEM_LIST_TABLE, kTable)
        .put_text(NFTA_SET_ELEM_LIST_SET, kFixedSets[i]);
    const Result<void> asked = socket_.ask(question, [&](const Message& message) -> Result<void> {
      if (!belongs(message, generation)) {
        return ruleset_changed();
      }
      const auto count = count_elements(message);
      if (!count) {
        return fail(ErrorKind::malformed, "broken message of set elements");
      }
      elements += *count;
      return {};
    });
    if (!asked) {
      return gone_is_changed(asked.error());
    }
    family.next.elements[i] = static_cast<std::uint32_t>(elements);
  }
  return {};
}

void TableReader::Family::forget_contents() {
  for (Chain& chain : chains) {
    chain.known = false;
  }
}

// A table made anew numbers its sets and chains from 1 again.
void TableReader::Family::take(std::uint64_t table_handle) {
  if (table_handle == handle) {
    return;
  }
  handle = table_handle;
  whole = false;
  objects = 0;
  chains.clear();
  local.clear();
  unread.clear();
  uncounted.clear();
  figures.reset();
}

bool TableReader::Family::has_map(std::uint64_t wanted) const {
  return std::ranges::binary_search(maps, wanted, {}, &Map::handle);
}

// Between two looks at all chains: a local chain whose endpoints have changed has another map,
// which would pass for that of another Service.
void TableReader::Family::find_new_local_choices() {
  unread.clear();
  for (const Unread& chain : local) {
    if (!has_map(chains[chain.chain].map)) {
      unread.push_back(chain);
    }
  }
}

void TableReader::Family::attribute_maps() {
  std::vector<std::size_t> services;
  for (const Chain& chain : chains) {
    if (chain.role == Role::service && chain.map != 0) {
      services.push_back(chain.service);
    }
  }
  std::ranges::sort(services);

  std::vector<std::uint64_t> counted;
  for (Chain& chain : chains) {
    chain.duplicate =
        chain.role == Role::local && std::ranges::binary_search(services, chain.service);
    if (chain.role != Role::other && !chain.duplicate) {
      counted.push_back(chain.map);
    }
  }
  std::ranges::sort(counted);
  uncounted.clear();
  for (const Map& map : maps) {
    if (!std::ranges::binary_search(counted, map.handle)) {
      uncounted.push_back(map.handle);
    }
  }
}

void TableReader::Family::attribute_new_local_choices() {
  for (const Unread& chain : local) {
    if (chains[chain.chain].duplicate) {
      uncounted.push_back(chains[chain.chain].map);
    }
  }
  std::ranges::sort(uncounted);
  const auto repeated = std::ranges::unique(uncounted);
  uncounted.erase(repeated.begin(), repeated.end());
}

void TableReader::Family::publish(bool chains_read) {
  if (handle == 0) {
    figures.reset();
    return;
  }
  if (chains_read) {
    next.rules = 0;
    for (const Chain& chain : chains) {
      next.rules += chain.rules;
    }
    objects = use - next.sets - next.maps - static_cast<std::uint32_t>(chains.size());
    whole = true;
  }
  next.chains = use - next.sets - next.maps - objects;

  next.services = 0;
  std::uint32_t endpoints = 0;
  for (const Map& map : maps) {
    if (!std::ranges::binary_search(uncounted, map.handle)) {
      ++next.services;
      endpoints += map.elements;
    }
  }
  if (counts_elements) {
    next.endpoints = endpoints;
  } else if (chains_read) {
    next.endpoints = 0;
    for (const Chain& chain : chains) {
      next.endpoints += chain.duplicate ? 0 : chain.choices;
    }
  }
  figures = next;
}

}  // namespace kubecliff::nftables
