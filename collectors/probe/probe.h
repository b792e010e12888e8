// The collector `probe`: what a connection by way of a Service costs, phase by phase, beside one
// straight to an endpoint.
#pragma once

#include "collectors/core/collector.h"

namespace kubecliff::probe {

[[nodiscard]] CollectorSpec spec();

}  // namespace kubecliff::probe
