// NewFlows: how many new flows have passed the rules, told by the collector that reads the rules'
// counters to those that know what a flow costs. Any thread may call anything.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace kubecliff {

class NewFlows {
 public:
  // A node's rules may stand in both backends, and then a flow passes both.
  static constexpr std::size_t kBackends = 2;
  static constexpr std::size_t kFamilies = 2;

  // `total` only grows, but for when the collector that tells it is started anew.
  void tell(std::size_t backend, std::size_t family, std::uint64_t total) {
    totals_[backend][family].store(total, std::memory_order_relaxed);
  }
  [[nodiscard]] std::optional<std::uint64_t> total(std::size_t backend, std::size_t family) const {
    const std::uint64_t total = totals_[backend][family].load(std::memory_order_relaxed);
    return total == kUntold ? std::nullopt : std::optional{total};
  }

 private:
  static constexpr std::uint64_t kUntold = std::numeric_limits<std::uint64_t>::max();

  std::array<std::array<std::atomic<std::uint64_t>, kFamilies>, kBackends> totals_{
      {{kUntold, kUntold}, {kUntold, kUntold}}};
};

// What has come since the last look.
class NewFlowsSince {
 public:
  // Nothing where nobody has told a total of this family. Of two backends the larger number: a flow
  // that passes both is one flow.
  std::optional<std::uint64_t> look(const NewFlows& flows, std::size_t family) {
    std::optional<std::uint64_t> most;
    for (std::size_t backend = 0; backend < NewFlows::kBackends; ++backend) {
      const auto total = flows.total(backend, family);
      if (!total) {
        continue;
      }
      const std::uint64_t before = last_[backend].value_or(*total);
      const std::uint64_t since = *total >= before ? *total - before : *total;
      most = most.value_or(0) > since ? most : since;
      last_[backend] = total;
    }
    return most;
  }

 private:
  std::array<std::optional<std::uint64_t>, NewFlows::kBackends> last_{};
};

}  // namespace kubecliff
