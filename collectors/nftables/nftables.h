// Collector `nftables`: the size of kube-proxy's own nftables tables, of its mode `nftables`.
#pragma once

#include "collectors/core/collector.h"

namespace kubecliff::nftables {

[[nodiscard]] CollectorSpec spec();

}  // namespace kubecliff::nftables
