// The parts of a checklist, each about one subject; run_checks() puts them together.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "exporter/preflight/checks.h"

namespace kubecliff::preflight {

inline void add(Checks& checks, std::string id, Outcome outcome, std::string found,
                std::string advice = {}) {
  checks.push_back({std::move(id), outcome, std::move(found), std::move(advice)});
}

// "1 NodePort", "7 NodePorts".
[[nodiscard]] inline std::string counted(std::uint64_t number, std::string_view one) {
  return std::to_string(number) + " " + std::string{one} + (number == 1 ? "" : "s");
}

// The version of the kernel, of its modules, and of tools outside kube-proxy.
void check_kernel(Target target, const Facts& facts, Checks& checks);

// kube-proxy's version, what it was told, and the tools that it would start.
void check_kube_proxy(Target target, const Facts& facts, Checks& checks);

// What is in use, and means something else after the move.
void check_features(Target target, const Facts& facts, Checks& checks);

// Metrics that end with the move, and those that take their place.
void check_dashboards(Target target, const Facts& facts, Checks& checks);

}  // namespace kubecliff::preflight
