#include "exporter/evidence/nft_listing.h"

#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <array>
#include <utility>

#include "collectors/iptables/decode_nft.h"
#include "collectors/kernel/nftables.h"
#include "collectors/kernel/protocol_name.h"
#include "collectors/nftables/table.h"
#include "exporter/evidence/device_names.h"

namespace kubecliff::evidence {
namespace {

using netlink::Attribute;
using netlink::Attributes;
using netlink::find_attribute;
using netlink::Message;

std::uint8_t family_of(const Message& message) {
  return read_as<nfgenmsg>(message.payload).value_or(nfgenmsg{}).nfgen_family;
}

// In libnftnl's user data each piece has a type and a length, of a byte each.
std::string_view comment_in(Bytes user_data) {
  constexpr std::uint8_t kComment = 0;
  while (user_data.size() >= 2) {
    const auto type = std::to_integer<std::uint8_t>(user_data[0]);
    const auto size = std::to_integer<std::size_t>(user_data[1]);
    if (size > user_data.size() - 2) {
      return {};
    }
    if (type == kComment) {
      return text_of(user_data.subspan(2, size));
    }
    user_data = user_data.subspan(2 + size);
  }
  return {};
}

std::string verdict_text(std::int32_t code) {
  switch (code) {
    case NF_DROP:
      return "drop";
    case NF_ACCEPT:
      return "accept";
    case NFT_RETURN:
      return "return";
    case NFT_CONTINUE:
      return "continue";
    case NFT_JUMP:
      return "jump";
    case NFT_GOTO:
      return "goto";
    default:
      return "verdict " + std::to_string(code);
  }
}

// Where a verdict leads, into a line.
void put_verdict(Bytes data, Listing& listing, Json& json) {
  const Bytes verdict = find_attribute(data, NFTA_DATA_VERDICT);
  const auto code = read_be<std::uint32_t>(find_attribute(verdict, NFTA_VERDICT_CODE));
  if (!code) {
    return;
  }
  const std::string_view chain = text_of(find_attribute(verdict, NFTA_VERDICT_CHAIN));
  json["verdict"] = verdict_text(static_cast<std::int32_t>(*code));
  if (!chain.empty()) {
    json["chain_to"] = clean(chain);
  }
  if (wants_names(listing.wanted)) {
    learn_object(chain, listing.names);
  }
}

// One part of a key or value: its type, and how many bytes it has.
struct TypedPart {
  std::uint32_t type;
  std::size_t size;
};
constexpr std::uint32_t kInteger = 4;
constexpr std::uint32_t kIpv4Address = 7;
constexpr std::uint32_t kIpv6Address = 8;
constexpr std::uint32_t kEtherAddress = 9;
constexpr std::uint32_t kInetProtocol = 12;
constexpr std::uint32_t kInetService = 13;
constexpr std::uint32_t kDeviceName = 41;
constexpr std::array kTypedParts{TypedPart{.type = kIpv4Address, .size = sizeof(in_addr)},
                                 TypedPart{.type = kIpv6Address, .size = sizeof(in6_addr)},
                                 TypedPart{.type = kEtherAddress, .size = ETH_ALEN},
                                 TypedPart{.type = kInetProtocol, .size = 1},
                                 TypedPart{.type = kInetService, .size = sizeof(std::uint16_t)},
                                 TypedPart{.type = kDeviceName, .size = IFNAMSIZ}};

std::string part_text(std::uint32_t type, Bytes part) {
  switch (type) {
    case kEtherAddress:
      return hex_text(part, ":");
    case kInetProtocol:
      return protocol_name(std::to_integer<std::uint8_t>(part[0]));
    case kInetService:
      return std::to_string(read_be<std::uint16_t>(part).value_or(0));
    case kDeviceName:
      return clean(text_of(part));
    default:
      return address_text(part);
  }
}

// Its parts, first to last, for as long as they are of types above; false where they are not.
template <typename Visit>
bool visit_parts(Bytes value, std::uint32_t types, const Visit& visit) {
  constexpr std::uint32_t kBits = 6;
  constexpr std::uint32_t kMostParts = 5;
  constexpr std::size_t kRegister = 4;  // each part of a concatenation begins in one of its own
  for (std::uint32_t i = kMostParts; i > 0; --i) {
    const std::uint32_t type = types >> (kBits * (i - 1)) & ((1U << kBits) - 1);
    if (type == 0 && types >> (kBits * i) == 0 && i > 1) {
      continue;
    }
    const auto* const part = std::ranges::find(kTypedParts, type, &TypedPart::type);
    if (part == kTypedParts.end() || value.size() < part->size) {
      return false;
    }
    visit(type, value.first(part->size));
    value =
        value.subspan(std::min(value.size(), (part->size + kRegister - 1) / kRegister * kRegister));
  }
  return value.empty();
}

// The first key behind an interval: of `b*` it is "c".
bool ends_interval(Bytes element) {
  const auto flags = read_be<std::uint32_t>(find_attribute(element, NFTA_SET_ELEM_FLAGS));
  return (flags.value_or(0) & NFT_SET_ELEM_INTERVAL_END) != 0;
}

std::string typed_text(Bytes value, std::uint32_t types, std::string_view table) {
  // Which endpoint kube-proxy's draw fell on. Elsewhere a number may be an address.
  if (types == kInteger && value.size() == sizeof(std::uint32_t) && table == nftables::kTable) {
    return std::to_string(read_as<std::uint32_t>(value).value_or(0));
  }
  std::string text;
  const bool known = visit_parts(value, types, [&](std::uint32_t type, Bytes part) {
    text += (text.empty() ? "" : " . ") + part_text(type, part);
  });
  return known ? text : std::to_string(value.size()) + " bytes";
}

void put_decoded(const iptables::Rule& rule, Json& json) {
  const Destination& to = rule.destination;
  if (to.hosts == Destination::Hosts::one) {
    json["destination"] = address_text(to.address);
  }
  if (to.protocol != 0) {
    json["protocol"] = protocol_name(to.protocol);
  }
  if (to.port != 0) {
    json["port"] = to.port;
  }
  if (rule.chance) {
    json["probability"] = *rule.chance;
  }
  if (!rule.translation.address.empty()) {
    json["to"] = address_text(rule.translation.address);
    json["to_port"] = rule.translation.port;
  }
}

// What one expression adds to the rule's line, its name aside.
void put_expression(const netlink::NftExpression& expression, Listing& listing, Json& json) {
  const std::string_view name = expression.name;
  const Bytes data = expression.data;
  const auto count = [data](std::uint16_t attribute) {
    return read_be<std::uint64_t>(find_attribute(data, attribute)).value_or(0);
  };
  if (name == "counter") {
    json["packets"] = count(NFTA_COUNTER_PACKETS);
    json["bytes"] = count(NFTA_COUNTER_BYTES);
  } else if (name == "immediate") {
    put_verdict(find_attribute(data, NFTA_IMMEDIATE_DATA), listing, json);
  } else if (name == "lookup") {
    json["set"] = clean(text_of(find_attribute(data, NFTA_LOOKUP_SET)));
  } else if (name == "dynset") {
    json["set"] = clean(text_of(find_attribute(data, NFTA_DYNSET_SET_NAME)));
  }
}

// Of the matches and targets of xtables, which are expressions too, their own names.
std::string expression_text(const netlink::NftExpression& expression) {
  std::string text = clean(expression.name);
  if (expression.name == "match") {
    text += " " + clean(text_of(find_attribute(expression.data, NFTA_MATCH_NAME)));
  } else if (expression.name == "target") {
    text += " " + clean(text_of(find_attribute(expression.data, NFTA_TARGET_NAME)));
  }
  return text;
}

struct Parts {
  std::string_view table;
  std::string_view chain;
  std::uint64_t handle = 0;
  Bytes expressions;
  std::string_view comment;
};

std::optional<Parts> parts_of(const Message& message) {
  Parts parts;
  Attribute attribute;
  Attributes attributes{netlink::nftables_attributes(message)};
  while (attributes.next(attribute)) {
    switch (attribute.type) {
      case NFTA_RULE_TABLE:
        parts.table = text_of(attribute.payload);
        break;
      case NFTA_RULE_CHAIN:
        parts.chain = text_of(attribute.payload);
        break;
      case NFTA_RULE_HANDLE:
        parts.handle = read_be<std::uint64_t>(attribute.payload).value_or(0);
        break;
      case NFTA_RULE_EXPRESSIONS:
        parts.expressions = attribute.payload;
        break;
      case NFTA_RULE_USERDATA:
        parts.comment = comment_in(attribute.payload);
        break;
      default:
        break;
    }
  }
  return attributes.malformed() ? std::nullopt : std::optional{parts};
}

bool loads_device(const netlink::NftExpression& expression) {
  if (expression.name != "meta") {
    return false;
  }
  const auto key = read_be<std::uint32_t>(find_attribute(expression.data, NFTA_META_KEY));
  return key == NFT_META_IIFNAME || key == NFT_META_OIFNAME;
}

// Names in a rule that are not those of objects.
void learn_names(const netlink::NftExpression& expression, bool of_device, Names& names) {
  const Bytes data = expression.data;
  if (expression.name == "log") {
    learn_log_prefix(text_of(find_attribute(data, NFTA_LOG_PREFIX)), names);
  } else if (expression.name == "target") {
    learn_log_target(text_of(find_attribute(data, NFTA_TARGET_NAME)),
                     find_attribute(data, NFTA_TARGET_INFO), names);
  } else if (expression.name == "cmp" && of_device) {
    learn_device(text_of(find_attribute(find_attribute(data, NFTA_CMP_DATA), NFTA_DATA_VALUE)),
                 names);
  }
}

// The match of xtables; iptables-nft of some releases keeps comments there.
std::string_view comment_match(const netlink::NftExpression& expression) {
  return expression.name == "match" &&
                 text_of(find_attribute(expression.data, NFTA_MATCH_NAME)) == "comment"
             ? text_of(find_attribute(expression.data, NFTA_MATCH_INFO))
             : std::string_view{};
}

}  // namespace

std::string nft_family(std::uint8_t family) {
  switch (family) {
    case NFPROTO_IPV4:
      return "ip";
    case NFPROTO_IPV6:
      return "ip6";
    case NFPROTO_INET:
      return "inet";
    case NFPROTO_ARP:
      return "arp";
    case NFPROTO_BRIDGE:
      return "bridge";
    case NFPROTO_NETDEV:
      return "netdev";
    default:
      return std::to_string(family);
  }
}

bool list_nft_rule(const Message& message, Listing& listing) {
  auto parts = parts_of(message);
  const auto rule = iptables::decode_rule(message, iptables::Detail::destinations);
  if (!parts || !rule) {
    return false;
  }
  const bool rules = wants_rules(listing.wanted) && !listing.lines.full();
  Json more = Json::object();
  Json expressions = Json::array();
  bool device_loaded = false;
  Attribute element;
  Attributes elements{parts->expressions};
  while (elements.next(element)) {
    const auto expression = netlink::decode_nft_expression(element.payload);
    if (!expression) {
      return false;
    }
    if (const std::string_view comment = comment_match(*expression); !comment.empty()) {
      parts->comment = comment;
    }
    if (wants_names(listing.wanted)) {
      learn_names(*expression, device_loaded, listing.names);
    }
    device_loaded = loads_device(*expression);
    if (rules) {
      expressions.push_back(expression_text(*expression));
      put_expression(*expression, listing, more);
    }
  }
  if (wants_names(listing.wanted)) {
    listing.names.add(parts->comment);
  }
  if (!rules) {
    listing.lines.count();
    return true;
  }
  Json json{{"family", nft_family(family_of(message))},
            {"table", clean(parts->table)},
            {"chain", clean(parts->chain)},
            {"handle", parts->handle},
            {"expressions", std::move(expressions)}};
  put_decoded(*rule, json);
  json.update(more);
  if (!parts->comment.empty()) {
    json["comment"] = clean(parts->comment);
  }
  listing.lines.add(json);
  return true;
}

std::optional<NftSetFace> decode_nft_set(const Message& message) {
  NftSetFace set;
  Attribute attribute;
  Attributes attributes{netlink::nftables_attributes(message)};
  while (attributes.next(attribute)) {
    if (attribute.type == NFTA_SET_TABLE) {
      set.table = text_of(attribute.payload);
    } else if (attribute.type == NFTA_SET_NAME) {
      set.name = text_of(attribute.payload);
    } else if (attribute.type == NFTA_SET_KEY_TYPE) {
      set.types.key = read_be<std::uint32_t>(attribute.payload).value_or(0);
    } else if (attribute.type == NFTA_SET_DATA_TYPE) {
      set.types.data = read_be<std::uint32_t>(attribute.payload).value_or(0);
    } else if (attribute.type == NFTA_SET_FLAGS) {
      const std::uint32_t flags = read_be<std::uint32_t>(attribute.payload).value_or(0);
      set.map = (flags & NFT_SET_MAP) != 0;
      set.anonymous = (flags & NFT_SET_ANONYMOUS) != 0;
    }
  }
  return attributes.malformed() || set.name.empty() ? std::nullopt : std::optional{set};
}

bool list_nft_elements(const Message& message, NftSetTypes types, Listing& listing) {
  const Bytes attributes = netlink::nftables_attributes(message);
  const std::string_view table = text_of(find_attribute(attributes, NFTA_SET_ELEM_LIST_TABLE));
  const std::string_view set = text_of(find_attribute(attributes, NFTA_SET_ELEM_LIST_SET));
  Attribute element;
  Attributes elements{find_attribute(attributes, NFTA_SET_ELEM_LIST_ELEMENTS)};
  while (elements.next(element)) {
    const Bytes key =
        find_attribute(find_attribute(element.payload, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
    const Bytes data = find_attribute(element.payload, NFTA_SET_ELEM_DATA);
    const Bytes data_value = find_attribute(data, NFTA_DATA_VALUE);
    const std::string_view comment =
        comment_in(find_attribute(element.payload, NFTA_SET_ELEM_USERDATA));
    if (wants_names(listing.wanted)) {
      listing.names.add(comment);
      const auto learn_part = [&](std::uint32_t type, Bytes part) {
        if (type == kDeviceName && !ends_interval(element.payload)) {
          learn_device(text_of(part), listing.names);
        }
      };
      visit_parts(key, types.key, learn_part);
      visit_parts(data_value, types.data, learn_part);
    }
    if (!wants_rules(listing.wanted) || listing.lines.full()) {
      listing.lines.count();
      continue;
    }
    Json json{{"family", nft_family(family_of(message))},
              {"table", clean(table)},
              {"set", clean(set)},
              {"key", typed_text(key, types.key, table)}};
    put_verdict(data, listing, json);
    if (!data_value.empty()) {
      json["value"] = typed_text(data_value, types.data, table);
    }
    if (!comment.empty()) {
      json["comment"] = clean(comment);
    }
    listing.lines.add(json);
  }
  return !elements.malformed();
}

}  // namespace kubecliff::evidence
