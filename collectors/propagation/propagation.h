// The collector `propagation`: how long until this node routes as a change of endpoints says.
//
// `kubecliff canary` moves the one endpoint of a Service of its own from port to port. This follows
// its EndpointSlice, and from the moment that it hears of a move connects to the Service until the
// new port answers. So it measures what a user feels, whatever lies between: kube-proxy in any
// mode, or what stands in for it.
#pragma once

#include "collectors/core/collector.h"

namespace kubecliff::propagation {

[[nodiscard]] CollectorSpec spec();

}  // namespace kubecliff::propagation
