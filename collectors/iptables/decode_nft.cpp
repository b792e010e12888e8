#include "collectors/iptables/decode_nft.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include "collectors/iptables/match_info.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/nft_destination.h"

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

void apply_expression(const netlink::NftExpression& expression, Detail detail, Rule& rule) {
  const auto& [name, data] = expression;
  if (name == "counter") {
    const Bytes packets = find_attribute(data, NFTA_COUNTER_PACKETS);
    rule.packets = read_be<std::uint64_t>(packets).value_or(0);
  } else if (name == "immediate") {
    apply_immediate(data, rule);
  } else if (name == "match") {
    const std::string_view match = text_of(find_attribute(data, NFTA_MATCH_NAME));
    const Bytes info = find_attribute(data, NFTA_MATCH_INFO);
    apply_match(match, info, rule);
    if (detail == Detail::comments) {
      take_comment(match, info, rule);
    }
  } else if (name == "target") {
    apply_target(text_of(find_attribute(data, NFTA_TARGET_NAME)),
                 read_be<std::uint32_t>(find_attribute(data, NFTA_TARGET_REV)).value_or(0),
                 find_attribute(data, NFTA_TARGET_INFO), rule);
  } else if (name == "reject") {
    rule.target = Target::reject;
  } else if (name == "masq") {
    rule.target = Target::masquerade;
  } else if (name == "notrack") {
    rule.target = Target::notrack;
  }
}

AddressFamily family_of(const netlink::Message& message) {
  const auto header = read_as<nfgenmsg>(message.payload).value_or(nfgenmsg{});
  return header.nfgen_family == AF_INET6 ? AddressFamily::ipv6 : AddressFamily::ipv4;
}

// iptables-nft says some of it in expressions of nf_tables and some in those of xtables: which of
// it differs from release to release, and where both say it, it is the same.
void take_destination(const netlink::NftDestination& expressions, Rule& rule) {
  const Destination& said = expressions.destination();
  rule.destination.hosts = said.hosts;
  rule.destination.address = said.address;
  if (said.protocol != 0) {
    rule.destination.protocol = said.protocol;
  }
  if (said.port != 0) {
    rule.destination.port = said.port;
  }
  if (!expressions.translation().address.empty()) {
    rule.target = Target::dnat;
    rule.translation = expressions.translation();
  }
}

}  // namespace

ChainKind kind_of(const netlink::NftChain& chain) {
  return chain.hooked ? built_in(chain.name) : ChainKind::user;
}

Detail detail_of(std::string_view chain) {
  const ChainClass chain_class = class_of(chain);
  return dispatches(chain_class) || chain_class == ChainClass::sep ? Detail::destinations
                                                                   : Detail::figures;
}

std::optional<Rule> decode_rule(const netlink::Message& message, Detail detail) {
  const AddressFamily family = family_of(message);
  netlink::NftDestination destination{family};
  Rule rule;
  rule.address_size = address_size(family);
  Attribute attribute;
  Attributes attributes{netlink::nftables_attributes(message)};
  while (attributes.next(attribute)) {
    if (attribute.type == NFTA_RULE_USERDATA) {
      rule.content = hash_of(attribute.payload, rule.content);
      if (detail == Detail::comments) {
        const std::string_view comment = netlink::decode_nft_comment(attribute.payload);
        rule.comment = comment.empty() ? rule.comment : comment;
      }
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
        apply_expression(*expression, detail, rule);
        if (detail != Detail::figures) {
          destination.apply(*expression);
        }
      }
      if (elements.malformed()) {
        return std::nullopt;
      }
    }
  }
  if (attributes.malformed()) {
    return std::nullopt;
  }
  if (detail != Detail::figures) {
    take_destination(destination, rule);
  }
  return rule;
}

}  // namespace kubecliff::iptables
