#include "collectors/iptables/decode_nft.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include "collectors/iptables/match_info.h"

namespace kubecliff::iptables {
namespace {

using netlink::Attribute;
using netlink::Attributes;
using netlink::find_attribute;

Bytes attributes_of(const netlink::Message& message) {
  return netlink::after_header(message.payload, sizeof(nfgenmsg));
}

struct Expression {
  std::string_view name;
  Bytes data;
};

std::optional<Expression> decode_expression(Bytes element) {
  Expression expression;
  Attribute attribute;
  Attributes attributes{element};
  while (attributes.next(attribute)) {
    if (attribute.type == NFTA_EXPR_NAME) {
      expression.name = text_of(attribute.payload);
    } else if (attribute.type == NFTA_EXPR_DATA) {
      expression.data = attribute.payload;
    }
  }
  return attributes.malformed() || expression.name.empty() ? std::nullopt
                                                           : std::optional{expression};
}

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

void apply_expression(const Expression& expression, Rule& rule) {
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

std::optional<NftTable> decode_table(const netlink::Message& message) {
  const Bytes attributes = attributes_of(message);
  const NftTable table{
      .name = text_of(find_attribute(attributes, NFTA_TABLE_NAME)),
      .handle = read_be<std::uint64_t>(find_attribute(attributes, NFTA_TABLE_HANDLE)).value_or(0)};
  return table.name.empty() ? std::nullopt : std::optional{table};
}

std::optional<NftChain> decode_chain(const netlink::Message& message) {
  NftChain chain;
  std::optional<std::uint64_t> handle;
  std::optional<std::uint32_t> use;
  bool hooked = false;
  Attribute attribute;
  Attributes attributes{attributes_of(message)};
  while (attributes.next(attribute)) {
    switch (attribute.type) {
      case NFTA_CHAIN_TABLE:
        chain.table = text_of(attribute.payload);
        break;
      case NFTA_CHAIN_NAME:
        chain.name = text_of(attribute.payload);
        break;
      case NFTA_CHAIN_HANDLE:
        handle = read_be<std::uint64_t>(attribute.payload);
        break;
      case NFTA_CHAIN_USE:
        use = read_be<std::uint32_t>(attribute.payload);
        break;
      case NFTA_CHAIN_HOOK:
        hooked = true;
        break;
      default:
        break;
    }
  }
  if (attributes.malformed() || !handle || !use || chain.table.empty() || chain.name.empty()) {
    return std::nullopt;
  }
  chain.handle = *handle;
  chain.use = *use;
  chain.kind = hooked ? built_in(chain.name) : ChainKind::user;
  return chain;
}

std::optional<Rule> decode_rule(const netlink::Message& message) {
  Rule rule;
  Attribute attribute;
  Attributes attributes{attributes_of(message)};
  while (attributes.next(attribute)) {
    if (attribute.type == NFTA_RULE_USERDATA) {
      rule.content = hash_of(attribute.payload, rule.content);
    } else if (attribute.type == NFTA_RULE_EXPRESSIONS) {
      Attribute element;
      Attributes elements{attribute.payload};
      while (elements.next(element)) {
        const std::optional<Expression> expression = decode_expression(element.payload);
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
