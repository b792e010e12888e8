#include "collectors/ipvs/estimator.h"

#include <algorithm>
#include <string>
#include <utility>

#include "collectors/kernel/process_stat.h"
#include "collectors/kernel/procfs.h"

namespace kubecliff::ipvs {
namespace {

// Nothing where the process is gone, or its figures cannot be read.
std::optional<std::chrono::nanoseconds> cpu_of(const std::filesystem::path& process) {
  const auto text = read_file(process / "stat");
  if (!text) {
    return std::nullopt;
  }
  const auto stat = decode_process_stat(*text);
  if (!stat) {
    return std::nullopt;
  }
  return stat->cpu;
}

}  // namespace

std::optional<std::uint32_t> count_processors(std::string_view list) {
  while (!list.empty() && list.back() == '\n') {
    list.remove_suffix(1);
  }
  std::uint32_t count = 0;
  while (!list.empty()) {
    const std::string_view range = list.substr(0, list.find(','));
    list.remove_prefix(std::min(range.size() + 1, list.size()));
    const std::size_t dash = range.find('-');
    const auto first = parse_number<std::uint16_t>(range.substr(0, dash));
    const auto last = dash == std::string_view::npos
                          ? first
                          : parse_number<std::uint16_t>(range.substr(dash + 1));
    if (!first || !last || *last < *first) {
      return std::nullopt;
    }
    count += std::uint32_t{*last} - *first + 1;
  }
  return count;
}

std::optional<std::chrono::nanoseconds> EstimatorThreads::cpu(Clock::time_point now) {
  if (!looked_at_ || now - *looked_at_ >= kInterval) {
    looked_at_ = now;
    look();
  }
  return total_;
}

void EstimatorThreads::look() {
  std::map<std::uint32_t, std::chrono::nanoseconds> threads;
  const Result<void> listed =
      visit_processes(procfs_, [&](std::uint32_t pid, std::string_view name) {
        if (!name.starts_with("ipvs-e:")) {
          return;
        }
        const auto used = cpu_of(procfs_ / std::to_string(pid));
        const auto before = threads_.find(pid);
        if (!used) {
          if (before != threads_.end()) {
            threads.insert(*before);  // the next look adds what it has used by then
          }
          return;
        }
        auto since = *used;
        if (before != threads_.end() && before->second <= since) {
          since -= before->second;
        }
        total_ = total_.value_or(std::chrono::nanoseconds{}) + since;
        threads[pid] = *used;
      });
  if (listed) {
    threads_ = std::move(threads);
  }
}

}  // namespace kubecliff::ipvs
