// The collector `kubeproxy`: kube-proxy's process, what its own port says, how old its rules are,
// and when it was at work on them.
#pragma once

#include "collectors/core/collector.h"

namespace kubecliff::kubeproxy {

[[nodiscard]] CollectorSpec spec();

}  // namespace kubecliff::kubeproxy
