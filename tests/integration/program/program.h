// Program: the real kubecliff, started by a test and ended with it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/kernel/unique_fd.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {

class Program {
 public:
  // The path of the binary under test.
  [[nodiscard]] static std::string path();

  // Does not wait until it serves. What serves does so under --process.seccomp=kill, so that every
  // test finds calls that the filter has forgotten; under sanitizers, which make calls of their
  // own, it does not.
  [[nodiscard]] static Result<std::unique_ptr<Program>> start(
      const std::vector<std::string>& arguments);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();  // kills what still runs

  // The next line on standard error that holds `part`, which may have come before; lines ahead of
  // it are passed over. Empty where none comes within ten seconds.
  [[nodiscard]] std::string line_with(std::string_view part);
  // The port of the first address, from the line that says what is served; 0 where there is none.
  [[nodiscard]] std::uint16_t port_served();

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  // The exit status, 128 and more for a signal; nothing where it still runs after `limit`.
  [[nodiscard]] std::optional<int> exit_within(std::chrono::milliseconds limit);
  // All that it wrote to standard error and no line_with() has taken; to be called once it has
  // ended.
  [[nodiscard]] std::string rest_of_log();

 private:
  Program(pid_t pid, UniqueFd log) : pid_{pid}, log_{std::move(log)} {}

  // False: nothing more comes by `deadline`.
  [[nodiscard]] bool read_more(std::chrono::steady_clock::time_point deadline);

  pid_t pid_;
  UniqueFd log_;
  std::string pending_;
  bool reaped_ = false;
};

// The binary with these arguments, which ends by itself; within ten seconds, or the test fails.
[[nodiscard]] ToolRun run_program(std::vector<std::string> arguments);

// A TCP connection to 127.0.0.1.
[[nodiscard]] Result<UniqueFd> connect_to(std::uint16_t port);

// Status line, headers and body of a GET over a connection of its own; empty where none is
// answered.
[[nodiscard]] std::string http_get(std::uint16_t port, std::string_view target);

// A port of 127.0.0.1 that was free a moment ago.
[[nodiscard]] std::uint16_t free_port();

}  // namespace kubecliff::test
