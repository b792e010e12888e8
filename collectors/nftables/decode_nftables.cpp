#include "collectors/nftables/decode_nftables.h"

#include <linux/netfilter/nf_tables.h>

#include "collectors/kernel/bytes.h"
#include "collectors/kernel/nftables.h"

namespace kubecliff::nftables {
namespace {

using netlink::Attribute;
using netlink::Attributes;
using netlink::find_attribute;

constexpr std::uint16_t kSetCount = 20;  // NFTA_SET_COUNT, which older headers do not have

}  // namespace

std::optional<Set> decode_set(const netlink::Message& message) {
  Set set;
  std::optional<std::uint64_t> handle;
  std::uint32_t flags = 0;
  Attribute attribute;
  Attributes attributes{netlink::nftables_attributes(message)};
  while (attributes.next(attribute)) {
    switch (attribute.type) {
      case NFTA_SET_NAME:
        set.name = text_of(attribute.payload);
        break;
      case NFTA_SET_HANDLE:
        handle = read_be<std::uint64_t>(attribute.payload);
        break;
      case NFTA_SET_FLAGS:
        flags = read_be<std::uint32_t>(attribute.payload).value_or(0);
        break;
      case kSetCount:
        set.elements = read_be<std::uint32_t>(attribute.payload);
        break;
      default:
        break;
    }
  }
  if (attributes.malformed() || !handle || set.name.empty()) {
    return std::nullopt;
  }
  set.handle = *handle;
  set.anonymous = (flags & NFT_SET_ANONYMOUS) != 0;
  set.map = (flags & NFT_SET_MAP) != 0;
  return set;
}

std::optional<Choice> decode_choice(const netlink::Message& message) {
  Choice choice;
  Attribute element;
  Attributes elements{find_attribute(netlink::nftables_attributes(message), NFTA_RULE_EXPRESSIONS)};
  while (elements.next(element)) {
    const auto expression = netlink::decode_nft_expression(element.payload);
    if (!expression) {
      return std::nullopt;
    }
    if (expression->name == "numgen") {
      choice.count =
          read_be<std::uint32_t>(find_attribute(expression->data, NFTA_NG_MODULUS)).value_or(0);
    } else if (expression->name == "lookup" && choice.count > 0) {
      choice.map = text_of(find_attribute(expression->data, NFTA_LOOKUP_SET));
      return choice.map.empty() ? std::nullopt : std::optional{choice};
    }
  }
  return std::nullopt;
}

std::optional<std::size_t> count_elements(const netlink::Message& message) {
  std::size_t count = 0;
  Attribute element;
  Attributes elements{
      find_attribute(netlink::nftables_attributes(message), NFTA_SET_ELEM_LIST_ELEMENTS)};
  while (elements.next(element)) {
    ++count;
  }
  return elements.malformed() ? std::nullopt : std::optional{count};
}

}  // namespace kubecliff::nftables
