#include "tests/support/iptables_save.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

namespace kubecliff::test {
namespace {

struct Rule {
  std::string chain;
  std::string target;  // of -j or -g; empty where the rule only counts
  double probability = 1;
  bool recalls_choice = false;  // -m recent --rcheck
};

using Rules = std::vector<Rule>;

struct Table {
  std::map<std::string, Rules, std::less<>> chains;
  std::set<std::string, std::less<>> lines;
  std::int64_t repeated = 0;
};

using Tables = std::map<std::string, Table, std::less<>>;

[[noreturn]] void refuse(std::string_view why, std::string_view line) {
  throw std::invalid_argument{std::string{why}.append(": ").append(line)};
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

// The next word of a rule, without the quotes that iptables-save puts around some.
std::string next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::string word;
  bool quoted = false;
  while (!text.empty() && (quoted || text.front() != ' ')) {
    if (text.front() == '"') {
      quoted = !quoted;
    } else {
      if (quoted && text.front() == '\\' && text.size() > 1) {
        text.remove_prefix(1);
      }
      word += text.front();
    }
    text.remove_prefix(1);
  }
  return word;
}

Rule parse_rule(std::string_view line) {
  std::string_view rest = line;
  Rule rule;
  next_word(rest);  // -A
  rule.chain = next_word(rest);
  while (!rest.empty()) {
    const std::string word = next_word(rest);
    if (word == "--comment") {
      next_word(rest);  // may read like anything
    } else if (word == "-j" || word == "-g") {
      rule.target = next_word(rest);
    } else if (word == "--rcheck") {
      rule.recalls_choice = true;
    } else if (word == "--probability") {
      const std::string value = next_word(rest);
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), rule.probability);
      if (error != std::errc{}) {
        refuse("a probability that is no number", line);
      }
    }
  }
  return rule;
}

Tables parse_tables(std::string_view text) {
  Tables tables;
  Table* table = nullptr;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));

    if (line.empty() || line.starts_with('#')) {
      continue;
    }
    if (line.starts_with('*')) {
      table = &tables[std::string{line.substr(1)}];
    } else if (table == nullptr) {
      refuse("outside a table", line);
    } else if (line == "COMMIT") {
      table = nullptr;
    } else if (line.starts_with(':')) {
      table->chains.try_emplace(std::string{line.substr(1, line.find(' ') - 1)});
    } else if (line.starts_with("-A ")) {
      Rule rule = parse_rule(line);
      const auto chain = table->chains.find(rule.chain);
      if (chain == table->chains.end()) {
        refuse("a rule of an undeclared chain", line);
      }
      chain->second.push_back(std::move(rule));
      table->repeated += table->lines.emplace(line).second ? 0 : 1;
    } else {
      refuse("neither a chain nor a rule", line);
    }
  }
  return tables;
}

bool chooses_endpoint(const Rule& rule) {
  return class_of(rule.target) == "sep";
}

bool is_choice(std::string_view chain) {
  return is_one_of(class_of(chain), {"svc", "svl"});
}

bool is_unbalanced(const Rules& rules) {
  std::vector<double> shares;
  double left = 1;
  for (const Rule& rule : rules) {
    if (chooses_endpoint(rule) && !rule.recalls_choice) {
      shares.push_back(left * rule.probability);
      left -= shares.back();
    }
  }
  const double fair = 1 / static_cast<double>(shares.size());
  return std::ranges::any_of(shares,
                             [fair](double share) { return std::abs(share - fair) > 0.01 * fair; });
}

bool leads_nowhere(const Table& table, std::string_view target) {
  if (!is_one_of(class_of(target), {"svc", "svl", "ext", "fw", "xlb", "sep"})) {
    return false;
  }
  const auto chain = table.chains.find(target);
  if (chain == table.chains.end() || chain->second.empty()) {
    return true;
  }
  return is_choice(target) && std::ranges::none_of(chain->second, chooses_endpoint);
}

SavedTable figures_of(const Table& table) {
  SavedTable figures;
  figures.chains = std::ssize(table.chains);
  figures.duplicate_rules = table.repeated;
  for (const auto& [name, rules] : table.chains) {
    ChainsAndRules& kind = figures.classes[std::string{class_of(name)}];
    kind.chains += 1;
    kind.rules += std::ssize(rules);
    figures.rules += std::ssize(rules);
    figures.unbalanced_service_chains += is_choice(name) && is_unbalanced(rules) ? 1 : 0;
    figures.dangling_jumps += std::ranges::count_if(
        rules, [&](const Rule& rule) { return leads_nowhere(table, rule.target); });
  }
  return figures;
}

std::optional<std::int64_t> rules_before_services(const Table& nat, std::string_view hook) {
  const auto chain = nat.chains.find(hook);
  if (chain == nat.chains.end()) {
    return std::nullopt;
  }
  const Rules& rules = chain->second;
  const auto jump = std::ranges::find(rules, "KUBE-SERVICES", &Rule::target);
  return jump == rules.end() ? std::nullopt : std::optional{jump - rules.begin()};
}

