// What this process itself uses, for the process_* metrics that every exporter serves.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "collectors/core/result.h"

namespace kubecliff {

struct ProcessUsage {
  std::chrono::duration<double> cpu{0};
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  double virtual_bytes_limit = 0;  // infinity where there is none
  std::size_t open_descriptors = 0;
  double descriptor_limit = 0;
  std::chrono::duration<double> start_time{0};  // since the epoch
};

// From /proc/self, getrusage(2) and getrlimit(2). Any thread.
[[nodiscard]] Result<ProcessUsage> read_process_usage();

}  // namespace kubecliff
