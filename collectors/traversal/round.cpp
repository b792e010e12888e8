#include "collectors/traversal/round.h"

#include <algorithm>
#include <cstddef>

namespace kubecliff::traversal {

std::optional<std::chrono::nanoseconds> Round::floor() const {
  if (times_.empty()) {
    return std::nullopt;
  }
  std::vector<std::chrono::nanoseconds> sorted = times_;
  const auto rank = static_cast<std::ptrdiff_t>((sorted.size() - 1) / 10);
  std::ranges::nth_element(sorted, sorted.begin() + rank);
  return sorted[static_cast<std::size_t>(rank)];
}

}  // namespace kubecliff::traversal
