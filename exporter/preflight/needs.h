// What each way of carrying connections to Services needs of the kernel, module by module.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "collectors/kernel/kernel_feature.h"
#include "exporter/preflight/target.h"

namespace kubecliff::preflight {

struct Need {
  enum class Weight : std::uint8_t {
    must,  // without it nothing works
    may,   // without it something does not, which not every cluster uses
  };

  Feature feature;
  std::string_view purpose;  // what would not work without it
  Weight weight = Weight::must;
};

// IPVS's scheduler is not among them: which it is, kube-proxy's configuration says.
[[nodiscard]] std::span<const Need> needs_of(Target target);

// What kube-proxy takes where it is not told.
inline constexpr std::string_view kDefaultScheduler = "rr";

// Nothing for a name that no scheduler of the kernel has.
[[nodiscard]] std::optional<Need> need_of_scheduler(std::string_view scheduler);

}  // namespace kubecliff::preflight
