// The names of a report: which Services are largest, who has the most flows, which flows are stale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>

#include "collectors/core/collector.h"
#include "exporter/config/settings.h"
#include "exporter/report/report.h"

namespace kubecliff::inventory {
struct Miss;
struct StaleFlows;
}  // namespace kubecliff::inventory

namespace kubecliff::report {

struct NamesOptions {
  std::filesystem::path procfs = "/proc";
  std::uint64_t most_flows = 500'000;  // as --collector.conntrack.max-flows
  std::size_t top = 0;
};

// What the settings say of it.
[[nodiscard]] NamesOptions names_options(const Settings& settings, std::size_t top);

// Reads the rules and the flows of this network namespace: collectors/inventory says what that
// costs, up to a second of CPU for 5,000 Services. What cannot be read is among `missing`.
[[nodiscard]] Names read_names(const NamesOptions& options);

// Why a dataplane could not be read, once where both families say the same.
void add(const inventory::Miss& miss, Names& to);

// The list of stale flows, how many there are in all, and what it leaves out.
void add(const inventory::StaleFlows& stale, Names& to);

// The names for who asks again and again: read at most once a minute, and within a hundredth of one
// processor. Who asks while they are read waits; who asks after that gets those that were read
// last. Any thread may call anything.
class LatestNames {
 public:
  explicit LatestNames(NamesOptions options = {}) { change(std::move(options)); }

  void change(NamesOptions options);

  // The `top` first of each list.
  [[nodiscard]] Names get(std::size_t top);

 private:
  std::mutex mutex_;  // held while they are read
  // Guarded by mutex_:
  NamesOptions options_;
  std::optional<Names> names_;
  Clock::time_point read_again_;  // not before
};

}  // namespace kubecliff::report
