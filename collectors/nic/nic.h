// Collector `nic`: limits that the cloud puts on a network card, as its driver counts them, and
// tunnels that are too large for what carries them.
#pragma once

#include "collectors/core/collector.h"

namespace kubecliff::nic {

// Every minute, or as soon as a device with allowances has gone, one dump of the node's devices
// (0.5 ms for 250 of them) and a question for each tunnel that names no parent. In between, two
// system calls for each device with allowances, and nothing at all where there is none.
[[nodiscard]] CollectorSpec spec();

}  // namespace kubecliff::nic
