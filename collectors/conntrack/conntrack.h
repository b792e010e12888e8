// Connection tracking: how full its table is, what it had to drop, and which flows fill it.
#pragma once

#include "collectors/core/collector.h"

namespace kubecliff::conntrack {

// Size and counters: microseconds, read inside the scrape.
[[nodiscard]] CollectorSpec spec();

// Every flow by protocol and state: a dump of the whole table, in the background.
[[nodiscard]] CollectorSpec flows_spec();

}  // namespace kubecliff::conntrack
