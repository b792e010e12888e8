// Backoff: how long to wait before the next try, so that ten thousand nodes that lost the same API
// server do not all come back at the same moment.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace kubecliff {

class Backoff {
 public:
  static constexpr std::chrono::milliseconds kMost{120'000};

  // The first tries of all nodes spread over `first`, and of those that fail, the next ones over
  // twice as much, up to kMost.
  explicit Backoff(std::chrono::milliseconds first, std::uint32_t seed = std::random_device{}())
      : random_{seed}, first_{first} {}

  [[nodiscard]] std::chrono::milliseconds next() {
    const std::chrono::milliseconds wait = below(span_);
    span_ = std::min(2 * span_, std::max(first_, kMost));
    return wait;
  }

  // It worked.
  void reset() { span_ = first_; }

  // Anything from zero to this, each as likely.
  [[nodiscard]] std::chrono::milliseconds below(std::chrono::milliseconds most) {
    return std::chrono::milliseconds{
        std::uniform_int_distribution<std::chrono::milliseconds::rep>{0, most.count()}(random_)};
  }

 private:
  std::mt19937 random_;  // minstd_rand draws alike from seeds that are alike
  std::chrono::milliseconds first_;
  std::chrono::milliseconds span_ = first_;
};

}  // namespace kubecliff
