#include "exporter/commands/node_report.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <string_view>
#include <vector>

#include "exporter/report/top.h"

namespace kubecliff {
namespace {

constexpr std::string_view kWithheld =
    "Services and addresses are named to who is known: over the loopback device, as through "
    "kubectl "
    "port-forward, or signed in (--web.config.file).";

constexpr std::chrono::minutes kNamesAreGoodFor{1};
constexpr int kPartsOfAProcessor = 100;

std::chrono::nanoseconds cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

void cut(auto& list, std::size_t most) {
  list.resize(std::min(list.size(), most));
}

// The lists cut to what is asked for.
report::Names cut(report::Names names, std::size_t top) {
  cut(names.services_by_endpoints, top);
  cut(names.services_by_rules, top);
  cut(names.services_by_packets, top);
  cut(names.uneven_services, top);
  cut(names.sources, top);
  cut(names.destinations, top);
  cut(names.short_lived_sources, top);
  cut(names.short_lived_destinations, top);
  cut(names.stale_flows, top);
  return names;
}

}  // namespace

report::NamesOptions names_options(const Settings& settings, std::size_t top) {
  report::NamesOptions options{.procfs = settings.procfs, .top = top};
  const auto flows = settings.collectors.find("conntrack.flows");
  if (flows != settings.collectors.end()) {
    options.most_flows =
        static_cast<std::uint64_t>(flows->second.get<std::int64_t>("conntrack.max-flows"));
  }
  return options;
}

void NodeReport::apply(const Settings& settings) {
  const std::lock_guard lock{mutex_};
  options_ = names_options(settings, report::kMostTop);
}

report::Report NodeReport::report(http::Asker asker, std::size_t top) const {
  report::Report report = alerts_.report(identity_);
  const std::vector<std::string> remarks = runner_.readiness().remarks;
  report.failures.insert(report.failures.begin(), remarks.begin(), remarks.end());
  if (top == 0) {
    return report;
  }
  if (asker == http::Asker::known) {
    report.names = names(top);
  } else {
    report.names_withheld = kWithheld;
  }
  return report;
}

report::Names NodeReport::names(std::size_t top) const {
  const std::lock_guard lock{mutex_};
  if (!names_ || Clock::now() >= read_again_) {
    const auto before = cpu_time();
    names_ = report::read_names(options_);
    read_again_ = Clock::now() + std::max<Clock::duration>(
                                     kNamesAreGoodFor, (cpu_time() - before) * kPartsOfAProcessor);
  }
  return cut(*names_, top);
}

}  // namespace kubecliff
