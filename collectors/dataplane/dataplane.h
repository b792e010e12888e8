// The collector `dataplane`: which mode takes connections to Services to their endpoints on this
// node, what contradicts that, and what other modes would find here.
#pragma once

#include "collectors/core/collector.h"

namespace kubecliff::dataplane {

[[nodiscard]] CollectorSpec spec();

}  // namespace kubecliff::dataplane