void read_nat(const Table& nat, SavedRuleset& ruleset) {
  std::set<std::string_view> services;
  std::set<std::string_view> endpoints;
  std::set<std::string_view> node_ports;
  std::int64_t longest_choice = 0;
  for (const auto& [name, rules] : nat.chains) {
    if (is_choice(name)) {
      longest_choice = std::max(longest_choice, std::ssize(rules));
      ruleset.affinity_rules += std::ranges::count_if(rules, &Rule::recalls_choice);
    }
    for (const Rule& rule : rules) {
      const std::string_view target = rule.target;
      const std::string_view kind = class_of(target);
      if (is_choice(target)) {
        services.insert(target.substr(std::string_view{"KUBE-SVC-"}.size()));
      }
      if (kind == "sep") {
        endpoints.insert(target);
      }
      if (name == "KUBE-NODEPORTS" && is_one_of(kind, {"svc", "svl", "ext", "fw", "xlb"})) {
        node_ports.insert(target);
      }
      if (is_one_of(target, {"MASQUERADE", "KUBE-MARK-MASQ"})) {
        ruleset.masquerade_rules += 1;
      }
    }
  }
  ruleset.services = std::ssize(services);
  ruleset.endpoints = std::ssize(endpoints);
  ruleset.node_ports = std::ssize(node_ports);
  if (const auto dispatch = nat.chains.find("KUBE-SERVICES");
      dispatch != nat.chains.end() && !dispatch->second.empty()) {
    ruleset.worst_case_walk = std::ssize(dispatch->second) + longest_choice + 2;
  }
  ruleset.rules_before_services_in_prerouting = rules_before_services(nat, "PREROUTING");
  ruleset.rules_before_services_in_output = rules_before_services(nat, "OUTPUT");
}

void read_filter(const Table& filter, SavedRuleset& ruleset) {
  for (const std::string_view name :
       {"KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS"}) {
    if (const auto chain = filter.chains.find(name); chain != filter.chains.end()) {
      ruleset.no_endpoint_rules += std::ranges::count_if(chain->second, [](const Rule& rule) {
        return is_one_of(rule.target, {"REJECT", "DROP"});
      });
    }
  }
}

}  // namespace

std::string_view class_of(std::string_view chain) {
  struct Kind {
    std::string_view name;
    std::string_view label;
  };
  static constexpr std::array kNames{
      Kind{"KUBE-SERVICES", "services"},   Kind{"KUBE-EXTERNAL-SERVICES", "services"},
      Kind{"KUBE-NODEPORTS", "nodeports"}, Kind{"KUBE-MARK-MASQ", "mark"},
      Kind{"KUBE-MARK-DROP", "mark"},      Kind{"KUBE-POSTROUTING", "postrouting"},
      Kind{"KUBE-FIREWALL", "firewall"},   Kind{"KUBE-PROXY-FIREWALL", "firewall"},
      Kind{"KUBE-PROXY-CANARY", "canary"}, Kind{"KUBE-KUBELET-CANARY", "canary"},
  };
  static constexpr std::array kPrefixes{
      Kind{"KUBE-SVC-", "svc"},    Kind{"KUBE-SVL-", "svl"}, Kind{"KUBE-EXT-", "ext"},
      Kind{"KUBE-FW-", "fw"},      Kind{"KUBE-XLB-", "xlb"}, Kind{"KUBE-SEP-", "sep"},
      Kind{"KUBE-", "other-kube"},
  };
  if (const auto* kind = std::ranges::find(kNames, chain, &Kind::name); kind != kNames.end()) {
    return kind->label;
  }
  const auto* kind = std::ranges::find_if(
      kPrefixes, [chain](const Kind& each) { return chain.starts_with(each.name); });
  return kind != kPrefixes.end() ? kind->label : "foreign";
}

SavedRuleset parse_iptables_save(std::string_view text) {
  const Tables tables = parse_tables(text);
  SavedRuleset ruleset;
  for (const auto& [name, table] : tables) {
    ruleset.tables.emplace(name, figures_of(table));
  }
  if (const auto nat = tables.find("nat"); nat != tables.end()) {
    read_nat(nat->second, ruleset);
  }
  if (const auto filter = tables.find("filter"); filter != tables.end()) {
    read_filter(filter->second, ruleset);
  }
  return ruleset;
}

std::ostream& operator<<(std::ostream& out, const SavedRuleset& ruleset) {
  for (const auto& [name, table] : ruleset.tables) {
    out << "\n  " << name << ": " << table.rules << " rules in " << table.chains << " chains, "
        << table.duplicate_rules << " duplicates, " << table.unbalanced_service_chains
        << " unbalanced, " << table.dangling_jumps << " dangling;";
    for (const auto& [label, kind] : table.classes) {
      out << ' ' << label << ' ' << kind.rules << '/' << kind.chains;
    }
  }
  out << "\n  services " << ruleset.services << ", endpoints " << ruleset.endpoints
      << ", node ports " << ruleset.node_ports << ", no-endpoint rules "
      << ruleset.no_endpoint_rules << ", affinity rules " << ruleset.affinity_rules
      << ", masquerade rules " << ruleset.masquerade_rules << ", worst-case walk "
      << ruleset.worst_case_walk << ", before services "
      << ruleset.rules_before_services_in_prerouting.value_or(-1) << '/'
      << ruleset.rules_before_services_in_output.value_or(-1) << '\n';
  return out;
}

}  // namespace kubecliff::test
