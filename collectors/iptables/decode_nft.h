// Messages of nf_tables, as iptables-nft's tables come in them. Pure functions over bytes.
// Source: include/uapi/linux/netfilter/nf_tables.h, nf_tables_compat.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/iptables/chain_record.h"
#include "collectors/kernel/netlink_message.h"

namespace kubecliff::iptables {

// The views point into the message.
struct NftTable {
  std::string_view name;
  std::uint64_t handle = 0;  // a table made anew under its old name has another; 0: kernels < 4.16
};

struct NftChain {
  std::string_view table;
  std::string_view name;
  std::uint64_t handle = 0;
  std::uint32_t use = 0;  // rules in the chain and jumps to it
  ChainKind kind = ChainKind::user;
};

// Nothing where the message lacks what every message of its kind has.
[[nodiscard]] std::optional<NftTable> decode_table(const netlink::Message& message);
[[nodiscard]] std::optional<NftChain> decode_chain(const netlink::Message& message);
[[nodiscard]] std::optional<Rule> decode_rule(const netlink::Message& message);

}  // namespace kubecliff::iptables
