// /proc/PID/stat and /proc/PID/statm (proc(5)): what a process has used, and since when it runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

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

// The wall clock's time, since the epoch, of a moment so long after boot. As that clock stands now:
// asked again after it was set, the answer differs.
[[nodiscard]] std::chrono::duration<double> since_epoch(std::chrono::nanoseconds since_boot);

}  // namespace kubecliff
