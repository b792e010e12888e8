// FakeClock: a TimeSource whose hands the test moves. Any thread.
#pragma once

#include <atomic>
#include <chrono>

#include "exporter/runner/time_source.h"

namespace kubecliff::test {

class FakeClock {
 public:
  void advance(std::chrono::nanoseconds by) { since_start_ += by.count(); }
  void spend_cpu(std::chrono::nanoseconds by) { cpu_ += by.count(); }

  // The clock must outlive it.
  [[nodiscard]] TimeSource source() {
    return {.now = [this] { return Clock::time_point{elapsed()}; },
            .wall_now =
                [this] {
                  return WallClock::time_point{kWallStart} +
                         std::chrono::duration_cast<WallClock::duration>(elapsed());
                },
            .thread_cpu = [this] { return std::chrono::nanoseconds{cpu_}; }};
  }

 private:
  static constexpr std::chrono::seconds kWallStart{1'700'000'000};

  [[nodiscard]] std::chrono::nanoseconds elapsed() const {
    return std::chrono::nanoseconds{since_start_};
  }

  std::atomic<std::chrono::nanoseconds::rep> since_start_ = 0;
  std::atomic<std::chrono::nanoseconds::rep> cpu_ = 0;
};

}  // namespace kubecliff::test
