// The estimator of IPVS: every two seconds it walks all virtual and real servers to tell their
// rates. With many of them that holds up a processor's packets (kernels < 6.2, in a timer) or takes
// threads (from 6.2 on).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>

#include "collectors/core/collector.h"

namespace kubecliff::ipvs {

// Processors in a list such as "0-3,8"; nothing where it is not one.
[[nodiscard]] std::optional<std::uint32_t> count_processors(std::string_view list);

// CPU time of its threads, ipvs-e:N:M, of all network namespaces. Takes a view of the node's
// processes (hostPID), which are looked through once a minute. Not thread-safe.
class EstimatorThreads {
 public:
  static constexpr Duration kInterval{std::chrono::minutes{1}};

  explicit EstimatorThreads(std::filesystem::path procfs) : procfs_{std::move(procfs)} {}

  // Never falls: what threads have used that are gone stays in it. Nothing as long as none was
  // seen.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> cpu(Clock::time_point now);

 private:
  void look();

  std::filesystem::path procfs_;
  std::optional<Clock::time_point> looked_at_;
  std::map<std::uint32_t, std::chrono::nanoseconds> threads_;  // what each has used
  std::optional<std::chrono::nanoseconds> total_;
};

}  // namespace kubecliff::ipvs
