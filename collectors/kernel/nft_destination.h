// NftDestination: the destination that the expressions of a rule of nf_tables name, and the one
// that they give its packets. Follows what is loaded into registers and compared there.
// Source: include/uapi/linux/netfilter/nf_tables.h, net/netfilter/nf_tables_api.c
// (nft_parse_register).
//
//   NftDestination rule{AddressFamily::ipv4};
//   for (…) rule.apply(expression);
//   rule.destination()
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "collectors/kernel/address_family.h"
#include "collectors/kernel/bytes.h"
#include "collectors/kernel/destination.h"
#include "collectors/kernel/nftables.h"

namespace kubecliff::netlink {

class NftDestination {
 public:
  explicit NftDestination(AddressFamily family) : family_{family} {}

  // The expressions in their order. Those that say nothing of a destination are left alone, as is
  // what is broken.
  void apply(const NftExpression& expression);

  [[nodiscard]] const Destination& destination() const { return destination_; }
  [[nodiscard]] const Translation& translation() const { return translation_; }

 private:
  enum class Field : std::uint8_t { other, protocol, address, part_of_address, port };
  // What a register holds: a field of the packet, or the bytes of a constant.
  struct Register {
    Bytes constant = {};
    Field field = Field::other;
  };

  [[nodiscard]] Register* find_register(Bytes attribute);
  void load(Bytes register_attribute, Register value);
  [[nodiscard]] Field field_of(Bytes payload) const;
  void compare(Bytes data);
  void translate(Bytes data);

  AddressFamily family_;
  // By words of four bytes; a value that takes several stands where it begins.
  std::array<Register, 16> registers_{};
  Destination destination_;
  Translation translation_;
};

}  // namespace kubecliff::netlink
