#include "exporter/runner/process.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <system_error>

namespace kubecliff {
namespace {

std::chrono::duration<double> seconds(const timeval& time) {
  return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
}

double limit_of(__rlimit_resource resource) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<double>::infinity();
  }
  return static_cast<double>(limit.rlim_cur);
}

// Fields 22 and after of /proc/PID/stat (proc(5)); the name in field 2 may hold spaces and
// brackets.
Result<std::chrono::duration<double>> start_time() {
  std::ifstream file{"/proc/self/stat"};
  const std::string text{std::istreambuf_iterator{file}, {}};
  const std::size_t end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos) {
    return fail(ErrorKind::unavailable, "/proc/self/stat: not readable");
  }
  std::istringstream fields{text.substr(end_of_name + 1)};
  constexpr int kFieldsBefore = 19;  // 3 to 21
  std::string skipped;
  for (int field = 0; field < kFieldsBefore; ++field) {
    fields >> skipped;
  }
  double ticks_after_boot = 0;
  if (!(fields >> ticks_after_boot)) {
    return fail(ErrorKind::malformed, "/proc/self/stat: no start time");
  }

  timespec wall{};
  timespec since_boot{};
  clock_gettime(CLOCK_REALTIME, &wall);
  clock_gettime(CLOCK_BOOTTIME, &since_boot);
  const double boot = static_cast<double>(wall.tv_sec - since_boot.tv_sec) +
                      static_cast<double>(wall.tv_nsec - since_boot.tv_nsec) / 1e9;
  return std::chrono::duration<double>{boot + ticks_after_boot /
                                                  static_cast<double>(sysconf(_SC_CLK_TCK))};
}

}  // namespace

Result<ProcessUsage> read_process_usage() {
  // Read once: a clock that is set later does not move the start.
  static const Result<std::chrono::duration<double>> started = start_time();
  if (!started) {
    return std::unexpected(started.error());
  }

  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) != 0) {
    return fail_errno(errno, "getrusage");
  }

  std::ifstream memory{"/proc/self/statm"};
  std::uint64_t virtual_pages = 0;
  std::uint64_t resident_pages = 0;
  if (!(memory >> virtual_pages >> resident_pages)) {
    return fail(ErrorKind::unavailable, "/proc/self/statm: not readable");
  }

  std::error_code error;
  const std::filesystem::directory_iterator descriptors{"/proc/self/fd", error};
  if (error) {
    return fail_errno(error.value(), "/proc/self/fd");
  }

  const auto page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return ProcessUsage{
      .cpu = seconds(used.ru_utime) + seconds(used.ru_stime),
      .resident_bytes = resident_pages * page_bytes,
      .virtual_bytes = virtual_pages * page_bytes,
      .virtual_bytes_limit = limit_of(RLIMIT_AS),
      // One of them is the iterator's own.
      .open_descriptors = static_cast<std::size_t>(std::distance(descriptors, {})) - 1,
      .descriptor_limit = limit_of(RLIMIT_NOFILE),
      .start_time = *started};
}

}  // namespace kubecliff
