// TimeSource: every clock that the runner reads, so that tests hold the hands.
#pragma once

#include <time.h>

#include <chrono>
#include <functional>

#include "collectors/core/collector.h"

namespace kubecliff {

using WallClock = std::chrono::system_clock;

// CPU time that the calling thread has used.
inline std::chrono::nanoseconds thread_cpu_time() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}

struct TimeSource {
  std::function<Clock::time_point()> now = Clock::now;
  std::function<WallClock::time_point()> wall_now = WallClock::now;
  std::function<std::chrono::nanoseconds()> thread_cpu = thread_cpu_time;
};

}  // namespace kubecliff
