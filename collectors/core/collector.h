// Collector: one subject read from the kernel, and CollectorSpec: its static face.
//
// A folder `collectors/<name>/` exposes its spec by one function; `collectors/collectors.cpp` is
// the one list of them. Each collector runs on a thread of its own (exporter/runner): its code
// needs no locks, may block, and a stuck one hurts nobody. The runner times it, contains its
// exceptions, keeps its health, publishes its samples and marks their age.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "collectors/core/dataplane_signs.h"
#include "collectors/core/family.h"
#include "collectors/core/new_flows.h"
#include "collectors/core/options.h"
#include "collectors/core/result.h"
#include "collectors/core/samples.h"
#include "collectors/core/service_endpoints.h"

namespace kubecliff {

// Time is handed in, so that tests never sleep.
using Clock = std::chrono::steady_clock;

// How much of the kernel's state a refresh had to read.
enum class RefreshKind : std::uint8_t { unchanged, incremental, full };

inline constexpr std::array kRefreshKinds{RefreshKind::unchanged, RefreshKind::incremental,
                                          RefreshKind::full};

// The value of the label `kind` in kubecliff_collector_refreshes_total.
constexpr std::string_view name(RefreshKind kind) {
  constexpr std::array<std::string_view, 3> kNames{"unchanged", "incremental", "full"};
  return kNames[static_cast<std::size_t>(kind)];
}

class Collector {
 public:
  Collector() = default;
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;
  virtual ~Collector() = default;

  // Reads what this collector reads and adds all of its samples to `out`. A refresh that found
  // nothing changed returns `unchanged` and adds nothing: what was served goes on being served.
  // An error keeps what was served too, and its age shows; samples of a failed refresh are not
  // used. Always called from the same thread, never from two at once.
  [[nodiscard]] virtual Result<RefreshKind> refresh(Clock::time_point now, Samples& out) = 0;

  // Schedule::events only: what becomes readable when something happened that cannot wait for the
  // next refresh, and what is then called, from the thread that refreshes. It takes in what
  // happened, so that the descriptor is not readable any more; what it means is for refresh() to
  // say.
  [[nodiscard]] virtual int events() const { return -1; }
  virtual void on_events() {}
};

enum class Schedule : std::uint8_t {
  in_scrape,   // costs microseconds: refreshed for every scrape, which waits for it
  background,  // refreshed at `interval`, less often where its CPU budget asks for it
  events,      // as background, and called as soon as something happens
};

enum class Default : std::uint8_t { off, on };

// What every collector is given. What collectors tell each other is shared by all of a node.
struct CollectorContext {
  Options options;
  std::filesystem::path procfs = "/proc";
  // Of all collectors of a node.
  std::shared_ptr<NewFlows> new_flows = std::make_shared<NewFlows>();
  std::shared_ptr<DataplaneSigns> dataplane_signs = std::make_shared<DataplaneSigns>();
  std::shared_ptr<ServiceEndpoints> service_endpoints = std::make_shared<ServiceEndpoints>();
};

struct CollectorSpec {
  // The flag is `--collector.<name>`. A name with a dot belongs to the collector before the dot: it
  // runs only where that one does, and `collect[]` takes both by the name before the dot.
  std::string_view name;
  std::string_view summary;  // one line for --help
  Default enabled = Default::on;
  Schedule schedule = Schedule::background;
  Duration interval{1'000};  // not in_scrape: between two refreshes that cost next to nothing
  // Those that its refreshes can be; another one is a bug, and counts as a failure.
  std::vector<RefreshKind> kinds{kRefreshKinds.begin(), kRefreshKinds.end()};
  std::vector<FamilySpec> families;
  std::vector<OptionSpec> options;
  // CAP_* of linux/capability.h that its refreshes use. What none of the collectors that are on
  // uses is given up at the start (exporter/sandbox).
  std::vector<int> capabilities = {};
  // A collector that cannot work here at all (no privilege, no kernel support for the interface it
  // lives on) returns the reason instead; the runner says it and tries again later.
  std::function<Result<std::unique_ptr<Collector>>(const CollectorContext&)> make;
};

}  // namespace kubecliff
