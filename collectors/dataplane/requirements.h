// The pieces of the kernel that each mode needs, whether or not it is the one that runs.
#pragma once

#include <cstdint>
#include <span>

#include "collectors/kernel/kernel_feature.h"

namespace kubecliff::dataplane {

// What a node may be moved to.
enum class TargetMode : std::uint8_t { iptables, nftables, ipvs, ebpf };

// Each once, whatever number of modes needs it.
[[nodiscard]] std::span<const Feature> required_features();

// Whether that mode needs it.
[[nodiscard]] bool needs(TargetMode mode, const Feature& feature);

}  // namespace kubecliff::dataplane
