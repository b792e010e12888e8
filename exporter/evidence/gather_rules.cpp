#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/iptables/legacy_reader.h"
#include "collectors/iptables/nft_reader.h"
#include "collectors/kernel/nftables.h"
#include "collectors/kernel/xtables_socket.h"
#include "collectors/nftables/table_reader.h"
#include "exporter/evidence/gather.h"
#include "exporter/evidence/legacy_listing.h"
#include "exporter/evidence/nft_listing.h"

namespace kubecliff::evidence {
namespace {

using namespace std::chrono_literals;
using iptables::BackendReading;
using iptables::TableReading;
using netlink::Message;
using netlink::Request;

// What a ruleset of 5,000 Services of 10 endpoints takes as lines is 60 MB.
constexpr std::size_t kMostRuleBytes = kFull.file;
// More than any node has: each costs a question.
constexpr std::size_t kMostTables = 1'000;
constexpr std::size_t kMostChains = 500'000;
constexpr std::size_t kMostSets = 200'000;

Listing listing_for(const Question& question) {
  const bool redacts = question.redaction == Redaction::on;
  const Wanted wanted = question.depth != Depth::full ? Wanted::names
                        : redacts                     ? Wanted::rules_and_names
                                                      : Wanted::rules;
  return {.wanted = wanted, .lines = Lines{kMostRuleBytes}};
}

// Into the bundle's file, with a word on what did not fit.
void put_listing(const std::string& file, Listing& listing, Gathered& gathered) {
  if (listing.lines.all() > listing.lines.kept() && wants_rules(listing.wanted)) {
    gathered.missed.push_back({.name = file,
                               .reason = "cut: room for " + std::to_string(listing.lines.kept()) +
                                         " of " + std::to_string(listing.lines.all()) + " lines"});
  }
  if (listing.names.overflowed()) {
    gathered.missed.push_back({.name = file, .reason = "left out: too many names to redact"});
  } else if (std::string text = listing.lines.take(); !text.empty()) {
    gathered.files.push_back({.name = file, .content = std::move(text)});
  }
  if (listing.names.overflowed()) {
    gathered.names_seen = NamesSeen::not_all;
  }
  for (std::string& name : listing.names.take()) {
    gathered.names.push_back(std::move(name));
  }
}

Json table_json(std::string_view backend, AddressFamily family, const TableReading& table) {
  const iptables::TableFigures& figures = table.figures;
  Json json{{"backend", backend},
            {"family", name(family)},
            {"table", table.table},
            {"chains", figures.chains},
            {"rules", figures.rules}};
  if (table.bytes > 0) {
    json["bytes"] = table.bytes;
  }
  json["services"] = figures.services;
  json["endpoints"] = figures.endpoints;
  json["nodeports"] = figures.nodeports;
  json["no_endpoint_rules"] = figures.refusals;
  json["affinity_rules"] = figures.affinity_rules;
  json["masquerade_rules"] = figures.masquerade_rules;
  json["duplicate_rules"] = figures.duplicates;
  json["unbalanced_service_chains"] = figures.unbalanced_chains;
  json["dangling_jumps"] = figures.dangling_jumps;
  json["worst_case_walk_rules"] = figures.worst_case_walk;
  json["classes"] = Json::object();
  for (std::size_t i = 0; i < iptables::kChainClasses; ++i) {
    if (figures.classes[i].chains > 0) {
      json["classes"][std::string{iptables::name(static_cast<iptables::ChainClass>(i))}] = {
          {"chains", figures.classes[i].chains}, {"rules", figures.classes[i].rules}};
    }
  }
  json["owners"] = Json::object();
  for (std::size_t i = 0; i < iptables::kOwners; ++i) {
    if (figures.owner_rules[i] > 0) {
      json["owners"][std::string{iptables::name(static_cast<iptables::Owner>(i))}] =
          figures.owner_rules[i];
    }
  }
  return json;
}

void put_backend(std::string_view backend, AddressFamily family, const BackendReading& reading,
                 Lines& lines) {
  if (reading.tables.empty()) {
    lines.add(Json{{"backend", backend},
                   {"family", name(family)},
                   {"state", reading.state ? iptables::name(*reading.state) : "unknown"}});
  }
  for (const TableReading& table : reading.tables) {
    lines.add(table_json(backend, family, table));
  }
}

Gathered gather_classes(const Question& question) {
  constexpr std::chrono::hours kNever{24};  // read whole again: there is no second look
  const std::filesystem::path& procfs = question.settings.procfs;
  const Clock::time_point now = Clock::now();
  Gathered gathered;
  Lines lines{kUsual.file};
  const auto miss = [&](std::string what, const Error& error) {
    gathered.missed.push_back(
        {.name = "rules/classes.jsonl: " + std::move(what), .reason = error.message});
  };

  for (const AddressFamily family : kAddressFamilies) {
    iptables::LegacyReader reader{family, procfs, kNever};
    if (const auto read = reader.refresh(now); !read) {
      miss("legacy " + std::string{name(family)}, read.error());
    }
    put_backend("legacy", family, reader.reading(), lines);
  }
  iptables::NftReader nft{netlink::kernel_transport(NETLINK_NETFILTER), procfs, kNever};
  if (const auto read = nft.refresh(now); !read) {
    miss("iptables-nft", read.error());
  }
  for (const AddressFamily family : kAddressFamilies) {
    put_backend("nft", family, nft.reading(family), lines);
  }
  nftables::TableReader tables{netlink::kernel_transport(NETLINK_NETFILTER), procfs};
  if (const auto read = tables.refresh(now); !read) {
    miss("kube-proxy's nftables", read.error());
  }
  for (const AddressFamily family : kAddressFamilies) {
    if (const auto& figures = tables.figures(family)) {
      lines.add(Json{{"backend", "kube-proxy nftables"},
                     {"family", name(family)},
                     {"table", nftables::kTable},
                     {"chains", figures->chains},
                     {"rules", figures->rules},
                     {"sets", figures->sets},
                     {"maps", figures->maps},
                     {"services", figures->services},
                     {"endpoints", figures->endpoints}});
    }
  }
  gathered.files.push_back({.name = "rules/classes.jsonl", .content = lines.take()});
  return gathered;
}

Result<void> list_legacy_table(const xtables::Socket& socket, AddressFamily family,
                               const std::string& table, Listing& listing) {
  constexpr int kAttempts = 3;  // a restore may change the size between question and answer
  for (int attempt = 1;; ++attempt) {
    const auto info = socket.info(table);
    if (!info) {
      return std::unexpected(info.error());
    }
    const auto blob = socket.entries(table, *info);
    if (blob) {
      return list_legacy(blob->entries(), *info, family, table, listing);
    }
    if (blob.error().kind != ErrorKind::torn || attempt == kAttempts) {
      return std::unexpected(blob.error());
    }
  }
}

Gathered gather_legacy(const Question& question) {
  Gathered gathered;
  Listing listing = listing_for(question);
  const auto miss = [&](const std::string& what, const Error& error) {
    // That there is no such table is no gap.
    if (error.kind != ErrorKind::unavailable) {
      gathered.missed.push_back({.name = "rules/legacy.jsonl: " + what, .reason = error.message});
      gathered.names_seen = NamesSeen::not_all;
    }
  };
  for (const AddressFamily family : kAddressFamilies) {
    const std::string family_name{name(family)};
    const auto tables = xtables::LoadedTables{question.settings.procfs, family}.read();
    if (!tables || tables->empty()) {
      if (!tables) {
        miss(family_name, tables.error());
      }
      continue;
    }
    const auto socket = xtables::Socket::open(family);
    if (!socket) {
      miss(family_name, socket.error());
      continue;
    }
    for (const std::string& table : *tables) {
      if (const auto listed = list_legacy_table(*socket, family, table, listing); !listed) {
        miss(std::string{family_name}.append(" ").append(table), listed.error());
      }
    }
  }
  put_listing("rules/legacy.jsonl", listing, gathered);
  return gathered;
}

struct NftTable {
  std::uint8_t family = 0;
  std::string name;
  std::vector<std::string> chains = {};
  std::size_t base_chains = 0;
  struct Set {
    std::string name;
    NftSetTypes types = {};
    bool map = false;
    bool anonymous = false;
  };
  std::vector<Set> sets = {};
};

// Everything that nf_tables has in this network namespace, asked for piece by piece.
class NftLister {
 public:
  explicit NftLister(const Question& question)
      : rules_{listing_for(question)}, elements_{listing_for(question)} {}

