// What the kernel tells about processes as they come and go: decoders of its two event streams, and
// the filters that keep out what they need not see.
#pragma once

#include <linux/filter.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "collectors/kernel/bytes.h"
#include "collectors/restore/file_id.h"

namespace kubecliff::restore {

// On the process connector (NETLINK_CONNECTOR, group CN_IDX_PROC).
struct ProcessEvent {
  enum class Kind : std::uint8_t { acknowledged, exec, exit };
  Kind kind = Kind::acknowledged;
  std::uint32_t pid = 0;
  std::chrono::nanoseconds time{};  // CLOCK_MONOTONIC, taken where it happened
  int status = 0;                   // exit: as wait(2) reports it
};

// On a taskstats socket: how a task ended, some microseconds before its exit event.
struct TaskExit {
  std::uint32_t pid = 0;
  std::string_view name;  // comm; at most 15 characters, and points into the message
  int status = 0;
  std::chrono::nanoseconds cpu{};
  std::chrono::nanoseconds age{};  // since it was forked
  FileId executable = {};          // 0 from kernels before 5.17
};

// Nothing for any other message, and for those that end early.
[[nodiscard]] std::optional<ProcessEvent> decode_process_event(Bytes datagram);
[[nodiscard]] std::optional<TaskExit> decode_task_exit(Bytes datagram);

// Let through acknowledgements and exec of processes, but no forks and no threads; and exit of
// every process, or of those given, of which there may be kMostAwaited.
inline constexpr std::size_t kMostAwaited = 64;
enum class Execs : std::uint8_t { told, dropped };
[[nodiscard]] std::vector<sock_filter> every_exit_filter();
[[nodiscard]] std::vector<sock_filter> awaited_exit_filter(std::span<const std::uint32_t> pids,
                                                           Execs execs);
// Lets through answers to commands, and the end of tasks whose name begins as a tool's does.
[[nodiscard]] std::span<const sock_filter> task_exit_filter();

}  // namespace kubecliff::restore
