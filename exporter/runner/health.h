// Health: what is known of one collector: its last good snapshot, whether it fails and why, and its
// totals. The rules of what may be served, and of when the next refresh is due, without a thread or
// a clock: time is handed in.
//
//  - A refresh that succeeds, or misses a part, replaces the snapshot; `unchanged` confirms it.
//  - A failing background collector serves its last snapshot until that is kWithdrawAfter old. A
//    refresh that hangs counts as failing after the same time.
//  - A collector inside the scrape serves what this scrape read, or nothing.
//
// Not thread-safe: the worker guards it.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "collectors/core/collector.h"
#include "exporter/runner/snapshot.h"
#include "exporter/runner/time_source.h"

namespace kubecliff {

inline constexpr std::chrono::minutes kWithdrawAfter{5};

// One refresh, as the worker timed it.
struct Refresh {
  Result<RefreshKind> result = RefreshKind::full;
  Samples samples;
  Clock::time_point started;
  Clock::time_point ended;
  WallClock::time_point wall_ended;
  std::chrono::nanoseconds cpu{0};
};

// Worth a line in the log: the collector began to fail, fails for another reason, or recovered.
struct Notice {
  enum class Kind : std::uint8_t { failing, recovered };

  Kind kind = Kind::failing;
  std::string why;  // empty where it recovered
};

class Health {
 public:
  explicit Health(Schedule schedule) : schedule_{schedule} {}

  void refresh_began(Clock::time_point now) { running_since_ = now; }
  [[nodiscard]] std::optional<Notice> refresh_ended(Refresh refresh);
  // The collector could not be made, or did not answer a scrape in time.
  [[nodiscard]] std::optional<Notice> failed(const Error& error);
  void spent(std::chrono::nanoseconds cpu) { cpu_ += cpu; }

  // Null where there is nothing to serve.
  [[nodiscard]] SnapshotPtr snapshot(Clock::time_point now) const;
  // False until the first refresh has succeeded.
  [[nodiscard]] bool successful(Clock::time_point now) const;
  // Why it is not, in words; empty while all is well or nothing is known yet.
  [[nodiscard]] std::string failure(Clock::time_point now) const;

  [[nodiscard]] std::optional<WallClock::time_point> last_success() const { return last_success_; }
  [[nodiscard]] Clock::duration last_duration() const { return last_duration_; }
  [[nodiscard]] std::chrono::nanoseconds cpu() const { return cpu_; }
  [[nodiscard]] std::uint64_t refreshes(RefreshKind kind) const {
    return refreshes_[static_cast<std::size_t>(kind)];
  }
  [[nodiscard]] std::uint64_t errors() const { return errors_; }
  // Whether it fails for that reason; a failure can have several.
  [[nodiscard]] bool failing(ErrorKind reason, Clock::time_point now) const;

 private:
  [[nodiscard]] bool hangs(Clock::time_point now) const;
  [[nodiscard]] std::optional<Notice> fails_with(std::span<const Error> errors);

  Schedule schedule_;
  SnapshotPtr snapshot_;
  Clock::time_point confirmed_;  // when the snapshot was last known to be right
  std::optional<Clock::time_point> running_since_;
  bool tried_ = false;
  std::string failure_;  // empty: the last refresh succeeded
  std::array<bool, kErrorKinds.size()> failing_{};
  std::optional<WallClock::time_point> last_success_;
  Clock::duration last_duration_{0};
  std::chrono::nanoseconds cpu_{0};
  std::array<std::uint64_t, 3> refreshes_{};
  std::uint64_t errors_ = 0;
};

// When a background collector's next refresh is due: `interval` after the last one began, and so
// late that the CPU time it used stays within `cpu_budget` of one core.
[[nodiscard]] Clock::time_point next_refresh(Clock::time_point started, Clock::time_point ended,
                                             std::chrono::nanoseconds cpu, Clock::duration interval,
                                             double cpu_budget);

}  // namespace kubecliff
