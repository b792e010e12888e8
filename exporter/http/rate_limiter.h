// RateLimiter: a token bucket. Holds `burst` tokens, gains one per `interval`. Thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>

#include "exporter/http/web_config.h"

namespace kubecliff::http {

class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;

  // Whether a request may pass now. The limit is handed in, for it can change at any request.
  [[nodiscard]] bool allow(const RateLimit& limit, Clock::time_point now) {
    if (limit.interval.count() <= 0) {
      return true;
    }
    const std::lock_guard lock{mutex_};
    // The bucket as the time at which it became, or becomes, empty.
    empty_at_ = std::max(empty_at_, now - limit.interval * limit.burst);
    if (empty_at_ + limit.interval > now) {
      return false;
    }
    empty_at_ += limit.interval;
    return true;
  }

 private:
  std::mutex mutex_;
  Clock::time_point empty_at_ = Clock::time_point::min();
};

}  // namespace kubecliff::http
