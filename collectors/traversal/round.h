// Round: the times of one round of probes, and what of them is served.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

namespace kubecliff::traversal {

class Round {
 public:
  void add(std::chrono::nanoseconds time) { times_.push_back(time); }

  [[nodiscard]] const std::vector<std::chrono::nanoseconds>& times() const { return times_; }

  // The time that a tenth of the probes stayed below or at: interrupts and other work on the node
  // make a probe longer, never shorter. Nothing where there was no probe.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> floor() const;

 private:
  std::vector<std::chrono::nanoseconds> times_;
};

}  // namespace kubecliff::traversal
