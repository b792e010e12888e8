// Where simulate loads its rules and sends its traffic.
#pragma once

#include "collectors/core/result.h"
#include "collectors/kernel/network_namespace.h"

namespace kubecliff::simulate {

// A network of its own, in which every pod, Service and NodePort address of services.h is this
// machine's, so that a connection to a Service ends at a socket of ours. For the main thread. The
// host's network, its rules among them, is not touched.
[[nodiscard]] Result<NetworkNamespace> enter_scratch_namespace();

}  // namespace kubecliff::simulate
