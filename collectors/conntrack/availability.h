// Availability: whether this kernel tracks connections, and whether ctnetlink tells about them.
// Found out without asking either: the first question would load the module.
#pragma once

#include <filesystem>

#include "collectors/core/result.h"
#include "collectors/kernel/kernel_feature.h"

namespace kubecliff::conntrack {

class Availability {
 public:
  explicit Availability(const std::filesystem::path& procfs,
                        const std::filesystem::path& sysfs = "/sys");

  // Errors: unavailable, with what would make it available.
  [[nodiscard]] Result<void> tracking();
  [[nodiscard]] Result<void> ctnetlink();

 private:
  FeatureWatch tracking_;
  FeatureWatch ctnetlink_;
};

}  // namespace kubecliff::conntrack
