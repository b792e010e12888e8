// Messages of nf_tables as lines of JSON. Pure functions over bytes.
// Source: include/uapi/linux/netfilter/nf_tables.h, nf_tables_compat.h; for comments libnftnl's
// include/libnftnl/udata.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/kernel/netlink_message.h"
#include "exporter/evidence/rule_listing.h"

namespace kubecliff::evidence {

// "ip", "inet"; of numbers that are none of NFPROTO_*, the number.
[[nodiscard]] std::string nft_family(std::uint8_t family);

// A message of an NFT_MSG_GETRULE dump: where the rule stands, where its packets are going and
// where it sends them, its expressions by name, its comment. False where it is broken.
[[nodiscard]] bool list_nft_rule(const netlink::Message& message, Listing& listing);

// What keys and values are made of, as nft writes it down for itself: the numbers of its types
// (enum datatypes in its include/datatype.h), six bits each, of a concatenation the last part
// lowest. The kernel keeps it and does not look at it; 0: nobody said.
struct NftSetTypes {
  std::uint32_t key = 0;
  std::uint32_t data = 0;
};

struct NftSetFace {
  std::string_view table;
  std::string_view name;
  NftSetTypes types = {};
  bool map = false;
  bool anonymous = false;
};

// A message of an NFT_MSG_GETSET dump; nothing where it is broken.
[[nodiscard]] std::optional<NftSetFace> decode_nft_set(const netlink::Message& message);

// A message of an NFT_MSG_GETSETELEM dump: a line for each element. Of keys and values of other
// types than addresses, protocols, ports and names of devices the length stands, as numbers may be
// addresses too. False where it is broken.
[[nodiscard]] bool list_nft_elements(const netlink::Message& message, NftSetTypes types,
                                     Listing& listing);

}  // namespace kubecliff::evidence
