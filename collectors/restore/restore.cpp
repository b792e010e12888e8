#include "collectors/restore/restore.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <prometheus/histogram.h>

#include "collectors/kernel/procfs.h"
#include "collectors/kernel/unique_fd.h"
#include "collectors/restore/event_sources.h"
#include "collectors/restore/process_table.h"
#include "collectors/restore/token_bucket.h"
#include "collectors/restore/tool.h"
#include "collectors/restore/tracker.h"
#include "collectors/restore/xtables_lock.h"

namespace kubecliff::restore {
namespace {

using prometheus::MetricType;
using namespace std::chrono_literals;

// A single call takes 2 ms; kube-proxy's own histogram ends at 16 s; restores of 13 minutes are on
// record.
constexpr std::array kDurationBounds{0.1, 0.5, 2.0, 10.0, 60.0, 300.0};
// Waits are sampled every kLockPeriod.
constexpr std::array kWaitBounds{0.1, 1.0, 5.0, 30.0};

// Commands with each of their backends, unknown among them.
constexpr std::size_t kTools = 17;

// More files of programs than any node has; images are replaced, and inodes with them.
constexpr std::size_t kMostExecutables = 4'096;

constexpr FamilySpec kDuration{
    .name = "kubecliff_restore_duration_seconds",
    .type = MetricType::Histogram,
    .help =
        "How long runs of iptables-restore and its kin took, from exec (in a crowd: fork) to exit "
        "in the kernel's own time, whoever ran them. While a legacy one holds the xtables lock, no "
        "other changes rules.",
    .labels = {"command", "backend"},
    .max_series = kTools,
    .bounds = kDurationBounds};
constexpr FamilySpec kRuns{
    .name = "kubecliff_restore_runs_total",
    .type = MetricType::Counter,
    .help =
        "Runs that ended, by result: success, failure (exit status not 0), killed (by a signal), "
        "unknown (its end was missed).",
    .labels = {"command", "backend", "result"},
    .max_series = kTools * kOutcomes};
constexpr FamilySpec kCpu{
    .name = "kubecliff_restore_cpu_seconds_total",
    .type = MetricType::Counter,
    .help =
        "CPU time of the runs that ended, user and system. Not there where the kernel has no "
        "taskstats.",
    .labels = {"command", "backend"},
    .max_series = kTools};
constexpr FamilySpec kLast{.name = "kubecliff_restore_last_duration_seconds",
                           .help = "How long the run that ended last took.",
                           .labels = {"command", "backend"},
                           .max_series = kTools};
constexpr FamilySpec kRunning{.name = "kubecliff_restore_running",
                              .help = "Runs under way; see also kubecliff_restore_crowd.",
                              .labels = {"command", "backend"},
                              .max_series = kTools};
constexpr FamilySpec kRunningSeconds{
    .name = "kubecliff_restore_running_seconds",
    .help = "For how long the oldest run under way has been running; 0 where there is none.",
    .labels = {"command", "backend"},
    .max_series = kTools};
constexpr FamilySpec kOverruns{
    .name = "kubecliff_restore_event_overruns_total",
    .type = MetricType::Counter,
    .help =
        "How often the kernel had more process events than room for them: runs may be missing from "
        "the figures, or counted as unknown."};
constexpr FamilySpec kCrowd{
    .name = "kubecliff_restore_crowd",
    .help =
        "1 while more than 500 processes are started in a second. Runs are then counted when they "
        "end, with a duration that begins with their fork, and those under way show up to 10 s "
        "late."};
constexpr FamilySpec kLockHeld{
    .name = "kubecliff_xtables_lock_held",
    .help =
        "1 while a process holds the lock that iptables-legacy takes for every change. Seen from "
        "/proc/locks; never taken."};
constexpr FamilySpec kLockWaiters{.name = "kubecliff_xtables_lock_waiters",
                                  .help = "Processes that wait for the xtables lock."};
constexpr FamilySpec kLockWait{
    .name = "kubecliff_xtables_lock_wait_seconds",
    .type = MetricType::Histogram,
    .help =
        "How long processes waited for the xtables lock, as far as looks every 50 ms while a tool "
        "runs can tell. iptables before 1.8.8 with a time limit asks again and again instead, and "
        "is not seen waiting.",
    .bounds = kWaitBounds};

constexpr std::string_view kLockFile = "restore.lock-file";

// How often in a second a process is looked up, and the thread woken up. A process costs 15 us to
// look up: beyond this many, what it was is told by its name when it ends.
constexpr double kLooksPerSecond = 100;
constexpr double kWakesPerSecond = 20;
// How long events are let gather where they come more often.
constexpr std::chrono::milliseconds kGather{100};

// Where more processes than this are started in a second, the kernel is told to say nothing of them
// for a while: each event costs a microsecond, and none of them is looked up. Runs of tools are
// then known from their task statistics when they end, and from a look through /proc when the while
// is over.
constexpr double kCrowdPerSecond = 500;
constexpr std::chrono::seconds kCrowdFor{10};
// A process is forked before it becomes a program, by about this much.
constexpr std::chrono::milliseconds kForkToExec{10};

// How much later than its task statistics a process's exit event may come: they are microseconds
// apart, and come by two sockets. After this long there is none.
constexpr std::chrono::milliseconds kExitAfterStatistics{20};

constexpr std::chrono::milliseconds kLockPeriod{50};

// All runs of one tool.
struct Total {
  prometheus::Histogram durations{{kDurationBounds.begin(), kDurationBounds.end()}};
  std::array<std::uint64_t, kOutcomes> outcomes{};
  Time cpu{};
  std::optional<Time> last;
};

constexpr std::array<std::string_view, kOutcomes> kOutcomeNames{"success", "failure", "killed",
                                                                "unknown"};

Time now() {
  return Clock::now().time_since_epoch();
}

class RestoreCollector final : public Collector {
 public:
  static Result<std::unique_ptr<Collector>> make(const CollectorContext& context) {
    Result<ProcessConnector> connector = ProcessConnector::open();
    if (!connector) {
      return std::unexpected(connector.error());
    }
    // Without it CPU time is not told, and what could not be looked up in time stays unknown.
    Result<TaskStats> task_stats = TaskStats::open();
    UniqueFd timer{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
    UniqueFd events{::epoll_create1(EPOLL_CLOEXEC)};
    if (!timer.valid() || !events.valid()) {
      return fail_errno(errno, "make a timer and an epoll instance");
    }
    std::vector<int> sources{connector->descriptor(), timer.get()};
    if (task_stats) {
      sources.push_back(task_stats->descriptor());
    }
    for (const int source : sources) {
      epoll_event interest{.events = EPOLLIN, .data = {}};
      if (::epoll_ctl(events.get(), EPOLL_CTL_ADD, source, &interest) != 0) {
        return fail_errno(errno, "wait for process events");
      }
    }
    auto collector = std::unique_ptr<RestoreCollector>{
        new RestoreCollector{context, std::move(*connector),
                             task_stats ? std::optional{std::move(*task_stats)} : std::nullopt,
                             std::move(timer), std::move(events)}};
    if (const Result<void> found = collector->find_running(); !found) {
      return std::unexpected(found.error());
    }
    return collector;
  }

  [[nodiscard]] int events() const override { return events_.get(); }

  void on_events() override {
    std::uint64_t expirations = 0;
    const bool by_timer =
        ::read(timer_.get(), &expirations, sizeof(expirations)) == sizeof(expirations);
    if (!by_timer && !wakes_.take(now())) {
      std::this_thread::sleep_for(kGather);
    }
    take_in_events();
    if (by_timer) {
      sample_lock();
    }
    arm_timer();
  }

  Result<RefreshKind> refresh(Clock::time_point /*now*/, Samples& out) override {
    take_in_events();
    leave_crowd();
    identify_late();
    sample_lock();
    arm_timer();
    if (failure_) {
      return std::unexpected(*std::exchange(failure_, std::nullopt));
    }
    if (!std::exchange(changed_, false) && tracker_.running().empty()) {
      return RefreshKind::unchanged;
    }
    add(out);
    return RefreshKind::full;
  }

 private:
  using Key = std::pair<Command, Backend>;
  // What task statistics said of a process that ended.
  struct Claim {
    std::optional<Tool> tool;  // by its name
    int status = 0;
    Time cpu{};
    Time age{};
    Time received{};
    bool known_program = false;  // its file is that of a tool
  };

  RestoreCollector(const CollectorContext& context, ProcessConnector connector,
                   std::optional<TaskStats> task_stats, UniqueFd timer, UniqueFd events)
      : lock_path_{context.options.get<std::string>(kLockFile)},
        locks_{context.procfs / "locks"},
        processes_{context.procfs},
        connector_{std::move(connector)},
        task_stats_{std::move(task_stats)},
        timer_{std::move(timer)},
        events_{std::move(events)} {}

  Result<void> find_running() {
    return processes_.scan([this](std::uint32_t pid, Tool tool) {
      if (!tracker_.running().contains(pid)) {
        const Time start = processes_.start(pid).value_or(now());
        tracker_.found(pid, start, tool, was_dropped(start) ? Beginning::known : Beginning::unseen);
        changed_ = true;
      }
    });
  }

  void take_in_events() {
    batch_.clear();
    const auto drained =
        connector_.drain([this](const ProcessEvent& event) { batch_.push_back(event); });
    if (was_overrun(drained)) {
      lost_until_ = now();
      look_again_ = true;
    }
    if (!crowd_until_ && task_stats_ && !execs_.take(now(), static_cast<double>(batch_.size()))) {
      crowd_until_ = now() + kCrowdFor;
      changed_ = true;
    }
    // The kernel tells what a task has used up before it tells of its end, so this finds what
    // belongs to every end in the batch.
    if (task_stats_) {
      std::ignore = was_overrun(
          task_stats_->drain([this](const TaskExit& exit) { take_in_statistics(exit); }));
    }
    for (const ProcessEvent& event : batch_) {
      take_in(event);
    }
    // Not while the kernel still drops events, which it does until the socket is empty.
    if (look_again_ && drained && drained->datagrams < EventSocket::kMostAtOnce) {
      look_again_ = false;
      look_again();
    }
    end_by_statistics();
    await_exits();
  }

  void take_in_statistics(const TaskExit& exit) {
    Claim claim{.tool = interpreters_.contains(exit.executable) ? std::nullopt
                                                                : tool_of_task_name(exit.name),
                .status = exit.status,
                .cpu = exit.cpu,
                .age = exit.age,
                .received = now()};
    // What the program talks to is what other runs of the same file talked to.
    if (const auto known = backends_.find(exit.executable); known != backends_.end()) {
      claim.known_program = true;
      if (claim.tool && claim.tool->backend == Backend::unknown) {
        claim.tool->backend = known->second;
      }
    }
    claims_.insert_or_assign(exit.pid, claim);
  }

  // Runs whose exit was not awaited yet when it came, and those of which the exec was lost.
  void end_by_statistics() {
    const Time at = now();
    std::erase_if(claims_, [&](const auto& entry) {
      const auto& [pid, claim] = entry;
      if (at - claim.received < kExitAfterStatistics) {
        return false;
      }
      if (auto ended = tracker_.exit(pid, claim.received, claim.status, claim.tool)) {
        if (ended->duration) {
          ended->duration = std::min(*ended->duration, claim.age);
        }
        count(*ended, claim.cpu);
      } else if (claim.tool && was_dropped(claim.received - claim.age)) {
        // By its name, where nobody has seen its program yet.
        if (claim.known_program || claim.tool->command != Command::unknown) {
          count({.tool = *claim.tool, .outcome = outcome_of(claim.status), .duration = claim.age},
                claim.cpu);
        }
      } else if (claim.tool && claim.known_program && lost_until_ &&
                 claim.received - claim.age <= *lost_until_) {
        // Its exec was lost. What was seen, and is no run, has a tool's program and name as well:
        // iptables-save, and what a tool forks.
        count({.tool = *claim.tool, .outcome = outcome_of(claim.status)}, claim.cpu);
      }
      return true;
    });
  }

  // Whether nobody was told of the exec of a process that was forked then.
  [[nodiscard]] bool was_dropped(Time fork) const {
    return fork >= dropped_.from && fork <= dropped_.until;
  }

  // Listens to every exec again, if only to learn that the crowd is still there.
  void leave_crowd() {
    if (!crowd_until_ || now() < *crowd_until_) {
      return;
    }
    crowd_until_.reset();
    changed_ = true;
    await_exits();
    if (const Result<void> found = find_running(); !found) {
      failure_ = found.error();
    }
  }

  // Of all processes of the node, the end of those alone that run a tool.
  void await_exits() {
    if (!task_stats_) {
      return;
    }
    const Execs execs = crowd_until_ ? Execs::dropped : Execs::told;
    awaited_now_.clear();
    for (const auto& [pid, run] : tracker_.running()) {
      awaited_now_.push_back(pid);
    }
    if (filtered_ == execs && awaited_now_ == awaited_) {
      return;
    }
    if (execs == Execs::dropped && filtered_ != execs) {
      dropped_ = {.from = now() - kForkToExec, .until = Time::max()};
    }
    if (const Result<void> set = connector_.await_exits(awaited_now_, execs); !set) {
      failure_ = set.error();
      return;
    }
    if (execs == Execs::told && filtered_ == Execs::dropped) {
      dropped_.until = now();
    }
    filtered_ = execs;
    std::swap(awaited_, awaited_now_);
  }

  bool was_overrun(const Result<EventSocket::Drained>& drained) {
    if (!drained) {
      failure_ = drained.error();
      return false;
    }
    if (drained->overrun) {
      ++overruns_;
      changed_ = true;
    }
    return drained->overrun;
  }

  void take_in(const ProcessEvent& event) {
    switch (event.kind) {
      case ProcessEvent::Kind::acknowledged:
        break;
      case ProcessEvent::Kind::exec:
        take_in_exec(event);
        break;
      case ProcessEvent::Kind::exit: {
        const auto claim = claims_.extract(event.pid);
        const auto ended = tracker_.exit(event.pid, event.time, event.status,
                                         claim ? claim.mapped().tool : std::nullopt);
        if (ended) {
          count(*ended, claim ? claim.mapped().cpu : Time{});
        }
        break;
      }
    }
  }

  ProcessTable::Identity identify(std::uint32_t pid) {
    const ProcessTable::Identity identity = processes_.identify(pid);
    if (identity.executable && backends_.size() + interpreters_.size() < kMostExecutables) {
      if (identity.look == ProcessTable::Look::wrapper) {
        interpreters_.insert(*identity.executable);
      } else if (identity.tool.backend != Backend::unknown) {
        backends_.emplace(*identity.executable, identity.tool.backend);
      }
    }
    return identity;
  }

  void take_in_exec(const ProcessEvent& event) {
    if (looks_.take(now())) {
      const ProcessTable::Identity identity = identify(event.pid);
      if (identity.look == ProcessTable::Look::tool) {
        tracker_.exec(event.pid, event.time, identity.tool);
        changed_ = true;
        return;
      }
      if (identity.look != ProcessTable::Look::gone) {
        tracker_.exec(event.pid, event.time, std::nullopt);
        return;
      }
    }
    tracker_.exec_unidentified(event.pid, event.time);
  }

  void count(const Ended& ended, Time cpu) {
    Total& total = totals_[{ended.tool.command, ended.tool.backend}];
    ++total.outcomes[static_cast<std::size_t>(ended.outcome)];
    total.cpu += cpu;
    if (ended.duration) {
      total.durations.Observe(seconds(*ended.duration));
      total.last = ended.duration;
    }
    changed_ = true;
  }

  // What was not looked up when it began and still runs. What has ended is forgotten by the second
  // look: if it was a tool, its statistics have told by then.
  void identify_late() {
    std::unordered_set<std::uint32_t> ended;
    late_.assign(tracker_.unidentified().begin(), tracker_.unidentified().end());
    for (const auto& [pid, start] : late_) {
      if (claims_.contains(pid)) {
        continue;
      }
      if (ended_before_.contains(pid)) {
        tracker_.forget(pid);
        continue;
      }
      if (::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) {
        ended.insert(pid);
        continue;
      }
      if (!looks_.take(now())) {
        continue;
      }
      const ProcessTable::Identity identity = identify(pid);
      if (identity.look == ProcessTable::Look::gone) {  // and not reaped yet
        ended.insert(pid);
        continue;
      }
      const bool is_tool = identity.look == ProcessTable::Look::tool;
      tracker_.exec(pid, start, is_tool ? std::optional{identity.tool} : std::nullopt);
      changed_ |= is_tool;
    }
    ended_before_ = std::move(ended);
    await_exits();
  }

  // After events were lost: runs that ended unseen, and those that began unseen.
  void look_again() {
    std::vector<std::uint32_t> gone;
    for (const auto& [pid, run] : tracker_.running()) {
      if (claims_.contains(pid)) {
        continue;
      }
      const ProcessTable::Identity identity = identify(pid);
      if (identity.look != ProcessTable::Look::tool || identity.tool != run.tool) {
        gone.push_back(pid);
      }
    }
    for (const std::uint32_t pid : gone) {
      if (const auto ended = tracker_.gone(pid)) {
        count(*ended, {});
      }
    }
    if (const Result<void> found = find_running(); !found) {
      failure_ = found.error();
    }
  }

  void sample_lock() {
    const std::optional<FileId> file = find_file(lock_path_.c_str());
    if (!file) {
      changed_ |= std::exchange(lock_, std::nullopt).has_value();
      return;
    }
    const Result<std::string_view> text = locks_.read();
    if (!text) {
      failure_ = text.error();
      return;
    }
    LockState state = decode_locks(*text, *file);
    for (const Time wait : lock_waits_.sample(state, now())) {
      waits_.Observe(seconds(wait));
      changed_ = true;
    }
    changed_ |= !lock_ || lock_->held != state.held || lock_->waiters != state.waiters;
    lock_ = std::move(state);
  }

  void arm_timer() {
    const bool may_run = !tracker_.running().empty() || crowd_until_;
    const bool wanted = (may_run && lock_) || !claims_.empty();
    if (wanted == armed_) {
      return;
    }
    const timespec period{.tv_sec = 0,
                          .tv_nsec = wanted ? std::chrono::nanoseconds{kLockPeriod}.count() : 0};
    const itimerspec times{.it_interval = period, .it_value = period};
    if (::timerfd_settime(timer_.get(), 0, &times, nullptr) != 0) {
      failure_ = fail_errno(errno, "set timer").error();
      return;
    }
    armed_ = wanted;
  }

  void add(Samples& out) {
    struct Current {
      int runs = 0;
      Time oldest{};
    };
    std::map<Key, Current> current;
    const Time at = now();
    for (const auto& [pid, run] : tracker_.running()) {
      Current& tool = current[{run.tool.command, run.tool.backend}];
      ++tool.runs;
      tool.oldest = std::max(tool.oldest, at - run.start);
      totals_.try_emplace({run.tool.command, run.tool.backend});
    }
    for (auto& [key, total] : totals_) {
      const std::string_view command = name(key.first);
      const std::string_view backend = name(key.second);
      const Current& tool = current[key];
      out.add(kDuration, {command, backend}, total.durations.Collect());
      for (std::size_t i = 0; i < kOutcomes; ++i) {
        out.add(kRuns, {command, backend, kOutcomeNames[i]},
                static_cast<double>(total.outcomes[i]));
      }
      if (task_stats_) {
        out.add(kCpu, {command, backend}, seconds(total.cpu));
      }
      if (total.last) {
        out.add(kLast, {command, backend}, seconds(*total.last));
      }
      out.add(kRunning, {command, backend}, tool.runs);
      out.add(kRunningSeconds, {command, backend}, seconds(tool.oldest));
    }
    out.add(kOverruns, static_cast<double>(overruns_));
    out.add(kCrowd, crowd_until_ ? 1 : 0);
    if (lock_) {
      out.add(kLockHeld, lock_->held ? 1 : 0);
      out.add(kLockWaiters, static_cast<double>(lock_->waiters.size()));
      out.add(kLockWait, {}, waits_.Collect());
    }
  }

  const std::string lock_path_;
  PolledFile locks_;
  ProcessTable processes_;
  ProcessConnector connector_;
  std::optional<TaskStats> task_stats_;
  UniqueFd timer_;   // when to look at the lock, while a tool runs, and at claims
  UniqueFd events_;  // epoll, on all of them
  bool armed_ = false;

  TokenBucket looks_{kLooksPerSecond};
  TokenBucket wakes_{kWakesPerSecond};
  Tracker tracker_;
  // What the kernel tells: of which processes the end, and whether of every exec.
  std::vector<std::uint32_t> awaited_;
  std::optional<Execs> filtered_;
  TokenBucket execs_{kCrowdPerSecond};
  std::optional<Time> crowd_until_;  // in a crowd, execs are dropped
  // When they were dropped last; now, where it has no end.
  struct {
    Time from = Time::max();
    Time until = Time::max();
  } dropped_;
  // What task statistics said of processes, until their exit event comes or is not to come.
  std::unordered_map<std::uint32_t, Claim> claims_;
  std::map<FileId, Backend> backends_;  // by the program's file
  std::set<FileId> interpreters_;       // of wrappers
  std::map<Key, Total> totals_;
  std::uint64_t overruns_ = 0;
  bool look_again_ = false;
  std::optional<Time> lost_until_;  // events before then may have been lost
  std::optional<LockState> lock_;   // none: there is no such file
  LockWaits lock_waits_;
  prometheus::Histogram waits_{{kWaitBounds.begin(), kWaitBounds.end()}};
  std::unordered_set<std::uint32_t> ended_before_;  // unidentified ones, at the refresh before
  bool changed_ = true;
  std::optional<Error> failure_;

  // Kept for their memory.
  std::vector<ProcessEvent> batch_;
  std::vector<std::pair<std::uint32_t, Time>> late_;
  std::vector<std::uint32_t> awaited_now_;
};

}  // namespace

CollectorSpec spec() {
  return {.name = "restore",
          .summary = "runs of iptables-restore, nft and ipset, and the xtables lock",
          .schedule = Schedule::events,
          .interval = 1s,
          .kinds = {RefreshKind::unchanged, RefreshKind::full},
          .families = {kDuration, kRuns, kCpu, kLast, kRunning, kRunningSeconds, kOverruns, kCrowd,
                       kLockHeld, kLockWaiters, kLockWait},
          .options = {{.name = kLockFile,
                       .default_value = std::string{"/run/xtables.lock"},
                       .help = "The file that iptables-legacy locks, as kubecliff sees it."}},
          // The second tells which iptables a run is.
          .capabilities = {CAP_NET_ADMIN, CAP_SYS_PTRACE},
          .make = &RestoreCollector::make};
}

}  // namespace kubecliff::restore
