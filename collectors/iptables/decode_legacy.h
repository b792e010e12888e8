// The blob of a legacy xtables table, as IPT_SO_GET_ENTRIES gives it. A pure function over bytes.
// Source: include/uapi/linux/netfilter/x_tables.h, netfilter_ipv4/ip_tables.h,
// netfilter_ipv6/ip6_tables.h.
//
// Entries follow one another. A built-in chain begins where the hook points and ends with its
// policy; a user chain begins with an ERROR target that carries its name and ends with an implicit
// RETURN; the blob ends with one more ERROR target. Neither heads, policies nor implicit returns
// are rules.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/iptables/chain_record.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/bytes.h"
#include "collectors/kernel/xtables_socket.h"

namespace kubecliff::iptables {

struct LegacyTable {
  std::vector<ChainRecord> chains;  // in the order of the blob
  std::vector<BuiltInChain> built_in;
  std::vector<LinkWord> links;
};

// `info` is what the kernel said of the table when it was read. Malformed where the bytes
// contradict it or themselves.
[[nodiscard]] Result<LegacyTable> decode_legacy(Bytes blob, const xtables::TableInfo& info,
                                                AddressFamily family);

// Whoever wants the rules one by one: chains that users made, each followed by its rules with
// destination and comment. Views point into the blob.
struct RuleVisitor {
  std::function<void(std::string_view chain)> begin_chain;
  std::function<void(const Rule& rule)> add;
};
// The same walk, and the same errors. Rules of built-in chains are left out.
[[nodiscard]] Result<void> visit_legacy(Bytes blob, const xtables::TableInfo& info,
                                        AddressFamily family, const RuleVisitor& visitor);

}  // namespace kubecliff::iptables
