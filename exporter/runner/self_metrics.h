// The metrics that kubecliff serves about itself.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/family.h"
#include "collectors/core/samples.h"
#include "exporter/runner/process.h"
#include "exporter/runner/worker.h"

namespace kubecliff {

struct BuildInfo {
  std::string version;
  std::string revision;
  std::string compiler;
};

struct CollectorReport {
  std::string name;
  std::span<const RefreshKind> kinds;  // that its refreshes can be
  Worker::Report report;
};

// Every family below, where that many collectors run.
[[nodiscard]] std::vector<FamilySpec> self_families(std::size_t collectors);

void add_build_info(const BuildInfo& build, Samples& out);
void add_host_network(bool first_namespace, Samples& out);
void add_collectors(std::span<const CollectorReport> collectors, Samples& out);
void add_process(const ProcessUsage& usage, Samples& out);

}  // namespace kubecliff
