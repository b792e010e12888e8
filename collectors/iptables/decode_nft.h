// Rules of nf_tables as iptables-nft writes them. Pure functions over bytes.
// Source: include/uapi/linux/netfilter/nf_tables.h, nf_tables_compat.h.
#pragma once

#include <optional>

#include "collectors/iptables/chain_record.h"
#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/nftables.h"

namespace kubecliff::iptables {

// Base chains by their names, which iptables-nft never varies.
[[nodiscard]] ChainKind kind_of(const netlink::NftChain& chain);

// Nothing where the message is broken. The rule's chain is a view into the message.
[[nodiscard]] std::optional<Rule> decode_rule(const netlink::Message& message);

}  // namespace kubecliff::iptables
