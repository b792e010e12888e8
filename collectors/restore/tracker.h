// Tracker: which runs of tools are under way, and what became of those that ended. A state machine
// over events in the order of the kernel's; knows no clock and no /proc. Not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "collectors/restore/tool.h"

namespace kubecliff::restore {

// Times are CLOCK_MONOTONIC.
using Time = std::chrono::nanoseconds;

enum class Outcome : std::uint8_t { success, failure, killed, unknown };
inline constexpr std::size_t kOutcomes = 4;

// `status` as wait(2) reports it.
[[nodiscard]] Outcome outcome_of(int status);

enum class Beginning : std::uint8_t { known, unseen };

struct Run {
  Tool tool;
  Time start{};
  Beginning beginning = Beginning::known;
};

struct Ended {
  Tool tool;
  Outcome outcome = Outcome::unknown;
  std::optional<Time> duration = {};  // where beginning and end are known
};

class Tracker {
 public:
  // A process became another program: this tool, or none. Another run of the same process, such as
  // a wrapper's, is given up for it.
  void exec(std::uint32_t pid, Time time, const std::optional<Tool>& tool);
  // The same where nobody has looked which program.
  void exec_unidentified(std::uint32_t pid, Time time);
  // `tool` is what the process was called when it ended, for the
  // runs that were not identified before, or not to their backend.
  std::optional<Ended> exit(std::uint32_t pid, Time time, int status,
                            const std::optional<Tool>& tool);

  // A run whose beginning was not told. It is known nevertheless where the process can have been
  // nothing else before.
  void found(std::uint32_t pid, Time start, Tool tool, Beginning beginning);
  // A run of which the end was missed.
  std::optional<Ended> gone(std::uint32_t pid);
  // One that was not identified, and cannot be any more.
  void forget(std::uint32_t pid) { unidentified_.erase(pid); }

  [[nodiscard]] const std::map<std::uint32_t, Run>& running() const { return running_; }
  [[nodiscard]] const std::unordered_map<std::uint32_t, Time>& unidentified() const {
    return unidentified_;
  }

 private:
  std::map<std::uint32_t, Run> running_;
  std::unordered_map<std::uint32_t, Time> unidentified_;
};

}  // namespace kubecliff::restore
