// The collector `canary`, the only one of `kubecliff canary`: it moves the endpoint by which
// `propagation` measures, once a minute, whatever the cluster's size.
//
// It owns the EndpointSlices of one Service without a selector, and answers at its ports. The ports
// take turns, so many that a node is given up before it could take an old port for a new one. Of
// several canaries the one that holds the Lease moves. The only one of kubecliff's collectors that
// writes to the API server.
#pragma once

#include "collectors/core/collector.h"

namespace kubecliff::canary {

[[nodiscard]] CollectorSpec spec();

}  // namespace kubecliff::canary
