// How many nodes are to measure the next move.
#pragma once

#include <cstdint>

#include "collectors/propagation/move.h"

namespace kubecliff::canary {

// What the first turn is where nothing is known: of 10,000 nodes about ten.
inline constexpr std::uint32_t kFirstTurn = propagation::Turn::kAll / 1'024;

// The turn after `last`, in whose busiest second that many connections came, so that those of this
// one stay below `limit`: a fifth below it, as far as the nodes behave alike, and at most four
// times as many nodes as last time, as one cannot know. Pure.
[[nodiscard]] propagation::Turn next_turn(const propagation::Turn& last,
                                          std::uint64_t busiest_second, double limit);

}  // namespace kubecliff::canary
