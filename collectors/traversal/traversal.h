// The collector `traversal`: what a new flow pays to walk this node's rules, measured.
#pragma once

#include "collectors/core/collector.h"

namespace kubecliff::traversal {

[[nodiscard]] CollectorSpec spec();

}  // namespace kubecliff::traversal