  Gathered gather() {
    const auto generation = netlink::read_generation(socket_);
    if (!generation) {
      miss("rules/nft-tables.jsonl", generation.error());
      return std::move(gathered_);
    }
    if (const Result<void> listed = list_tables(); !listed) {
      miss("rules/nft-tables.jsonl", listed.error());
      if (tables_.empty()) {
        return std::move(gathered_);
      }
    }
    for (NftTable& table : tables_) {
      list_contents(table);
    }
    put_tables();
    put_listing("rules/nft.jsonl", rules_, gathered_);
    put_listing("rules/nft-elements.jsonl", elements_, gathered_);
    if (const auto after = netlink::read_generation(socket_); after && *after != *generation) {
      gathered_.missed.push_back({.name = "rules/nft-tables.jsonl",
                                  .reason = "rules changed while they were read: lines may be of "
                                            "before and of after"});
    }
    return std::move(gathered_);
  }

  // Tables alone.
  Gathered gather_tables() {
    Result<void> listed = list_tables();
    for (std::size_t i = 0; listed && i < tables_.size(); ++i) {
      listed = list_chains(tables_[i]);
      listed = listed ? list_sets(tables_[i]) : listed;
    }
    if (!listed) {
      miss("rules/nft-tables.jsonl", listed.error());
    }
    put_tables();
    return std::move(gathered_);
  }

