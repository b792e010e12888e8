#include "exporter/runner/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <system_error>

#include "collectors/kernel/process_stat.h"
#include "collectors/kernel/procfs.h"

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

Result<std::chrono::duration<double>> start_time() {
  const Result<std::string> text = read_file("/proc/self/stat");
  if (!text) {
    return std::unexpected(text.error());
  }
  const std::optional<ProcessStat> stat = decode_process_stat(*text);
  if (!stat) {
    return fail(ErrorKind::malformed, "/proc/self/stat: no start time");
  }
  return since_epoch(stat->start);
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

  const Result<std::string> statm = read_file("/proc/self/statm");
  const auto memory = statm ? decode_process_memory(*statm) : std::nullopt;
  if (!memory) {
    return statm ? fail(ErrorKind::malformed, "/proc/self/statm: no sizes")
                 : std::unexpected(statm.error());
  }

  std::error_code error;
  const std::filesystem::directory_iterator descriptors{"/proc/self/fd", error};
  if (error) {
    return fail_errno(error.value(), "/proc/self/fd");
  }

  return ProcessUsage{
      .cpu = seconds(used.ru_utime) + seconds(used.ru_stime),
      .resident_bytes = memory->resident_bytes,
      .virtual_bytes = memory->virtual_bytes,
      .virtual_bytes_limit = limit_of(RLIMIT_AS),
      // One of them is the iterator's own.
      .open_descriptors = static_cast<std::size_t>(std::distance(descriptors, {})) - 1,
      .descriptor_limit = limit_of(RLIMIT_NOFILE),
      .start_time = *started};
}

}  // namespace kubecliff
