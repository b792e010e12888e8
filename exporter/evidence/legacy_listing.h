// Every rule of a legacy xtables table, as a line of JSON. A pure function over bytes.
// Source: include/uapi/linux/netfilter/x_tables.h, netfilter_ipv4/ip_tables.h,
// netfilter_ipv6/ip6_tables.h, and the headers of the matches and targets that are named.
#pragma once

#include <string_view>

#include "collectors/core/result.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/bytes.h"
#include "collectors/kernel/xtables_socket.h"
#include "exporter/evidence/rule_listing.h"

namespace kubecliff::evidence {

// In the order of the blob, as iptables-save prints them: heads, policies and the returns at the
// end of chains are no rules. Of matches and targets that kube-proxy uses, what they say; of others
// the name. Malformed where the bytes contradict `info` or themselves. Some 5 us a rule.
[[nodiscard]] Result<void> list_legacy(Bytes blob, const xtables::TableInfo& info,
                                       AddressFamily family, std::string_view table,
                                       Listing& listing);

}  // namespace kubecliff::evidence
