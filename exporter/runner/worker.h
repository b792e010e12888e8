// Worker: one collector on a thread of its own.
//
// The thread makes the collector (again every kRetryMake where that fails) and refreshes it: in the
// background as its interval and its CPU budget allow, inside the scrape whenever a scrape asks.
// One that has events is called for them as they come. It contains exceptions, logs when the
// collector begins to fail and when it recovers, and keeps Health.
//
// Any thread may call anything. The state is shared with the thread, so that a thread which is
// stuck in a system call can be left behind: it touches nothing else, and ends when the call
// returns.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "collectors/core/collector.h"
#include "exporter/runner/health.h"
#include "exporter/runner/snapshot.h"
#include "exporter/runner/time_source.h"

namespace kubecliff {

inline constexpr std::chrono::seconds kRetryMake{30};

class Worker {
 public:
  // Which reading a scrape waits for: one that began after it asked.
  using Ticket = std::uint64_t;

  // What a scrape serves and says of this collector, all of one moment.
  struct Report {
    SnapshotPtr snapshot;  // may be null
    Health health;
    bool successful = false;
    std::string failure;
    std::vector<ErrorKind> reasons;  // of that failure
    bool started = false;            // the collector was made, or could not be
  };

  // `spec` is copied.
  Worker(const CollectorSpec& spec, CollectorContext context, double cpu_budget, TimeSource time);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  // Asks the thread to stop and does not wait for it.
  ~Worker();

  [[nodiscard]] std::string_view name() const;
  [[nodiscard]] Schedule schedule() const;
  [[nodiscard]] std::span<const RefreshKind> kinds() const;
  [[nodiscard]] const CollectorContext& context() const;
  void set_cpu_budget(double share);

  // In-scrape collectors. Nothing to wait for where the collector could not be made, or has let an
  // earlier scrape wait in vain and not answered since.
  [[nodiscard]] std::optional<Ticket> ask();
  // False where `deadline` passed first: then the collector counts as failed until it answers.
  [[nodiscard]] bool wait(Ticket ticket, Clock::time_point deadline);

  [[nodiscard]] Report report() const;

  // Whoever waits for a reading goes on without it.
  void request_stop();
  // After request_stop(): false where the thread was still busy at `deadline` and is left behind.
  [[nodiscard]] bool stopped_by(Clock::time_point deadline);

 private:
  struct State;
  class Loop;

  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace kubecliff
