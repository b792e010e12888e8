// Runner: runs the collectors, each on a thread of its own (worker.h), and answers scrapes.
//
// A scrape takes the snapshots that background collectors have published, lets those inside the
// scrape read anew, and goes on without what is not there by the deadline. Scrapes that wait for
// the same collector share one reading that began after they asked.
//
// Threads: apply and stop from one thread; the rest from any, at any time.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/collector.h"
#include "collectors/core/dataplane_signs.h"
#include "collectors/core/new_flows.h"
#include "collectors/core/service_endpoints.h"
#include "exporter/runner/process.h"
#include "exporter/runner/self_metrics.h"
#include "exporter/runner/snapshot.h"
#include "exporter/runner/time_source.h"
#include "exporter/runner/worker.h"

namespace kubecliff {

// What may change while the runner runs.
struct RunnerSettings {
  std::map<std::string, Options, std::less<>> collectors;  // the ones to run
  std::filesystem::path procfs = "/proc";
  double cpu_budget = 0.01;  // share of one core for each background collector
  // Whether this is the node's own network namespace; nothing where nothing tells. Asked by every
  // scrape, from any thread.
  std::function<std::optional<bool>()> host_network = [] { return std::nullopt; };
};

// What the runner finds around it.
struct RunnerEnvironment {
  BuildInfo build;
  TimeSource time = {};
  std::function<Result<ProcessUsage>()> process_usage = read_process_usage;
  std::chrono::milliseconds scrape_deadline{2'000};
};

enum class Ended : std::uint8_t {
  all,      // every thread has ended
  not_all,  // a thread is stuck in a system call: leave by _Exit, for it may still come back
};

class Runner {
 public:
  // After this long a process is ready whatever its collectors do.
  static constexpr std::chrono::seconds kLongestStart{1};

  struct Readiness {
    bool ready = false;
    // A line for each thing worth knowing: what fails and why, what is not read yet.
    std::vector<std::string> remarks;
  };

  // `specs` must outlive the runner.
  Runner(std::span<const CollectorSpec> specs, RunnerEnvironment environment);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner() = default;

  // Starts what is to run now and does not yet, stops what is not to run any more. A collector
  // whose options and procfs stay as they are goes on undisturbed.
  void apply(const RunnerSettings& settings);

  // `collect` names the collectors to serve, each with its dotted children; all where it is empty.
  // The error names a collector that does not exist or does not run: the request's fault.
  [[nodiscard]] Result<std::vector<SnapshotPtr>> scrape(
      std::span<const std::string_view> collect = {}) const;

  // Ready once every collector has been made or could not be: the first readings of big tables take
  // their time, and a node without one table is still worth watching.
  [[nodiscard]] Readiness readiness() const;

  // Scrapes that wait for a collector go on without it.
  void request_stop();
  // After request_stop(): waits for the threads until `deadline`.
  [[nodiscard]] Ended stop(Clock::time_point deadline);

 private:
  using WorkerPtr = std::shared_ptr<Worker>;

  [[nodiscard]] Result<std::vector<WorkerPtr>> selected(
      std::span<const std::string_view> collect) const;
  [[nodiscard]] std::vector<WorkerPtr> workers() const;
  [[nodiscard]] std::optional<bool> host_network() const;

  const std::span<const CollectorSpec> specs_;
  const RunnerEnvironment environment_;
  const Clock::time_point started_;
  const std::shared_ptr<NewFlows> new_flows_ = std::make_shared<NewFlows>();
  const std::shared_ptr<DataplaneSigns> dataplane_signs_ = std::make_shared<DataplaneSigns>();
  const std::shared_ptr<ServiceEndpoints> service_endpoints_ = std::make_shared<ServiceEndpoints>();

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::vector<WorkerPtr> workers_;  // in the order of specs_
  std::function<std::optional<bool>()> asks_host_network_ = RunnerSettings{}.host_network;

  bool left_behind_ = false;  // a thread of an earlier configuration is stuck
};

}  // namespace kubecliff
