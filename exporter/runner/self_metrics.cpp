#include "exporter/runner/self_metrics.h"

#include <array>
#include <chrono>

namespace kubecliff {
namespace {

using prometheus::MetricType;

constexpr FamilySpec kBuildInfo{.name = "kubecliff_build_info",
                                .help = "Always 1; what this kubecliff was built from.",
                                .labels = {"version", "revision", "compiler"}};

constexpr FamilySpec kHostNetwork{
    .name = "kubecliff_host_network",
    .help =
        "1 where kubecliff runs in the node's own network namespace, 0 in a pod's, where "
        "counts say nothing about the node."};

// Per collector; as many series each as there are collectors.
constexpr FamilySpec kSuccess{
    .name = "kubecliff_collector_success",
    .help = "1 where the collector's last refresh read all that it reads, 0 until the first has.",
    .labels = {"collector"}};
constexpr FamilySpec kDuration{.name = "kubecliff_collector_duration_seconds",
                               .help = "How long the collector's last refresh took.",
                               .labels = {"collector"}};
constexpr FamilySpec kLastSuccess{
    .name = "kubecliff_collector_last_success_timestamp_seconds",
    .help = "When the collector's last complete refresh ended; what is served is as old as that.",
    .labels = {"collector"}};
constexpr FamilySpec kCpu{.name = "kubecliff_collector_cpu_seconds_total",
                          .type = MetricType::Counter,
                          .help = "CPU time that the collector has used.",
                          .labels = {"collector"}};
constexpr FamilySpec kRefreshes{.name = "kubecliff_collector_refreshes_total",
                                .type = MetricType::Counter,
                                .help = "Refreshes that came back, by how much they had to read.",
                                .labels = {"collector", "kind"},
                                .max_series = 3};
constexpr FamilySpec kErrors{.name = "kubecliff_collector_errors_total",
                             .type = MetricType::Counter,
                             .help =
                                 "Failures of the collector; one that lasts counts again with "
                                 "every refresh that meets it.",
                             .labels = {"collector"}};
constexpr FamilySpec kFailing{
    .name = "kubecliff_collector_failing",
    .help =
        "1 for each reason for which something that the collector reads could not be read the "
        "last time; /-/ready has the words.",
    .labels = {"collector", "reason"},
    .max_series = kErrorKinds.size()};
constexpr std::array kPerCollector{kSuccess,   kDuration, kLastSuccess, kCpu,
                                   kRefreshes, kErrors,   kFailing};

constexpr FamilySpec kProcessCpu{.name = "process_cpu_seconds_total",
                                 .type = MetricType::Counter,
                                 .help = "Total user and system CPU time spent in seconds."};
constexpr FamilySpec kProcessResident{.name = "process_resident_memory_bytes",
                                      .help = "Resident memory size in bytes."};
constexpr FamilySpec kProcessVirtual{.name = "process_virtual_memory_bytes",
                                     .help = "Virtual memory size in bytes."};
constexpr FamilySpec kProcessVirtualMax{
    .name = "process_virtual_memory_max_bytes",
    .help = "Maximum amount of virtual memory available in bytes."};
constexpr FamilySpec kProcessOpenFds{.name = "process_open_fds",
                                     .help = "Number of open file descriptors."};
constexpr FamilySpec kProcessMaxFds{.name = "process_max_fds",
                                    .help = "Maximum number of open file descriptors."};
constexpr FamilySpec kProcessStart{
    .name = "process_start_time_seconds",
    .help = "Start time of the process since unix epoch in seconds."};
constexpr std::array kProcess{kProcessCpu,        kProcessResident, kProcessVirtual,
                              kProcessVirtualMax, kProcessOpenFds,  kProcessMaxFds,
                              kProcessStart};

FamilySpec for_collectors(FamilySpec family, std::size_t collectors) {
  family.max_series *= collectors;
  return family;
}

}  // namespace

std::vector<FamilySpec> self_families(std::size_t collectors) {
  std::vector<FamilySpec> families{kBuildInfo, kHostNetwork};
  for (const FamilySpec& family : kPerCollector) {
    families.push_back(for_collectors(family, collectors));
  }
  families.insert(families.end(), kProcess.begin(), kProcess.end());
  return families;
}

void add_build_info(const BuildInfo& build, Samples& out) {
  out.add(kBuildInfo, {build.version, build.revision, build.compiler}, 1);
}

void add_host_network(bool first_namespace, Samples& out) {
  out.add(kHostNetwork, first_namespace ? 1 : 0);
}

void add_collectors(std::span<const CollectorReport> collectors, Samples& out) {
  const auto add = [&](const FamilySpec& family, std::initializer_list<std::string_view> labels,
                       double value) {
    out.add(for_collectors(family, collectors.size()), labels, value);
  };
  for (const auto& [collector, kinds, report] : collectors) {
    const Health& health = report.health;
    add(kSuccess, {collector}, report.successful ? 1 : 0);
    add(kDuration, {collector}, seconds(health.last_duration()));
    if (const auto last_success = health.last_success()) {
      add(kLastSuccess, {collector}, seconds(last_success->time_since_epoch()));
    }
    add(kCpu, {collector}, seconds(health.cpu()));
    for (const RefreshKind kind : kinds) {
      add(kRefreshes, {collector, name(kind)}, static_cast<double>(health.refreshes(kind)));
    }
    add(kErrors, {collector}, static_cast<double>(health.errors()));
    for (const ErrorKind reason : report.reasons) {
      add(kFailing, {collector, name(reason)}, 1);
    }
  }
}

void add_process(const ProcessUsage& usage, Samples& out) {
  out.add(kProcessCpu, usage.cpu.count());
  out.add(kProcessResident, static_cast<double>(usage.resident_bytes));
  out.add(kProcessVirtual, static_cast<double>(usage.virtual_bytes));
  out.add(kProcessVirtualMax, usage.virtual_bytes_limit);
  out.add(kProcessOpenFds, static_cast<double>(usage.open_descriptors));
  out.add(kProcessMaxFds, usage.descriptor_limit);
  out.add(kProcessStart, usage.start_time.count());
}

}  // namespace kubecliff
