#include "tests/bench/endpoint_change.h"

#include <ranges>
#include <string_view>
#include <utility>

namespace kubecliff::bench {
namespace {

// An address of the pods' block that the generator gives to none: it counts up from the beginning.
constexpr std::string_view kFreeAddress = "100.127.255.254";

std::string_view last_word(std::string_view line) {
  return line.substr(line.rfind(' ') + 1);
}

std::string rules_of(std::string_view text, std::string_view chain) {
  const std::string begin = "-A " + std::string{chain} + " ";
  std::string rules;
  for (const auto part : std::views::split(text, '\n')) {
    const std::string_view line{part.begin(), part.end()};
    if (line.starts_with(begin)) {
      rules += line;
      rules += '\n';
    }
  }
  return rules;
}

std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find('\n'));
}

std::string_view last_line(std::string_view text) {
  text.remove_suffix(1);
  return text.substr(text.rfind('\n') + 1);
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

EndpointChange::EndpointChange(const test::Ruleset& ruleset) {
  const std::string all = ruleset.restore_input();
  const std::string_view nat = std::string_view{all}.substr(all.find("*nat\n"));

  dispatch_ = rules_of(nat, "KUBE-SERVICES");
  service_chain_ = last_word(first_line(dispatch_));
  rules_ = rules_of(nat, service_chain_);
  now_.chain = last_word(last_line(rules_));
  const std::string endpoint_rules = rules_of(nat, now_.chain);
  // "-A KUBE-SEP-… -s ADDRESS/32 …"
  const std::size_t address_at = endpoint_rules.find(" -s ") + 4;
  now_.address = endpoint_rules.substr(address_at, endpoint_rules.find('/') - address_at);
  rules_ += endpoint_rules;
  other_ = {.chain = test::hashed_chain("KUBE-SEP-", kFreeAddress),
            .address = std::string{kFreeAddress}};
}

std::string EndpointChange::next() {
  replace_all(rules_, now_.chain, other_.chain);
  replace_all(rules_, now_.address, other_.address);
  std::swap(now_, other_);

  std::string text = "*nat\n";
  for (const std::string_view chain :
       {std::string_view{"KUBE-SERVICES"}, std::string_view{service_chain_},
        std::string_view{now_.chain}, std::string_view{other_.chain}}) {
    text.append(":").append(chain).append(" - [0:0]\n");
  }
  return text + dispatch_ + rules_ + "-X " + other_.chain + "\nCOMMIT\n";
}

}  // namespace kubecliff::bench