 private:
  void miss(std::string name, const Error& error) {
    gathered_.missed.push_back({.name = std::move(name), .reason = error.message});
    gathered_.names_seen = NamesSeen::not_all;
  }

  template <typename Visit>
  Result<void> dump(std::uint8_t command, const NftTable& table,
                    std::initializer_list<std::pair<std::uint16_t, std::string_view>> texts,
                    const Visit& visit) {
    Request question = netlink::nftables_request(command, NLM_F_DUMP, table.family);
    for (const auto& [attribute, text] : texts) {
      question.put_text(attribute, text);
    }
    return socket_.ask(question, visit);
  }

  Result<void> list_tables() {
    return netlink::until_whole([this] {
      tables_.clear();
      return dump(
          NFT_MSG_GETTABLE, {.family = AF_UNSPEC, .name = {}}, {},
          [this](const Message& message) -> Result<void> {
            const auto table = netlink::decode_nft_table(message);
            const auto header = read_as<nfgenmsg>(message.payload);
            if (table && header) {
              learn(table->name, rules_);
              tables_.push_back({.family = header->nfgen_family, .name = std::string{table->name}});
            }
            return room_for(tables_.size(), kMostTables, "tables");
          });
    });
  }

  Result<void> list_chains(NftTable& table) {
    return netlink::until_whole([&] {
      table.chains.clear();
      table.base_chains = 0;
      return dump(NFT_MSG_GETCHAIN, table, {}, [&](const Message& message) -> Result<void> {
        const auto chain = netlink::decode_nft_chain(message);
        if (chain && chain->table == table.name) {
          table.chains.emplace_back(chain->name);
          table.base_chains += chain->hooked ? 1U : 0U;
        }
        return room_for(table.chains.size(), kMostChains, "chains");
      });
    });
  }

  Result<void> list_sets(NftTable& table) {
    return netlink::until_whole([&] {
      table.sets.clear();
      return dump(NFT_MSG_GETSET, table, {{NFTA_SET_TABLE, table.name}},
                  [&](const Message& message) -> Result<void> {
                    const auto set = decode_nft_set(message);
                    if (set && set->table == table.name) {
                      table.sets.push_back({.name = std::string{set->name},
                                            .types = set->types,
                                            .map = set->map,
                                            .anonymous = set->anonymous});
                    }
                    return room_for(table.sets.size(), kMostSets, "sets");
                  });
    });
  }

  static Result<void> room_for(std::size_t listed, std::size_t most, std::string_view what) {
    return listed <= most ? Result<void>{}
                          : fail(ErrorKind::unavailable,
                                 "cut after " + std::to_string(most) + " " + std::string{what});
  }

  void list_contents(NftTable& table) {
    const std::string where = nft_family(table.family) + " " + clean(table.name);
    if (const auto listed = list_chains(table); !listed) {
      miss("rules/nft.jsonl: " + where, listed.error());
    }
    for (const std::string& chain : table.chains) {
      if (const auto listed = list_rules(table, chain); !listed) {
        miss("rules/nft.jsonl: " + where, listed.error());
        if (listed.error().kind != ErrorKind::torn) {
          break;
        }
      }
    }
    if (const auto listed = list_sets(table); !listed) {
      miss("rules/nft-elements.jsonl: " + where, listed.error());
    }
    for (const NftTable::Set& set : table.sets) {
      if (const auto listed = list_elements(table, set); !listed) {
        miss("rules/nft-elements.jsonl: " + where, listed.error());
        if (listed.error().kind != ErrorKind::torn) {
          break;
        }
      }
    }
  }

