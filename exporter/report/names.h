// The names of a report: which Services are largest, who has the most flows, which flows are stale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "exporter/report/report.h"

namespace kubecliff::report {

struct NamesOptions {
  std::filesystem::path procfs = "/proc";
  std::uint64_t most_flows = 500'000;  // as --collector.conntrack.max-flows
  std::size_t top = 0;
};

// Reads the rules and the flows of this network namespace: collectors/inventory says what that
// costs, up to a second of CPU for 5,000 Services. What cannot be read is among `missing`.
[[nodiscard]] Names read_names(const NamesOptions& options);

}  // namespace kubecliff::report
