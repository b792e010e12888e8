#include "collectors/kernel/process_stat.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <system_error>

#include "collectors/kernel/procfs.h"

namespace kubecliff {
namespace {

// Fields as proc(5) numbers them, from the one after the name.
constexpr std::size_t kFirst = 3;
constexpr std::size_t kUser = 14;
constexpr std::size_t kSystem = 15;
constexpr std::size_t kChildrenUser = 16;
constexpr std::size_t kChildrenSystem = 17;
constexpr std::size_t kStart = 22;

// Up to the next space, which goes with it.
std::string_view take_field(std::string_view& text) {
  const std::string_view field = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(field.size() + 1, text.size()));
  return field;
}

std::optional<std::chrono::nanoseconds> from_ticks(std::int64_t ticks) {
  static const std::int64_t per_second = ::sysconf(_SC_CLK_TCK);
  // More than a process can have used since any machine was started.
  constexpr std::int64_t kMostSeconds = std::int64_t{1} << 32U;
  if (per_second <= 0 || ticks < 0 || ticks / per_second > kMostSeconds) {
    return std::nullopt;
  }
  return std::chrono::nanoseconds{ticks * (std::nano::den / per_second)};
}

}  // namespace

std::optional<ProcessStat> decode_process_stat(std::string_view text) {
  // The name may hold anything, brackets and spaces too.
  const std::size_t name = text.find('(');
  const std::size_t end_of_name = text.rfind(") ");
  if (name == std::string_view::npos || end_of_name == std::string_view::npos ||
      end_of_name < name || text.size() == end_of_name + 2) {
    return std::nullopt;
  }
  std::string_view rest = text.substr(end_of_name + 2);

  std::array<std::int64_t, kStart + 1> fields{};
  for (std::size_t field = kFirst; field <= kStart; ++field) {
    const auto value = parse_number<std::int64_t>(take_field(rest));
    if (!value && field >= kUser) {  // among those before it is a letter
      return std::nullopt;
    }
    fields[field] = value.value_or(0);
  }

  const auto user = from_ticks(fields[kUser]);
  const auto system = from_ticks(fields[kSystem]);
  const auto children_user = from_ticks(fields[kChildrenUser]);
  const auto children_system = from_ticks(fields[kChildrenSystem]);
  const auto start = from_ticks(fields[kStart]);
  // With nothing after it, the last field may be cut.
  if (rest.empty() || !user || !system || !children_user || !children_system || !start) {
    return std::nullopt;
  }
  return ProcessStat{.name = text.substr(name + 1, end_of_name - name - 1),
                     .state = text[end_of_name + 2],
                     .cpu = *user + *system,
                     .children_cpu = *children_user + *children_system,
                     .start = *start};
}

std::optional<ProcessMemory> decode_process_memory(std::string_view text) {
  static const auto page = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PAGESIZE), 1L));
  const auto virtual_pages = parse_number<std::uint64_t>(take_field(text));
  const auto resident_pages = parse_number<std::uint64_t>(take_field(text));
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max() / page;
  if (!virtual_pages || !resident_pages || *virtual_pages > most || *resident_pages > most) {
    return std::nullopt;
  }
  return ProcessMemory{.virtual_bytes = *virtual_pages * page,
                       .resident_bytes = *resident_pages * page};
}

Result<void> visit_processes(
    const std::filesystem::path& procfs,
    const std::function<void(std::uint32_t pid, std::string_view name)>& visit) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry{procfs, error}, end; !error && entry != end;
       entry.increment(error)) {
    const auto pid = parse_number<std::uint32_t>(entry->path().filename().native());
    const Result<std::string> name = pid ? read_file(entry->path() / "comm") : std::string{};
    if (pid && name) {
      visit(*pid, std::string_view{*name}.substr(0, name->find('\n')));
    }
  }
  return error ? fail_errno(error.value(), "list processes in " + procfs.native()) : Result<void>{};
}

std::chrono::nanoseconds read_clock(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

std::chrono::duration<double> since_epoch(std::chrono::nanoseconds since_boot) {
  return read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME) + since_boot;
}

}  // namespace kubecliff
