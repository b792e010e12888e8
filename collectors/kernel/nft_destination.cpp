#include "collectors/kernel/nft_destination.h"

#include <linux/netfilter/nf_tables.h>

#include <optional>

namespace kubecliff::netlink {
namespace {

std::uint32_t number(Bytes attribute) {
  return read_be<std::uint32_t>(attribute).value_or(0);
}

// Where a field lies in the header of a family.
struct Layout {
  std::uint32_t protocol;
  std::uint32_t address;
};

constexpr Layout kIpv4{.protocol = 9, .address = 16};
constexpr Layout kIpv6{.protocol = 6, .address = 24};

// TCP, UDP and SCTP begin with the port of the source.
constexpr std::uint32_t kPortOffset = sizeof(std::uint16_t);

constexpr const Layout& layout_of(AddressFamily family) {
  return family == AddressFamily::ipv4 ? kIpv4 : kIpv6;
}

}  // namespace

void NftDestination::apply(const NftExpression& expression) {
  const auto& [name, data] = expression;
  if (name == "cmp") {
    compare(data);
  } else if (name == "payload") {
    load(find_attribute(data, NFTA_PAYLOAD_DREG), {.field = field_of(data)});
  } else if (name == "meta") {
    const bool protocol = number(find_attribute(data, NFTA_META_KEY)) == NFT_META_L4PROTO;
    load(find_attribute(data, NFTA_META_DREG),
         {.field = protocol ? Field::protocol : Field::other});
  } else if (name == "immediate") {
    load(find_attribute(data, NFTA_IMMEDIATE_DREG),
         {.constant = find_attribute(find_attribute(data, NFTA_IMMEDIATE_DATA), NFTA_DATA_VALUE)});
  } else if (name == "bitwise") {
    // Only a part of what it takes is compared.
    Register* const source = find_register(find_attribute(data, NFTA_BITWISE_SREG));
    const bool address = source != nullptr && (source->field == Field::address ||
                                               source->field == Field::part_of_address);
    load(find_attribute(data, NFTA_BITWISE_DREG),
         {.field = address ? Field::part_of_address : Field::other});
  } else if (name == "range" || name == "lookup") {
    const Bytes source = find_attribute(
        data, name == "range" ? std::uint16_t{NFTA_RANGE_SREG} : std::uint16_t{NFTA_LOOKUP_SREG});
    if (const Register* const compared = find_register(source);
        compared != nullptr && compared->field == Field::address) {
      destination_.hosts = Destination::Hosts::some;
    }
  } else if (name == "nat") {
    translate(data);
  }
}

// The four registers of 16 bytes and the sixteen of 4 are the same memory.
NftDestination::Register* NftDestination::find_register(Bytes attribute) {
  const std::uint32_t wanted = number(attribute);
  if (wanted >= NFT_REG32_00 && wanted - NFT_REG32_00 < registers_.size()) {
    return &registers_[wanted - NFT_REG32_00];
  }
  return wanted >= NFT_REG_1 && wanted <= NFT_REG_4
             ? &registers_[std::size_t{wanted - NFT_REG_1} * 4]
             : nullptr;
}

void NftDestination::load(Bytes register_attribute, Register value) {
  if (Register* const loaded = find_register(register_attribute)) {
    *loaded = value;
  }
}

NftDestination::Field NftDestination::field_of(Bytes payload) const {
  const std::uint32_t base = number(find_attribute(payload, NFTA_PAYLOAD_BASE));
  const std::uint32_t offset = number(find_attribute(payload, NFTA_PAYLOAD_OFFSET));
  const std::uint32_t size = number(find_attribute(payload, NFTA_PAYLOAD_LEN));
  if (base == NFT_PAYLOAD_TRANSPORT_HEADER) {
    return offset == kPortOffset && size == sizeof(std::uint16_t) ? Field::port : Field::other;
  }
  if (base != NFT_PAYLOAD_NETWORK_HEADER) {
    return Field::other;
  }
  const Layout& layout = layout_of(family_);
  if (offset == layout.protocol && size == 1) {
    return Field::protocol;
  }
  if (offset < layout.address || offset >= layout.address + address_size(family_)) {
    return Field::other;
  }
  return offset == layout.address && size == address_size(family_) ? Field::address
                                                                   : Field::part_of_address;
}

void NftDestination::compare(Bytes data) {
  const Register* const compared = find_register(find_attribute(data, NFTA_CMP_SREG));
  if (compared == nullptr) {
    return;
  }
  const Bytes value = find_attribute(find_attribute(data, NFTA_CMP_DATA), NFTA_DATA_VALUE);
  const bool equal = number(find_attribute(data, NFTA_CMP_OP)) == NFT_CMP_EQ;
  switch (compared->field) {
    case Field::protocol:
      if (equal) {
        destination_.protocol = read_as<std::uint8_t>(value).value_or(0);
      }
      break;
    case Field::address:
    case Field::part_of_address: {
      const bool one =
          equal && compared->field == Field::address && value.size() == address_size(family_);
      destination_.hosts = one ? Destination::Hosts::one : Destination::Hosts::some;
      destination_.address = one ? value : Bytes{};
      break;
    }
    case Field::port:
      if (equal) {
        destination_.port = read_be<std::uint16_t>(value).value_or(0);
      }
      break;
    case Field::other:
      break;
  }
}

void NftDestination::translate(Bytes data) {
  const Register* const address = find_register(find_attribute(data, NFTA_NAT_REG_ADDR_MIN));
  const Register* const port = find_register(find_attribute(data, NFTA_NAT_REG_PROTO_MIN));
  const bool to_destination = number(find_attribute(data, NFTA_NAT_TYPE)) == NFT_NAT_DNAT;
  // The kernel says the upper ends of ranges even where they are the lower ones.
  const auto one = [&](std::uint16_t upper, const Register* lower) {
    const Bytes attribute = find_attribute(data, upper);
    return attribute.empty() || find_register(attribute) == lower;
  };
  if (!to_destination || address == nullptr || port == nullptr ||
      address->constant.size() != address_size(family_) || !one(NFTA_NAT_REG_ADDR_MAX, address) ||
      !one(NFTA_NAT_REG_PROTO_MAX, port)) {
    return;
  }
  translation_ = {.address = address->constant,
                  .port = read_be<std::uint16_t>(port->constant).value_or(0)};
}

}  // namespace kubecliff::netlink
