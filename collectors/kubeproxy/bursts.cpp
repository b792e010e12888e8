#include "collectors/kubeproxy/bursts.h"

#include <algorithm>
#include <utility>

namespace kubecliff::kubeproxy {

std::optional<std::chrono::nanoseconds> Bursts::look(const Look& look) {
  const std::optional<Look> last = std::exchange(last_, look);
  if (!last || look.at <= last->at) {
    return std::nullopt;
  }
  const std::chrono::nanoseconds passed = look.at - last->at;
  // More than one thread may be busy.
  const std::chrono::nanoseconds used = std::clamp(look.cpu - last->cpu, {}, passed);

  if (used >= passed / 4) {
    if (!burst_) {
      burst_ = Burst{.before = *last, .began = look.at - used, .ended = look.at};
    } else {
      burst_->ended = last->at + used;
    }
    return std::nullopt;
  }
  const std::optional<Burst> burst = std::exchange(burst_, std::nullopt);
  if (!burst || burst->before.generation == look.generation ||
      burst->before.children_cpu != look.children_cpu) {
    return std::nullopt;
  }
  // What little was used since belongs to its end.
  return (used.count() > 0 ? last->at + used : burst->ended) - burst->began;
}

std::chrono::nanoseconds Bursts::under_way() const {
  return burst_ ? last_->at - burst_->began : std::chrono::nanoseconds{0};
}

}  // namespace kubecliff::kubeproxy
