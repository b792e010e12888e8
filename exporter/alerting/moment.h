// Moment: now, by the clock that never jumps and by the one that others have too.
#pragma once

#include "collectors/core/collector.h"
#include "exporter/runner/time_source.h"

namespace kubecliff {

struct Moment {
  Clock::time_point steady = {};
  WallClock::time_point wall = {};
};

}  // namespace kubecliff
