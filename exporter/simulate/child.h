// Runs a program of the node to its end, without a shell, and never past our own.
#pragma once

#include <signal.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff::simulate {

// Reasons to end early: signals, which must be blocked, and a moment. One thread.
class Stop {
 public:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] static Result<Stop> at(const sigset_t& signals, Clock::time_point deadline);

  // Signals are taken in here, and stay asked for.
  [[nodiscard]] bool by_signal() const;
  [[nodiscard]] bool by_time() const { return Clock::now() >= deadline_; }
  [[nodiscard]] bool asked() const { return by_signal() || by_time(); }

  [[nodiscard]] Clock::time_point deadline() const { return deadline_; }
  [[nodiscard]] int signals() const { return signals_.get(); }

 private:
  Stop(UniqueFd signals, Clock::time_point deadline)
      : signals_{std::move(signals)}, deadline_{deadline} {}

  UniqueFd signals_;
  Clock::time_point deadline_;
};

enum class Output : std::uint8_t { discarded, kept };

struct ToolRun {
  int exit_status = 0;  // 128 and the signal's number for one that a signal ended
  std::string out;      // empty where it is discarded
  std::string err;      // its first kilobytes
  std::chrono::nanoseconds wall{};
  std::chrono::nanoseconds cpu{};  // user and system
  std::uint64_t peak_bytes = 0;    // most that was resident
};

struct ToolOptions {
  Output output = Output::discarded;
  int input = -1;              // read from its beginning; -1: nothing
  const Stop* stop = nullptr;  // where it asks, the tool is killed, and the error is a timeout
};

// argv[0] is a path. The tool is in the calling thread's namespaces, has the signals of a fresh
// process, ends when this thread does (PR_SET_PDEATHSIG), and of our environment has PATH alone.
// For the tools of legacy iptables the lock is a file of this process, so that nobody who holds or
// awaits the node's /run/xtables.lock meets them (XTABLES_LOCKFILE). Any
// exit status is a success here.
[[nodiscard]] Result<ToolRun> run_tool(const std::vector<std::string>& argv, ToolOptions options);

// The same, and an exit status other than 0 is an error whose message ends in what the tool said.
[[nodiscard]] Result<ToolRun> run_well(const std::vector<std::string>& argv, ToolOptions options);

}  // namespace kubecliff::simulate
