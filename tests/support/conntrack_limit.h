// LoweredLimit: the whole machine's limit of tracked connections, lower for the time of a test.
//
// Tests that hold one run one at a time (RESOURCE_LOCK nf_conntrack_max).
#pragma once

#include <cstdint>
#include <optional>

#include "collectors/kernel/unique_fd.h"

namespace kubecliff::test {

class LoweredLimit {
 public:
  // In the first network namespace: in others the file is read-only, but not what was opened here.
  LoweredLimit();
  LoweredLimit(const LoweredLimit&) = delete;
  LoweredLimit& operator=(const LoweredLimit&) = delete;
  // As it was before.
  ~LoweredLimit();

  // False where it cannot be changed.
  [[nodiscard]] bool lower_to(std::uint64_t limit);

 private:
  [[nodiscard]] bool write(std::uint64_t limit);

  UniqueFd file_;
  std::optional<std::uint64_t> before_;
};

}  // namespace kubecliff::test
