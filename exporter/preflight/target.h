// Where a node may be moved to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace kubecliff::preflight {

// Of eBPF dataplanes it is Cilium's replacement of kube-proxy whose needs are known.
enum class Target : std::uint8_t { ipvs, nftables, ebpf };
inline constexpr std::array kTargets{Target::ipvs, Target::nftables, Target::ebpf};

// As --to takes it, and as kubecliff_dataplane_mode calls it.
constexpr std::string_view name(Target target) {
  constexpr std::array<std::string_view, kTargets.size()> kNames{"ipvs", "nftables", "ebpf"};
  return kNames[static_cast<std::size_t>(target)];
}

constexpr std::optional<Target> parse_target(std::string_view text) {
  for (const Target target : kTargets) {
    if (text == name(target)) {
      return target;
    }
  }
  return std::nullopt;
}

}  // namespace kubecliff::preflight