  // One chain after the other: the kernel begins a dump of a whole table again at its first rule
  // with every 32 KiB.
  Result<void> list_rules(const NftTable& table, const std::string& chain) {
    learn(chain, rules_);
    return list_whole(rules_, [&] {
      return dump(NFT_MSG_GETRULE, table, {{NFTA_RULE_TABLE, table.name}, {NFTA_RULE_CHAIN, chain}},
                  [this](const Message& message) -> Result<void> {
                    return list_nft_rule(message, rules_)
                               ? Result<void>{}
                               : fail(ErrorKind::malformed, "broken message of a rule");
                  });
    });
  }

  Result<void> list_elements(const NftTable& table, const NftTable::Set& set) {
    learn(set.name, elements_);
    return list_whole(elements_, [&] {
      return dump(NFT_MSG_GETSETELEM, table,
                  {{NFTA_SET_ELEM_LIST_TABLE, table.name}, {NFTA_SET_ELEM_LIST_SET, set.name}},
                  [&](const Message& message) -> Result<void> {
                    return list_nft_elements(message, set.types, elements_)
                               ? Result<void>{}
                               : fail(ErrorKind::malformed, "broken message of elements");
                  });
    });
  }

  // From its beginning where a change interrupts it. That a chain or set was taken away meanwhile
  // is no gap, and what gather() says of changed rules.
  template <typename Dump>
  static Result<void> list_whole(Listing& listing, const Dump& dump) {
    const Lines::Point begin = listing.lines.here();
    Result<void> listed = netlink::until_whole([&] {
      listing.lines.back_to(begin);
      return dump();
    });
    return !listed && listed.error().kind == ErrorKind::unavailable ? Result<void>{} : listed;
  }

  static void learn(std::string_view name, Listing& listing) {
    if (wants_names(listing.wanted)) {
      learn_object(name, listing.names);
    }
  }

  void put_tables() {
    Lines lines{kUsual.file};
    for (const NftTable& table : tables_) {
      std::size_t sets = 0;
      std::size_t maps = 0;
      std::size_t anonymous = 0;
      for (const NftTable::Set& set : table.sets) {
        ++(set.anonymous ? anonymous : set.map ? maps : sets);
      }
      lines.add(Json{{"family", nft_family(table.family)},
                     {"table", clean(table.name)},
                     {"chains", table.chains.size()},
                     {"base_chains", table.base_chains},
                     {"sets", sets},
                     {"maps", maps},
                     {"anonymous_sets", anonymous}});
    }
    gathered_.files.push_back({.name = "rules/nft-tables.jsonl", .content = lines.take()});
  }

  netlink::Socket socket_{netlink::kernel_transport(NETLINK_NETFILTER)};
  Listing rules_;
  Listing elements_;
  std::vector<NftTable> tables_;
  Gathered gathered_;
};

Gathered gather_nft(const Question& question) {
  // Asking would load the module where it is one.
  if (find_feature(netlink::kNfTables, question.settings.procfs) != FeatureState::present) {
    return {.missed = {{.name = "rules/nft-tables.jsonl",
                        .reason = "nf_tables is not loaded, so there are no such rules"}}};
  }
  const bool lists = question.depth == Depth::full || question.redaction == Redaction::on;
  return lists ? NftLister{question}.gather() : NftLister{question}.gather_tables();
}

}  // namespace

void add_rules_sources(const QuestionPtr& question, std::vector<Source>& sources) {
  sources.push_back({.name = "rules by class", .deadline = 10s, .gather = [question] {
                       return gather_classes(*question);
                     }});
  sources.push_back(
      {.name = "nftables", .deadline = 15s, .names = Source::Names::some, .gather = [question] {
         return gather_nft(*question);
       }});
  if (question->depth == Depth::full || question->redaction == Redaction::on) {
    sources.push_back({.name = "legacy iptables",
                       .deadline = 15s,
                       .names = Source::Names::some,
                       .gather = [question] { return gather_legacy(*question); }});
  }
}

}  // namespace kubecliff::evidence
