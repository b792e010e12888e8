// Collector `ipvs`: kube-proxy's IPVS mode, or anybody else's IPVS on this node.
#pragma once

#include "collectors/core/collector.h"

namespace kubecliff::ipvs {

[[nodiscard]] CollectorSpec spec();

}  // namespace kubecliff::ipvs
