#include "collectors/iptables/decode_nft.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>

#include "collectors/iptables/match_info.h"

namespace kubecliff::iptables {
namespace {

using netlink::Attribute;
using netlink::Attributes;
using netlink::find_attribute;

// `immediate` loads a constant; into the verdict register it is what the rule does.
void apply_immediate(Bytes data, Rule& rule) {
  const Bytes verdict =
      find_attribute(find_attribute(data, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT);
  const auto code = read_be<std::uint32_t>(find_attribute(verdict, NFTA_VERDICT_CODE));
  if (!code) {
    return;
  }
  switch (static_cast<std::int32_t>(*code)) {
    case NFT_JUMP:
    case NFT_GOTO:
      rule.target = Target::chain;
      rule.chain = text_of(find_attribute(verdict, NFTA_VERDICT_CHAIN));
      break;
    case NF_DROP:
      rule.target = Target::drop;
      break;
    default:
      rule.target = Target::other;
  }
}

void apply_expression(const netlink::NftExpression& expression, Rule& rule) {
  const auto& [name, data] = expression;
  if (name == "counter") {
    const Bytes packets = find_attribute(data, NFTA_COUNTER_PACKETS);
    rule.packets = read_be<std::uint64_t>(packets).value_or(0);
  } else if (name == "immediate") {
    apply_immediate(data, rule);
  } else if (name == "match") {
    apply_match(text_of(find_attribute(data, NFTA_MATCH_NAME)),
                find_attribute(data, NFTA_MATCH_INFO), rule);
  } else if (name == "target") {
    rule.target = extension_target(text_of(find_attribute(data, NFTA_TARGET_NAME)),
                                   find_attribute(data, NFTA_TARGET_INFO));
  } else if (name == "reject") {
    rule.target = Target::reject;
  } else if (name == "masq") {
    rule.target = Target::masquerade;
  } else if (name == "notrack") {
    rule.target = Target::notrack;
  }
}

}  // namespace

ChainKind kind_of(const netlink::NftChain& chain) {
  return chain.hooked ? built_in(chain.name) : ChainKind::user;
}

std::optional<Rule> decode_rule(const netlink::Message& message) {
  Rule rule;
  Attribute attribute;
  Attributes attributes{netlink::nftables_attributes(message)};
  while (attributes.next(attribute)) {
    if (attribute.type == NFTA_RULE_USERDATA) {
      rule.content = hash_of(attribute.payload, rule.content);
    } else if (attribute.type == NFTA_RULE_EXPRESSIONS) {
      Attribute element;
      Attributes elements{attribute.payload};
      while (elements.next(element)) {
        const auto expression = netlink::decode_nft_expression(element.payload);
        if (!expression) {
          return std::nullopt;
        }
        if (expression->name != "counter") {
          rule.content = hash_of(element.payload, rule.content);
        }
        apply_expression(*expression, rule);
      }
      if (elements.malformed()) {
        return std::nullopt;
      }
    }
  }
  return attributes.malformed() ? std::nullopt : std::optional{rule};
}

}  // namespace kubecliff::iptables
