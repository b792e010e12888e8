// The collector `restore`: every run of iptables-restore and its kin on this node, and the xtables
// lock.
#pragma once

#include "collectors/core/collector.h"

namespace kubecliff::restore {

[[nodiscard]] CollectorSpec spec();

}  // namespace kubecliff::restore
