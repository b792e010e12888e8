// /proc/PID (proc(5)): which processes there are, what each has used, and since when it runs.
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "collectors/core/result.h"

namespace kubecliff {

// The kernel counts these times in ticks of a hundredth of a second.
struct ProcessStat {
  std::string_view name;                    // the first 15 bytes of it; good as long as the text
  char state = '?';                         // R, S, D, …; Z and X are over
  std::chrono::nanoseconds cpu{};           // user and system, all threads
  std::chrono::nanoseconds children_cpu{};  // of children that ended and were waited for
  std::chrono::nanoseconds start{};         // since boot, time asleep included (CLOCK_BOOTTIME)
};

// Nothing where the text is not of that form.
[[nodiscard]] std::optional<ProcessStat> decode_process_stat(std::string_view text);

// The kernel adds up the exact number for statm, from 6.16 on; the one in stat can be off by
// hundreds of pages on each processor.
struct ProcessMemory {
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_bytes = 0;
};

[[nodiscard]] std::optional<ProcessMemory> decode_process_memory(std::string_view text);

// Calls `visit` for every process, with what /proc/PID/comm says: the first 15 bytes of its name.
// That never waits for the process, as asking for its command line does while it changes its
// memory.
[[nodiscard]] Result<void> visit_processes(
    const std::filesystem::path& procfs,
    const std::function<void(std::uint32_t pid, std::string_view name)>& visit);

[[nodiscard]] std::chrono::nanoseconds read_clock(clockid_t clock);

// The wall clock's time, since the epoch, of a moment so long after boot. As that clock stands now:
// asked again after it was set, the answer differs.
[[nodiscard]] std::chrono::duration<double> since_epoch(std::chrono::nanoseconds since_boot);

}  // namespace kubecliff
