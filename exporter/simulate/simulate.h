// Measures what so many Services cost, on this machine's kernel, in scratch network namespaces.
//
// The rules of the host are not touched, and nothing outlives the process: namespaces, children and
// files have no names. What it shares with the host: processors, memory, the mutex of legacy
// xtables and the hash table of connection tracking (docs/simulate.md).
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"
#include "exporter/simulate/backend.h"
#include "exporter/simulate/child.h"
#include "exporter/simulate/measurement.h"

namespace kubecliff::simulate {

inline constexpr int kMostServices = 44'000;  // that services.h has numbers for
inline constexpr int kMostEndpoints = 1'000;

struct Plan {
  std::vector<int> services;      // ascending, 2 to kMostServices
  int endpoints = 10;             // 1 to kMostEndpoints
  std::vector<Backend> backends;  // empty: all that work here
  LoadModules load_modules = LoadModules::no;
};

struct Progress {
  std::size_t done = 0;  // points
  std::size_t all = 0;
  std::string doing;                                        // "iptables-nft, 500 Services: updates"
  std::optional<std::chrono::seconds> left = std::nullopt;  // about
};

// Takes the main thread into the namespaces and back. `tell` is called from it, often. What cannot
// be measured is in the result, with the reason; an error where nothing can be (denied without
// CAP_SYS_ADMIN and CAP_NET_ADMIN).
[[nodiscard]] Result<Measured> simulate(const Plan& plan, const Stop& stop,
                                        const std::function<void(const Progress&)>& tell);

}  // namespace kubecliff::simulate
