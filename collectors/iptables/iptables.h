// The rules of iptables, legacy and nft, IPv4 and IPv6: how many, whose, for how many Services, and
// how many of them a new connection walks.
#pragma once

#include "collectors/core/collector.h"

namespace kubecliff::iptables {

[[nodiscard]] CollectorSpec spec();

}  // namespace kubecliff::iptables
