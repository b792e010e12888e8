#include "collectors/nftables/decode_nftables.h"

#include <linux/netfilter/nf_tables.h>

#include <cstddef>

#include "collectors/core/service_endpoints.h"
#include "collectors/kernel/nft_destination.h"
#include "collectors/kernel/nftables.h"

namespace kubecliff::nftables {
namespace {

using netlink::Attribute;
using netlink::Attributes;
using netlink::find_attribute;

constexpr std::uint16_t kSetCount = 20;  // NFTA_SET_COUNT, which older headers do not have
// Parts of a concatenation fill words of four bytes.
constexpr std::size_t kPart = 4;

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

bool looks_up(const netlink::Message& message, std::string_view set_prefix) {
  Attribute element;
  Attributes elements{find_attribute(netlink::nftables_attributes(message), NFTA_RULE_EXPRESSIONS)};
  while (elements.next(element)) {
    const auto expression = netlink::decode_nft_expression(element.payload);
    if (expression && expression->name == "lookup" &&
        text_of(find_attribute(expression->data, NFTA_LOOKUP_SET)).starts_with(set_prefix)) {
      return true;
    }
  }
  return false;
}

Elements::Elements(const netlink::Message& message, Comments comments)
    : list_{find_attribute(netlink::nftables_attributes(message), NFTA_SET_ELEM_LIST_ELEMENTS)},
      comments_{comments} {}

bool Elements::next(Element& element) {
  Attribute next;
  if (!list_.next(next)) {
    return false;
  }
  const Bytes data = find_attribute(next.payload, NFTA_SET_ELEM_DATA);
  element = {
      .key = find_attribute(find_attribute(next.payload, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE),
      .value = find_attribute(data, NFTA_DATA_VALUE),
      .chain = text_of(find_attribute(find_attribute(data, NFTA_DATA_VERDICT), NFTA_VERDICT_CHAIN)),
  };
  if (comments_ == Comments::yes) {
    element.comment =
        netlink::decode_nft_comment(find_attribute(next.payload, NFTA_SET_ELEM_USERDATA));
  }
  return true;
}

std::optional<Key> decode_key(const Element& element, AddressFamily family) {
  constexpr std::size_t kProtocolAndPort = 2 * kPart;
  const std::size_t address = address_size(family);
  if (element.key.size() != kProtocolAndPort && element.key.size() != address + kProtocolAndPort) {
    return std::nullopt;
  }
  const Bytes last = element.key.last(kProtocolAndPort);
  return Key{.address = element.key.first(element.key.size() - kProtocolAndPort),
             .port = *read_be<std::uint16_t>(last, kPart),
             .protocol = *read_as<std::uint8_t>(last)};
}

std::optional<Dispatch> decode_dispatch(const Element& element, AddressFamily family) {
  const auto key = decode_key(element, family);
  if (!key) {
    return std::nullopt;
  }
  return Dispatch{.service = key->address.empty()
                                 ? node_port_key(key->protocol, address_size(family), key->port)
                                 : service_key(key->protocol, key->address, key->port),
                  .chain = element.chain};
}

Translation decode_value(const Element& element, AddressFamily family) {
  const std::size_t address = address_size(family);
  if (element.value.size() != address + kPart) {
    return {};
  }
  return {.address = element.value.first(address),
          .port = *read_be<std::uint16_t>(element.value, address)};
}

std::optional<std::uint64_t> decode_backend(const Element& element, AddressFamily family) {
  const Translation to = decode_value(element, family);
  return to.address.empty() ? std::nullopt : std::optional{backend_key(to.address, to.port)};
}

Translation decode_translation(const netlink::Message& message, AddressFamily family) {
  netlink::NftDestination rule{family};
  Attribute element;
  Attributes elements{find_attribute(netlink::nftables_attributes(message), NFTA_RULE_EXPRESSIONS)};
  while (elements.next(element)) {
    if (const auto expression = netlink::decode_nft_expression(element.payload)) {
      rule.apply(*expression);
    }
  }
  return rule.translation();
}

}  // namespace kubecliff::nftables
