// The pieces of the kernel that kube-proxy's modes and Cilium need.
#pragma once

#include <span>

#include "collectors/kernel/kernel_feature.h"

namespace kubecliff::dataplane {

[[nodiscard]] std::span<const Feature> required_features();

}  // namespace kubecliff::dataplane
