// Availability: whether this kernel tracks connections, and whether ctnetlink tells about them.
// Found out without asking either: the first question would load the module.
#pragma once

#include <filesystem>
#include <string_view>

#include "collectors/core/result.h"
#include "collectors/kernel/kernel_feature.h"

namespace kubecliff::conntrack {

class Availability {
 public:
  // Looks thoroughly (kernel_feature.h says at what cost); what was a module then may come and go.
  explicit Availability(const std::filesystem::path& procfs,
                        const std::filesystem::path& sysfs = "/sys");

  // One look into sysfs each. Errors: unavailable, with what would make it available.
  [[nodiscard]] Result<void> tracking() const;
  [[nodiscard]] Result<void> ctnetlink() const;

 private:
  // Present without a trace in sysfs is built in, and stays.
  [[nodiscard]] FeatureState now(std::string_view module, FeatureState at_start) const;

  std::filesystem::path sysfs_;
  FeatureState tracking_;
  FeatureState ctnetlink_;
};

}  // namespace kubecliff::conntrack
