#include "tests/bench/machine.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <initializer_list>

namespace kubecliff::bench {
namespace {

nanoseconds used_by(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  nanoseconds used{};
  for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
    used += std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
  }
  return used;
}

// The first line of /proc/stat: "cpu", then user, nice, system, idle, iowait, irq, softirq, steal.
nanoseconds used_by_all() {
  std::ifstream stat{"/proc/stat"};
  std::string word;
  stat >> word;
  std::array<std::int64_t, 8> ticks{};
  for (std::int64_t& count : ticks) {
    stat >> count;
  }
  const std::int64_t used = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7];
  return used * std::chrono::nanoseconds{std::chrono::seconds{1}} / ::sysconf(_SC_CLK_TCK);
}

nanoseconds used_by_others() {
  return used_by_all() - used_by(RUSAGE_SELF) - used_by(RUSAGE_CHILDREN);
}

}  // namespace

Machine::Machine() : start_{std::chrono::steady_clock::now()}, others_at_start_{used_by_others()} {}

std::string Machine::text() const {
  const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
  const nanoseconds there_was = cpus * (std::chrono::steady_clock::now() - start_);
  const nanoseconds others = std::max(used_by_others() - others_at_start_, nanoseconds{0});
  utsname system{};
  ::uname(&system);
  return std::to_string(cpus) + " CPUs, " + std::string{system.sysname} + " " + system.release +
         "; " + std::to_string(static_cast<int>(100 * ratio(others, there_was))) +
         " % of their time went to other processes";
}

}  // namespace kubecliff::bench
