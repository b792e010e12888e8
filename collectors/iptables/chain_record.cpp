#include "collectors/iptables/chain_record.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace kubecliff::iptables {
namespace {

constexpr std::array<std::string_view, 6> kBuiltInNames{"",        "PREROUTING", "INPUT",
                                                        "FORWARD", "OUTPUT",     "POSTROUTING"};

// A finaliser in the manner of splitmix64: neighbouring inputs end far apart.
constexpr std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

std::uint32_t count_distinct(std::vector<std::uint64_t>& values) {
  std::ranges::sort(values);
  return static_cast<std::uint32_t>(
      std::ranges::distance(values.begin(), std::ranges::unique(values).begin()));
}

// Equal to 1 %: kube-proxy writes ten decimals, the kernel keeps 31 bits.
bool equal_shares(std::span<const double> shares) {
  const auto count = static_cast<double>(shares.size());
  return std::ranges::all_of(shares,
                             [count](double share) { return std::abs(share * count - 1) <= 0.01; });
}

}  // namespace

ChainKind built_in(std::string_view chain) {
  const auto found = std::ranges::find(kBuiltInNames, chain);
  return chain.empty() || found == kBuiltInNames.end()
             ? ChainKind::user
             : static_cast<ChainKind>(found - kBuiltInNames.begin());
}

std::string_view name(ChainKind kind) {
  return kBuiltInNames[static_cast<std::size_t>(kind)];
}

bool ChainRecord::is_dead() const {
  if (!is_per_service(chain_class)) {
    return false;
  }
  const bool picks_endpoint = chain_class == ChainClass::svc || chain_class == ChainClass::svl;
  return rules == 0 || (picks_endpoint && endpoint_jumps == 0);
}

void ChainFold::begin(std::string_view chain, ChainKind kind) {
  record_ = {};
  record_.kind = kind;
  if (kind == ChainKind::user) {
    record_.chain_class = class_of(chain);
    record_.owner = owner_of(chain);
    record_.is_services = chain == "KUBE-SERVICES";
  }
  built_in_ = {.kind = kind};
  links_.begin(record_.chain_class, chain);
  contents_.clear();
  services_.clear();
  shares_.clear();
  left_ = 1;
}

void ChainFold::add(const Rule& rule) {
  ++record_.rules;
  // With the count, because a rule that is nothing but a counter has the content 0.
  record_.content = mix(record_.content + rule.content + record_.rules);
  contents_.push_back(rule.content);
  const ChainClass target =
      rule.target == Target::chain ? class_of(rule.chain) : ChainClass::foreign;
  links_.add(rule, target);

  Owner owner = Owner::other;
  switch (rule.target) {
    case Target::chain: {
      ++record_.jumps;
      add_jump(rule, target);
      owner = owner_of(rule.chain);
      break;
    }
    case Target::drop:
    case Target::reject:
      ++record_.refusals;
      break;
    case Target::masquerade:
      ++record_.masquerade_rules;
      break;
    case Target::notrack:
      // NodeLocal DNSCache has no chains; what it puts into base chains is "do not track".
      owner = Owner::nodelocaldns;
      break;
    case Target::none:
    case Target::dnat:
    case Target::other:
      break;
  }
  if (record_.kind != ChainKind::user) {
    ++built_in_.owner_rules[static_cast<std::size_t>(owner)];
  }

  const bool picks_endpoint =
      record_.chain_class == ChainClass::svc || record_.chain_class == ChainClass::svl;
  if (picks_endpoint && rule.recent) {
    ++record_.affinity_rules;
  }
}

void ChainFold::add_jump(const Rule& rule, ChainClass target) {
  if (target == ChainClass::sep) {
    ++record_.endpoint_jumps;
    if (!rule.recent) {
      const double chance = rule.chance.value_or(1);
      shares_.push_back(left_ * chance);
      left_ *= 1 - chance;
    }
    return;
  }
  if (rule.chain == "KUBE-MARK-MASQ") {
    ++record_.masquerade_rules;
    return;
  }
  if (dispatches(record_.chain_class) && is_per_service(target)) {
    // SVC, SVL, EXT, FW and XLB chains of a Service port share the hash after the last dash.
    services_.push_back(
        std::hash<std::string_view>{}(rule.chain.substr(rule.chain.rfind('-') + 1)));
    return;
  }
  if (rule.chain == "KUBE-SERVICES" && record_.kind != ChainKind::user &&
      !built_in_.services_jump) {
    built_in_.services_jump = record_.rules - 1;
    built_in_.services_packets = rule.packets;
  }
}

ChainRecord ChainFold::finish() {
  record_.services = count_distinct(services_);
  record_.duplicates = record_.rules - count_distinct(contents_);
  record_.unbalanced =
      (record_.chain_class == ChainClass::svc || record_.chain_class == ChainClass::svl) &&
      !equal_shares(shares_);
  record_.links = static_cast<std::uint32_t>(links_.words().size());
  return record_;
}

TableFigures summarize(std::span<const ChainRecord> chains,
                       std::span<const BuiltInChain> built_in) {
  TableFigures figures{.chains = static_cast<std::uint32_t>(chains.size())};
  std::uint32_t dispatch_rules = 0;
  std::uint32_t longest_choice = 0;

  for (const ChainRecord& chain : chains) {
    figures.rules += chain.rules;
    ClassCount& count = figures.classes[static_cast<std::size_t>(chain.chain_class)];
    ++count.chains;
    count.rules += chain.rules;
    figures.duplicates += chain.duplicates;
    figures.masquerade_rules += chain.masquerade_rules;
    figures.affinity_rules += chain.affinity_rules;
    figures.unbalanced_chains += chain.unbalanced ? 1 : 0;
    figures.content += mix(chain.content + mix(chain.handle));
    if (chain.kind == ChainKind::user) {
      figures.owner_rules[static_cast<std::size_t>(chain.owner)] += chain.rules;
    }

    switch (chain.chain_class) {
      case ChainClass::services:
        figures.refusals += chain.refusals;
        if (chain.is_services) {
          figures.services = chain.services;
          dispatch_rules = chain.rules;
        }
        break;
      case ChainClass::nodeports:
        figures.refusals += chain.refusals;
        figures.nodeports = chain.services;
        break;
      case ChainClass::svc:
      case ChainClass::svl:
        longest_choice = std::max(longest_choice, chain.rules);
        break;
      case ChainClass::sep:
        figures.endpoints += chain.rules > 0 ? 1 : 0;
        break;
      default:
        break;
    }
    if (chain.is_dead()) {
      figures.dangling_jumps +=
          chain.use > chain.rules ? chain.use - chain.rules : chain.dangling_jumps;
    }
  }
  for (const BuiltInChain& chain : built_in) {
    for (std::size_t owner = 0; owner < kOwners; ++owner) {
      figures.owner_rules[owner] += chain.owner_rules[owner];
    }
  }
  if (dispatch_rules > 0) {
    // In the endpoint's own chain there are two more: the mark for hairpin traffic, and DNAT.
    figures.worst_case_walk = dispatch_rules + longest_choice + 2;
  }
  return figures;
}

}  // namespace kubecliff::iptables
