// Pacing: when a receiver that could not take something is tried again: later and later, at a time
// that no other node knows, and not before it asks for.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "collectors/core/backoff.h"
#include "collectors/core/collector.h"

namespace kubecliff::delivery {

class Pacing {
 public:
  static constexpr std::chrono::milliseconds kFirst{2'000};
  // What a receiver may ask for at the most.
  static constexpr std::chrono::seconds kMostRetryAfter{300};

  explicit Pacing(std::uint32_t seed) : backoff_{kFirst, seed} {}

  void failed(std::chrono::seconds retry_after, Clock::time_point now) {
    const std::chrono::milliseconds asked = std::min(retry_after, kMostRetryAfter);
    not_before_ = now + asked + backoff_.next();
  }
  void worked() { backoff_.reset(); }

  [[nodiscard]] Clock::time_point not_before() const { return not_before_; }
  // Anything from 0 to `most`.
  [[nodiscard]] std::chrono::milliseconds below(std::chrono::milliseconds most) {
    return backoff_.below(most);
  }

 private:
  Backoff backoff_;
  Clock::time_point not_before_ = Clock::time_point::min();
};

}  // namespace kubecliff::delivery
