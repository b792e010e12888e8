// Rules of nf_tables as iptables-nft writes them. Pure functions over bytes.
// Source: include/uapi/linux/netfilter/nf_tables.h, nf_tables_compat.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/iptables/chain_record.h"
#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/nftables.h"

namespace kubecliff::iptables {

// Base chains by their names, which iptables-nft never varies.
[[nodiscard]] ChainKind kind_of(const netlink::NftChain& chain);

// Whether a rule's destination and translation are wanted too: they take following every register,
// and only some chains tell Services by them. And whether its comment is, which iptables-nft keeps
// as a match of xtables, as of 1.8.9, and nft in the rule's user data.
enum class Detail : std::uint8_t { figures, destinations, comments };
[[nodiscard]] Detail detail_of(std::string_view chain);

// Nothing where the message is broken. The rule's chain is a view into the message.
[[nodiscard]] std::optional<Rule> decode_rule(const netlink::Message& message, Detail detail);

}  // namespace kubecliff::iptables
