// TCP sockets of the node.
#pragma once

#include "collectors/core/collector.h"

namespace kubecliff::sockstat {

[[nodiscard]] CollectorSpec spec();

}  // namespace kubecliff::sockstat
