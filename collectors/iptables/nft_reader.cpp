#include "collectors/iptables/nft_reader.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

#include "collectors/iptables/decode_nft.h"
#include "collectors/iptables/service_links.h"
#include "collectors/kernel/kernel_feature.h"
#include "collectors/kernel/nftables.h"

namespace kubecliff::iptables {
namespace {

using netlink::Message;
using netlink::Request;

// Each attempt keeps what the one before has read, so a busy writer delays and does not starve us.
constexpr int kAttempts = 3;

// Between two looks at the counters of the jumps to KUBE-SERVICES.
constexpr std::chrono::seconds kFlowInterval{15};

// The lists of chains to be read are kept for the next pass up to so many; those of a whole table
// are megabytes.
constexpr std::size_t kKeptUnread = 4096;

// More words of links than most chains have: an estimate.
constexpr std::size_t kMostLinks = 4;

// Chains of a Service's port, whichever.
bool is_service_chain(ChainClass chain_class) {
  return is_per_service(chain_class) && chain_class != ChainClass::sep;
}

std::int64_t users_of(const ChainRecord& chain) {
  return std::int64_t{chain.use} - chain.rules;
}

}  // namespace

NftReader::NftReader(netlink::TransportFactory transport, std::filesystem::path procfs,
                     Duration full_interval, std::shared_ptr<ServiceEndpoints> endpoints)
    : socket_{std::move(transport)},
      nf_tables_{netlink::kNfTables, std::move(procfs)},
      full_interval_{full_interval},
      endpoints_{std::move(endpoints)},
      families_{family_of(AddressFamily::ipv4), family_of(AddressFamily::ipv6)} {}

NftReader::Family NftReader::family_of(AddressFamily family) const {
  return {.family = family,
          .tables = {},
          .reading = {},
          .teller = {endpoints_, ServiceEndpoints::Source::iptables_nft,
                     static_cast<std::size_t>(family)}};
}

Result<RefreshKind> NftReader::refresh(Clock::time_point now) {
  const ServiceEndpoints::Look look = endpoints_->begin(now);
  // Asking would load the module where it is one.
  if (const FeatureState state = nf_tables_.look(); state != FeatureState::present) {
    return withdraw(state == FeatureState::not_built ? BackendState::not_built
                                                     : BackendState::not_loaded);
  }
  Result<std::uint32_t> generation = netlink::read_generation(socket_);
  if (!generation) {
    if (generation.error().kind == ErrorKind::denied) {
      std::ignore = withdraw(BackendState::denied);
    }
    return prefixed("nft: read ruleset generation", generation.error());
  }

  const bool full_due =
      !full_generation_ || (*generation != *full_generation_ && now - full_at_ >= full_interval_);
  if (read_ && settled_ && !full_due && *generation == generation_) {
    for (const Family& family : families_) {
      family.teller.confirm(look);
    }
    if (now - flows_at_ < kFlowInterval) {
      return RefreshKind::unchanged;
    }
    flows_at_ = now;
    if (const Result<void> flows = read_flows(); !flows) {
      return std::unexpected(flows.error());
    }
    return RefreshKind::incremental;
  }

  if (full_due) {
    // Once for each full pass, however many refreshes it takes; and its generation is the one at
    // which it began, because the contents that it reads first may be of that one.
    forget_contents();
    full_generation_ = *generation;
    full_at_ = now;
    full_running_ = true;
  }
  settled_ = false;  // until a pass is through
  for (int attempt = 1;; ++attempt) {
    const Result<void> pass = read_families(*generation);
    if (pass) {
      break;
    }
    if (pass.error().kind != ErrorKind::torn || attempt == kAttempts) {
      return std::unexpected(pass.error());
    }
    generation = netlink::read_generation(socket_);
    if (!generation) {
      return std::unexpected(generation.error());
    }
  }

  settled_ = true;
  for (Family& family : families_) {
    settled_ &= settle(family, *generation);
  }
  generation_ = *generation;
  if (!settled_) {
    return netlink::ruleset_changed();
  }
  for (Family& family : families_) {
    publish(family);
    tell(family, look);
  }
  flows_at_ = now;
  read_ = true;
  return std::exchange(full_running_, false) ? RefreshKind::full : RefreshKind::incremental;
}

RefreshKind NftReader::withdraw(BackendState state) {
  const bool same = read_ && families_.front().reading.state == state;
  for (Family& family : families_) {
    family.tables.clear();
    family.reading.tables.clear();
    family.reading.state = state;
    if (state != BackendState::denied) {
      family.teller.withdraw();
    }
  }
  read_ = state != BackendState::denied;
  settled_ = false;
  full_generation_.reset();
  return same ? RefreshKind::unchanged : RefreshKind::full;
}

Result<void> NftReader::read_families(std::uint32_t generation) {
  if (Result<void> waited = commit_.wait(socket_, generation); !waited) {
    return waited;
  }
  for (Family& family : families_) {
    if (Result<void> read = read_family(family, generation); !read) {
      return read;
    }
  }
  // A chain that is gone has no messages that could tell: ask once more.
  return netlink::expect_generation(socket_, generation);
}

Result<void> NftReader::read_family(Family& family, std::uint32_t generation) {
  unread_.clear();
  names_.clear();
  kept_dispatchers_.clear();
  Result<std::vector<Table>> tables = list_tables(family, generation);
  if (!tables) {
    return std::unexpected(tables.error());
  }
  if (Result<void> listed = list_chains(family, generation, *tables); !listed) {
    return listed;
  }
  // What is read from here on is kept even when the rest is not: chains not reached stay unknown.
  family.tables = std::move(*tables);

  // Some come to them while they are read.
  for (std::size_t i = 0; i < unread_.size(); ++i) {
    const Unread unread = unread_[i];
    Table& table = family.tables[unread.table];
    ChainRecord& chain = table.chains[unread.chain];
    const std::string_view chain_name =
        std::string_view{names_}.substr(unread.name_at, unread.name_size);
    if (Result<void> read =
            read_chain(family.family, table.name, chain_name, generation, chain.kind);
        !read) {
      return read;
    }
    ChainRecord record = fold_.finish();
    record.handle = chain.handle;
    record.use = chain.use;
    record.known = true;
    record.tentative = true;
    record.links_at = static_cast<std::uint32_t>(table.links.size());
    table.links.insert(table.links.end(), fold_.links().begin(), fold_.links().end());
    chain = record;
    if (chain.kind != ChainKind::user) {
      table.built_in.push_back(fold_.built_in());
    }
    if (is_service_chain(record.chain_class) && unread.users_before &&
        *unread.users_before != users_of(record)) {
      leave_dispatchers_unread(family.tables);
    }
  }
  if (unread_.size() > kKeptUnread) {
    unread_.clear();
    unread_.shrink_to_fit();
    names_.clear();
    names_.shrink_to_fit();
  }
  for (Table& table : family.tables) {
    if (table.links.capacity() > table.links.size() / 8 * 9) {
      table.links.shrink_to_fit();
    }
  }
  return {};
}

// iptables-restore without --noflush makes its tables anew, and a new table numbers its chains from
// 1 again: they are not those of the old one.
const NftReader::Table* NftReader::find_known(const Family& family, const Table& table) {
  const auto known = std::ranges::find_if(family.tables, [&](const Table& other) {
    return other.name == table.name && other.handle == table.handle;
  });
  return known == family.tables.end() ? nullptr : &*known;
}

Result<std::vector<NftReader::Table>> NftReader::list_tables(const Family& family,
                                                             std::uint32_t generation) {
  std::vector<Table> tables;
  Request question = netlink::nftables_request(NFT_MSG_GETTABLE, NLM_F_DUMP, af(family.family));
  const Result<void> asked = socket_.ask(question, [&](const Message& message) -> Result<void> {
    if (!netlink::belongs(message, generation)) {
      return netlink::ruleset_changed();
    }
    const auto table = netlink::decode_nft_table(message);
    if (!table) {
      return fail(ErrorKind::malformed, "table message without a name");
    }
    if (std::ranges::find(kTables, table->name) != kTables.end()) {
      Table& next =
          tables.emplace_back(Table{.name = std::string{table->name}, .handle = table->handle});
      if (const Table* known = find_known(family, next)) {
        next.chains.reserve(known->chains.size() + 16);
        next.foreign_users = known->foreign_users;
        next.settled_foreign_users = known->settled_foreign_users;
      }
    }
    return {};
  });
  if (!asked) {
    return prefixed("nft: list tables", asked.error());
  }
  return tables;
}

Result<void> NftReader::list_chains(const Family& family, std::uint32_t generation,
                                    std::vector<Table>& tables) {
  // The kernel lists chains as they were made, so one walk along the known ones finds each again.
  std::vector<Before> all_before;
  for (const Table& table : tables) {
    const Table* known = find_known(family, table);
    all_before.push_back({.table = known});
    if (known != nullptr) {
      all_before.back().rest = known->chains;
    }
  }

  std::size_t at = 0;  // the table of the message before: chains come table by table
  Request question = netlink::nftables_request(NFT_MSG_GETCHAIN, NLM_F_DUMP, af(family.family));
  const Result<void> asked = socket_.ask(question, [&](const Message& message) -> Result<void> {
    if (!netlink::belongs(message, generation)) {
      return netlink::ruleset_changed();
    }
    const auto chain = netlink::decode_nft_chain(message);
    if (!chain) {
      return fail(ErrorKind::malformed, "broken chain message");
    }
    if (at >= tables.size() || tables[at].name != chain->table) {
      const auto found = std::ranges::find(tables, chain->table, &Table::name);
      at = static_cast<std::size_t>(found - tables.begin());
      if (found == tables.end()) {
        return {};  // not a table of iptables
      }
    }

    const ChainKind kind = kind_of(*chain);
    Before& before = all_before[at];
    while (!before.rest.empty() && before.rest.front().handle < chain->handle) {
      before.lose(before.rest.front());
      before.rest = before.rest.subspan(1);
    }
    std::vector<ChainRecord>& chains = tables[at].chains;
    if (!chains.empty() && chains.back().handle >= chain->handle) {
      return netlink::ruleset_changed();
    }
    std::optional<std::int64_t> users_before;
    if (!before.rest.empty() && before.rest.front().handle == chain->handle) {
      const ChainRecord& known = before.rest.front();
      before.rest = before.rest.subspan(1);
      if (known.known && known.use == chain->use && kind == ChainKind::user) {
        chains.push_back(known);
        return {};
      }
      if (known.chain_class == ChainClass::sep) {
        before.lose(known);
      }
      if (is_service_chain(known.chain_class)) {  // which shows that it was read once
        users_before = users_of(known);
      }
    }
    add_unread(at, chains.size(), chain->name);
    unread_.back().users_before = users_before;
    chains.push_back({.handle = chain->handle, .use = chain->use, .kind = kind});
    return {};
  });
  if (!asked) {
    return prefixed("nft: list chains", asked.error());
  }
  for (Before& before : all_before) {
    for (const ChainRecord& gone : before.rest) {
      before.lose(gone);
    }
  }
  keep_links(tables, all_before);
  return {};
}

void NftReader::Before::lose(const ChainRecord& chain) {
  const auto words = links_of(chain, table->links);
  if (chain.chain_class == ChainClass::sep && !words.empty()) {
    lost.push_back(words.front());
  }
  lost_service_chain |= is_service_chain(chain.chain_class);
}

void NftReader::keep_links(std::vector<Table>& tables, std::span<Before> all_before) {
  for (std::size_t at = 0; at < tables.size(); ++at) {
    Before& before = all_before[at];
    Table& table = tables[at];
    if (before.table == nullptr) {
      table.links.reserve(table.chains.size() * kMostLinks);
      continue;
    }
    std::ranges::sort(before.lost);
    // What it grows past that doubles it.
    const std::size_t links = before.table->links.size();
    table.links.reserve(links + links / 16 + kMostLinks);
    const auto is_lost = [&](LinkWord name) {
      return std::ranges::binary_search(before.lost, name);
    };
    for (std::size_t i = 0; i < table.chains.size(); ++i) {
      ChainRecord& chain = table.chains[i];
      const auto words = links_of(chain, before.table->links);
      if (chain.known && dispatches(chain.chain_class)) {
        kept_dispatchers_.push_back(
            {.table = static_cast<std::uint32_t>(at), .chain = static_cast<std::uint32_t>(i)});
      }
      if (!before.lost.empty() && chooses_endpoints(chain.chain_class) &&
          std::ranges::any_of(words.subspan(std::min(kPortHashWords, words.size())), is_lost)) {
        leave_unread(tables, at, i, words);
        continue;
      }
      chain.links_at = static_cast<std::uint32_t>(table.links.size());
      table.links.insert(table.links.end(), words.begin(), words.end());
    }
  }
  if (std::ranges::any_of(all_before, &Before::lost_service_chain)) {
    leave_dispatchers_unread(tables);
  }
}

// What KUBE-SERVICES and its like hold may be other rules, though it is as many. At once, so that
// it is not forgotten where the pass is torn.
void NftReader::leave_dispatchers_unread(std::vector<Table>& tables) {
  for (const Unread& dispatcher : std::exchange(kept_dispatchers_, {})) {
    leave_unread(tables, dispatcher.table, dispatcher.chain, {});
  }
}

void NftReader::leave_unread(std::vector<Table>& tables, std::size_t table, std::size_t chain,
                             std::span<const LinkWord> words) {
  ChainRecord& record = tables[table].chains[chain];
  add_unread(table, chain, linked_chain_name(record, words));
  unread_.back().users_before = users_of(record);
  record = {.handle = record.handle, .use = record.use, .kind = record.kind};
}

void NftReader::add_unread(std::size_t table, std::size_t chain, std::string_view name) {
  unread_.push_back({.table = static_cast<std::uint32_t>(table),
                     .chain = static_cast<std::uint32_t>(chain),
                     .name_at = static_cast<std::uint32_t>(names_.size()),
                     .name_size = static_cast<std::uint32_t>(name.size())});
  names_ += name;
}

// Leaves the chain's rules in fold_.
Result<void> NftReader::read_chain(AddressFamily family, std::string_view table,
                                   std::string_view chain, std::uint32_t generation,
                                   ChainKind kind) {
  Request question = netlink::nftables_request(NFT_MSG_GETRULE, NLM_F_DUMP, af(family));
  question.put_text(NFTA_RULE_TABLE, table).put_text(NFTA_RULE_CHAIN, chain);
  fold_.begin(chain, kind);
  const Detail detail = detail_of(chain);
  const Result<void> asked = socket_.ask(question, [&](const Message& message) -> Result<void> {
    if (!netlink::belongs(message, generation)) {
      return netlink::ruleset_changed();
    }
    const auto rule = decode_rule(message, detail);
    if (!rule) {
      return fail(ErrorKind::malformed, "broken rule message");
    }
    fold_.add(*rule);
    return {};
  });
  return asked ? Result<void>{} : prefixed("nft: list rules", asked.error());
}

// A transaction that is being prepared already moves NFTA_CHAIN_USE, while the rules are those from
// before it. A record that took such a number would look unchanged when the transaction is done, so
// the numbers must add up: every user of a chain is one of its rules or a jump.
bool NftReader::settle(Family& family, std::uint32_t generation) const {
  bool settled = true;
  for (Table& table : family.tables) {
    std::int64_t foreign_users = 0;
    for (const ChainRecord& chain : table.chains) {
      foreign_users += std::int64_t{chain.use} - chain.rules - chain.jumps;
    }
    // Where nothing was committed since and the numbers stand still, verdict maps hold the chains.
    if (generation == generation_ && foreign_users == table.foreign_users) {
      table.settled_foreign_users = foreign_users;
    }
    table.foreign_users = foreign_users;

    const bool adds_up = foreign_users == table.settled_foreign_users;
    for (ChainRecord& chain : table.chains) {
      chain.known = chain.known && (adds_up || !chain.tentative);
      chain.tentative = false;
    }
    settled &= adds_up;
  }
  return settled;
}

void NftReader::publish(Family& family) const {
  BackendReading& reading = family.reading;
  std::vector<TableReading> tables;
  tables.reserve(family.tables.size());
  for (const Table& table : family.tables) {
    tables.push_back({.table = table.name,
                      .figures = summarize(table.chains, table.built_in),
                      .built_in = table.built_in});
  }
  const auto same = [](const TableReading& one, const TableReading& other) {
    return one.table == other.table && one.figures.content == other.figures.content;
  };
  if (read_ && !std::ranges::equal(tables, reading.tables, same)) {
    ++reading.changes;
  }
  reading.tables = std::move(tables);
  reading.settle();
}

void NftReader::tell(Family& family, ServiceEndpoints::Look look) {
  std::uint64_t content = 0;
  for (const TableReading& table : family.reading.tables) {
    if (tells_services(table.table)) {
      content = content * 31 + table.figures.content;
    }
  }
  if (family.teller.has_told() && content == family.told_content) {
    family.teller.confirm(look);
    return;
  }

  ServiceLists all;
  for (const Table& table : family.tables) {
    if (tells_services(table.name)) {
      add_services(table.chains, table.links, all);
    }
  }
  family.teller.tell(look,
                     std::make_shared<const EndpointSet>(all.services, all.endpoints, all.unclear));
  family.told_content = content;
}

Result<void> NftReader::read_flows() {
  for (Family& family : families_) {
    for (const Table& table : family.tables) {
      if (table.name != "nat") {
        continue;
      }
      for (const BuiltInChain& chain : table.built_in) {
        if (!chain.services_jump ||
            (chain.kind != ChainKind::prerouting && chain.kind != ChainKind::output)) {
          continue;
        }
        const Result<void> read =
            read_chain(family.family, table.name, name(chain.kind), generation_, chain.kind);
        if (!read) {
          // A change is for the next refresh to find.
          return read.error().kind == ErrorKind::torn ? Result<void>{} : read;
        }
        std::ignore = fold_.finish();
        family.reading.observe_flows(fold_.built_in());
      }
    }
  }
  return {};
}

void NftReader::forget_contents() {
  for (Family& family : families_) {
    for (Table& table : family.tables) {
      for (ChainRecord& chain : table.chains) {
        chain.known = false;
      }
    }
  }
}

}  // namespace kubecliff::iptables
