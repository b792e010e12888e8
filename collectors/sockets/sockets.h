// Collector `sockets`: TCP sockets of the node by state, and the memory they hold.
#pragma once

#include "collectors/core/collector.h"

namespace kubecliff::sockets {

[[nodiscard]] CollectorSpec spec();

}  // namespace kubecliff::sockets
