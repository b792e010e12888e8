#include "exporter/runner/runner.h"

#include <algorithm>
#include <utility>

#include "exporter/logging/log.h"

namespace kubecliff {
namespace {

// How long a new configuration waits for the collectors that it ends.
constexpr std::chrono::milliseconds kPatience{500};

// `collect[]=conntrack` takes `conntrack` and `conntrack.flows`.
bool takes(std::string_view wanted, std::string_view collector) {
  return collector == wanted ||
         (collector.starts_with(wanted) && collector.substr(wanted.size()).starts_with('.'));
}

bool all_stopped_by(std::span<const std::shared_ptr<Worker>> workers, Clock::time_point deadline) {
  bool all = true;
  for (const auto& worker : workers) {
    worker->request_stop();
  }
  for (const auto& worker : workers) {
    if (!worker->stopped_by(deadline)) {
      log_warn("collector does not come back from a system call and is left behind",
               {{"collector", std::string{worker->name()}}});
      all = false;
    }
  }
  return all;
}

}  // namespace

Runner::Runner(std::span<const CollectorSpec> specs, RunnerEnvironment environment)
    : specs_{specs}, environment_{std::move(environment)}, started_{environment_.time.now()} {}

void Runner::apply(const RunnerSettings& settings) {
  std::vector<WorkerPtr> before = workers();
  std::vector<WorkerPtr> after;
  for (const CollectorSpec& spec : specs_) {
    const auto wanted = settings.collectors.find(spec.name);
    if (wanted == settings.collectors.end()) {
      continue;
    }
    const CollectorContext context{wanted->second, settings.procfs, new_flows_, dataplane_signs_,
                                   service_endpoints_};
    const auto running = std::ranges::find_if(before, [&](const WorkerPtr& worker) {
      return worker->name() == spec.name && worker->context().options == context.options &&
             worker->context().procfs == context.procfs;
    });
    if (running != before.end()) {
      (*running)->set_cpu_budget(settings.cpu_budget);
      after.push_back(std::move(*running));
      before.erase(running);
    } else {
      after.push_back(
          std::make_shared<Worker>(spec, context, settings.cpu_budget, environment_.time));
    }
  }
  {
    const std::lock_guard lock{mutex_};
    workers_ = std::move(after);
    asks_host_network_ = settings.host_network;
  }
  left_behind_ |= !all_stopped_by(before, Clock::now() + kPatience);
}

std::vector<Runner::WorkerPtr> Runner::workers() const {
  const std::lock_guard lock{mutex_};
  return workers_;
}

std::optional<bool> Runner::host_network() const {
  std::unique_lock lock{mutex_};
  const auto ask = asks_host_network_;
  lock.unlock();
  return ask();
}

Result<std::vector<Runner::WorkerPtr>> Runner::selected(
    std::span<const std::string_view> collect) const {
  std::vector<WorkerPtr> all = workers();
  if (collect.empty()) {
    return all;
  }
  for (const std::string_view wanted : collect) {
    const auto named = [wanted](std::string_view name) { return takes(wanted, name); };
    if (std::ranges::none_of(specs_, named, &CollectorSpec::name)) {
      return fail(ErrorKind::malformed, "unknown collector: " + std::string{wanted});
    }
    if (std::ranges::none_of(all, named, &Worker::name)) {
      return fail(ErrorKind::malformed, "collector is off: " + std::string{wanted});
    }
  }
  std::erase_if(all, [collect](const WorkerPtr& worker) {
    return std::ranges::none_of(
        collect, [&worker](std::string_view wanted) { return takes(wanted, worker->name()); });
  });
  return all;
}

Result<std::vector<SnapshotPtr>> Runner::scrape(std::span<const std::string_view> collect) const {
  const auto workers = selected(collect);
  if (!workers) {
    return std::unexpected(workers.error());
  }

  // All are asked before the first is waited for, so that they read at the same time.
  const Clock::time_point deadline = Clock::now() + environment_.scrape_deadline;
  std::vector<std::optional<Worker::Ticket>> tickets;
  for (const WorkerPtr& worker : *workers) {
    tickets.push_back(worker->schedule() == Schedule::in_scrape ? worker->ask() : std::nullopt);
  }

  // Meanwhile, what needs no collector.
  Samples self;
  add_build_info(environment_.build, self);
  if (const auto usage = environment_.process_usage()) {
    add_process(*usage, self);
  }
  if (const auto first_namespace = host_network()) {
    add_host_network(*first_namespace, self);
  }

  std::vector<SnapshotPtr> snapshots;
  std::vector<CollectorReport> reports;
  for (std::size_t index = 0; index < workers->size(); ++index) {
    Worker& worker = *(*workers)[index];
    const std::optional<Worker::Ticket>& ticket = tickets[index];
    const bool fresh = ticket && worker.wait(*ticket, deadline);
    const CollectorReport& report =
        reports.emplace_back(std::string{worker.name()}, worker.kinds(), worker.report());
    if (report.report.snapshot != nullptr && (fresh || worker.schedule() != Schedule::in_scrape)) {
      snapshots.push_back(report.report.snapshot);
    }
  }

  add_collectors(reports, self);
  snapshots.push_back(std::make_shared<const Snapshot>(self.take()));
  return snapshots;
}

Runner::Readiness Runner::readiness() const {
  Readiness readiness{.ready = true, .remarks = {}};
  for (const WorkerPtr& worker : workers()) {
    const Worker::Report report = worker->report();
    const std::string line = "collector " + std::string{worker->name()} + ": ";
    if (!report.failure.empty()) {
      readiness.remarks.push_back(line + report.failure);
    } else if (!report.started) {
      readiness.remarks.push_back(line + "starting");
    } else if (worker->schedule() != Schedule::in_scrape && !report.successful) {
      readiness.remarks.push_back(line + "first reading under way");
    }
    readiness.ready = readiness.ready && report.started;
  }
  readiness.ready = readiness.ready || environment_.time.now() - started_ > kLongestStart;

  if (host_network() == false) {
    readiness.remarks.emplace_back(
        "not in the node's network namespace: what is counted is this pod's (hostNetwork: true)");
  }
  return readiness;
}

void Runner::request_stop() {
  for (const WorkerPtr& worker : workers()) {
    worker->request_stop();
  }
}

Ended Runner::stop(Clock::time_point deadline) {
  const std::vector<WorkerPtr> all = workers();
  left_behind_ |= !all_stopped_by(all, deadline);
  return left_behind_ ? Ended::not_all : Ended::all;
}

}  // namespace kubecliff
