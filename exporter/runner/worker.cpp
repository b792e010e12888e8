#include "exporter/runner/worker.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <exception>
#include <iterator>
#include <mutex>
#include <tuple>
#include <utility>

#include "collectors/kernel/unique_fd.h"
#include "exporter/logging/log.h"

namespace kubecliff {

struct Worker::State {
  State(const CollectorSpec& collector_spec, CollectorContext collector_context, double budget,
        TimeSource time_source)
      : spec{collector_spec},
        context{std::move(collector_context)},
        time{std::move(time_source)},
        health{collector_spec.schedule},
        cpu_budget{budget} {}

  // Immutable.
  const CollectorSpec spec;
  const CollectorContext context;
  const TimeSource time;
  // Readable once the thread is to stop, for those that wait for events.
  const UniqueFd stop_event{spec.schedule == Schedule::events ? ::eventfd(0, EFD_CLOEXEC) : -1};

  mutable std::mutex mutex;
  std::condition_variable changed;
  // All below guarded by `mutex`.
  Health health;
  double cpu_budget;
  bool stopping = false;
  bool finished = false;  // the thread touches nothing any more
  bool started = false;
  bool made = false;
  bool overdue = false;  // a scrape went on without it, and it has not answered since
  Ticket asked = 0;      // the last reading that was asked for
  Ticket reading = 0;    // the last ticket that the last reading to begin answers
  Ticket answered = 0;   // the last ticket that was answered
};

namespace {

// Never with a lock held: a full pipe behind standard error may block.
void log_notice(std::string_view collector, const std::optional<Notice>& notice) {
  if (!notice) {
    return;
  }
  if (notice->kind == Notice::Kind::recovered) {
    log_info("collector recovered", {{"collector", std::string{collector}}});
  } else {
    log_warn("collector fails", {{"collector", std::string{collector}}, {"error", notice->why}});
  }
}

// Reading a big table keeps a core busy for most of a second. In a control group of its own, as in
// a pod or a service, this weighs only against the other threads of this process.
void give_way_to_scrapes() {
  constexpr int kNice = 10;
  // Linux: of the calling thread alone. Nothing depends on it.
  std::ignore = setpriority(PRIO_PROCESS, 0, kNice);
}

// The two calls into a collector's code. Whatever it throws becomes an error.
template <typename T, typename Call>
Result<T> contained(Call call) {
  try {
    return call();
  } catch (const std::exception& error) {
    return fail(ErrorKind::internal, std::string{"unexpected exception: "} + error.what());
  } catch (...) {
    return fail(ErrorKind::internal, "unexpected exception");
  }
}

}  // namespace

// The thread's body; `state` keeps everything it touches alive.
class Worker::Loop {
 public:
  explicit Loop(std::shared_ptr<State> state) : state_{std::move(state)} {}

  void run() {
    (void)pthread_setname_np(pthread_self(), std::string{state_->spec.name.substr(0, 15)}.c_str());
    if (state_->spec.schedule == Schedule::background) {
      give_way_to_scrapes();
    }
    std::unique_ptr<Collector> collector;
    Clock::time_point due = state_->time.now();
    while (wait_for_turn(collector.get(), due)) {
      if (collector == nullptr) {
        collector = make();
        due = state_->time.now() + (collector == nullptr ? kRetryMake : std::chrono::seconds{0});
      } else {
        due = refresh(*collector);
      }
    }
    collector.reset();

    const std::lock_guard lock{state_->mutex};
    state_->finished = true;
    state_->changed.notify_all();
  }

 private:
  // False: stop.
  bool wait_for_turn(Collector* collector, Clock::time_point due) {
    if (collector != nullptr && state_->spec.schedule == Schedule::events) {
      wait_for_events(*collector, due);
    }
    std::unique_lock lock{state_->mutex};
    const bool on_request = state_->made && state_->spec.schedule == Schedule::in_scrape;
    if (on_request) {
      state_->changed.wait(lock,
                           [this] { return state_->stopping || state_->asked > state_->answered; });
    } else {
      // The pause is measured on our clock and spent on the machine's.
      const auto pause = due - state_->time.now();
      state_->changed.wait_for(lock, pause, [this] { return state_->stopping; });
    }
    return !state_->stopping;
  }

  // Until `due` or the end.
  void wait_for_events(Collector& collector, Clock::time_point due) {
    std::array<pollfd, 2> waiting{
        pollfd{.fd = state_->stop_event.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = collector.events(), .events = POLLIN, .revents = 0}};
    while (true) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(due - state_->time.now()).count();
      if (left <= 0 || ::poll(waiting.data(), waiting.size(), static_cast<int>(left)) <= 0 ||
          waiting[0].revents != 0) {
        return;
      }
      const std::chrono::nanoseconds cpu_before = state_->time.thread_cpu();
      const Result<void> taken_in = contained<void>([&]() -> Result<void> {
        collector.on_events();
        return {};
      });
      const std::chrono::nanoseconds cpu = state_->time.thread_cpu() - cpu_before;

      std::unique_lock lock{state_->mutex};
      state_->health.spent(cpu);
      const auto notice = taken_in ? std::nullopt : state_->health.failed(taken_in.error());
      lock.unlock();
      log_notice(state_->spec.name, notice);
      if (!taken_in) {
        return;  // and not asked again at once: what it failed to take in is still there
      }
    }
  }

  std::unique_ptr<Collector> make() {
    const std::chrono::nanoseconds cpu_before = state_->time.thread_cpu();
    auto made = contained<std::unique_ptr<Collector>>(
        [this] { return state_->spec.make(state_->context); });
    const std::chrono::nanoseconds cpu = state_->time.thread_cpu() - cpu_before;

    std::optional<Notice> notice;
    {
      const std::lock_guard lock{state_->mutex};
      state_->health.spent(cpu);
      state_->started = true;
      state_->made = made.has_value();
      if (!made) {
        notice = state_->health.failed(made.error());
        state_->reading = state_->asked;
        answer(state_->reading);
      }
    }
    state_->changed.notify_all();
    log_notice(state_->spec.name, notice);
    return made ? std::move(*made) : nullptr;
  }

  // Returns when the next one is due.
  Clock::time_point refresh(Collector& collector) {
    Refresh refresh;
    refresh.started = state_->time.now();
    {
      const std::lock_guard lock{state_->mutex};
      state_->reading = state_->asked;
      state_->health.refresh_began(refresh.started);
    }
    const std::chrono::nanoseconds cpu_before = state_->time.thread_cpu();
    refresh.result =
        contained<RefreshKind>([&] { return collector.refresh(refresh.started, refresh.samples); });
    if (refresh.result &&
        std::ranges::find(state_->spec.kinds, *refresh.result) == state_->spec.kinds.end()) {
      refresh.result = fail(ErrorKind::internal, "a refresh of a kind that was not declared: " +
                                                     std::string{kubecliff::name(*refresh.result)});
    }
    refresh.cpu = state_->time.thread_cpu() - cpu_before;
    refresh.ended = state_->time.now();
    refresh.wall_ended = state_->time.wall_now();

    const auto [started, ended, cpu] = std::tuple{refresh.started, refresh.ended, refresh.cpu};
    const std::vector<std::string> remarks = refresh.samples.remarks();
    std::unique_lock lock{state_->mutex};
    const auto notice = state_->health.refresh_ended(std::move(refresh));
    answer(state_->reading);
    const double cpu_budget = state_->cpu_budget;
    lock.unlock();
    // Whoever wakes up wants the lock.
    state_->changed.notify_all();
    log_notice(state_->spec.name, notice);
    for (const std::string& remark : remarks) {
      log_info(remark, {{"collector", std::string{state_->spec.name}}});
    }
    return next_refresh(started, ended, cpu, state_->spec.interval, cpu_budget);
  }

  void answer(Ticket ticket) {
    state_->answered = ticket;
    state_->overdue = false;
  }

  std::shared_ptr<State> state_;
};

Worker::Worker(const CollectorSpec& spec, CollectorContext context, double cpu_budget,
               TimeSource time)
    : state_{std::make_shared<State>(spec, std::move(context), cpu_budget, std::move(time))},
      thread_{[loop = Loop{state_}]() mutable { loop.run(); }} {}

Worker::~Worker() {
  request_stop();
  if (thread_.joinable()) {
    thread_.detach();
  }
}

std::string_view Worker::name() const {
  return state_->spec.name;
}

Schedule Worker::schedule() const {
  return state_->spec.schedule;
}

std::span<const RefreshKind> Worker::kinds() const {
  return state_->spec.kinds;
}

const CollectorContext& Worker::context() const {
  return state_->context;
}

void Worker::set_cpu_budget(double share) {
  const std::lock_guard lock{state_->mutex};
  state_->cpu_budget = share;
}

std::optional<Worker::Ticket> Worker::ask() {
  std::unique_lock lock{state_->mutex};
  const bool refused = state_->started && !state_->made;
  if (refused || state_->overdue || state_->stopping) {
    return std::nullopt;
  }
  // One more reading serves all who ask before it begins.
  const Ticket ticket = state_->reading + 1;
  state_->asked = ticket;
  lock.unlock();
  state_->changed.notify_all();
  return ticket;
}

bool Worker::wait(Ticket ticket, Clock::time_point deadline) {
  std::unique_lock lock{state_->mutex};
  const bool answered = state_->changed.wait_until(
      lock, deadline, [&] { return state_->answered >= ticket || state_->stopping; });
  if (answered) {
    return state_->answered >= ticket && state_->made;
  }
  std::optional<Notice> notice;
  if (!std::exchange(state_->overdue, true)) {
    notice = state_->health.failed(
        {.kind = ErrorKind::timeout, .message = "no answer before the scrape's deadline"});
  }
  lock.unlock();
  log_notice(state_->spec.name, notice);
  return false;
}

Worker::Report Worker::report() const {
  const Clock::time_point now = state_->time.now();
  const std::lock_guard lock{state_->mutex};
  std::vector<ErrorKind> reasons;
  std::ranges::copy_if(kErrorKinds, std::back_inserter(reasons),
                       [&](ErrorKind reason) { return state_->health.failing(reason, now); });
  return {.snapshot = state_->health.snapshot(now),
          .health = state_->health,
          .successful = state_->health.successful(now),
          .failure = state_->health.failure(now),
          .reasons = std::move(reasons),
          .started = state_->started};
}

void Worker::request_stop() {
  const std::lock_guard lock{state_->mutex};
  state_->stopping = true;
  state_->changed.notify_all();
  if (state_->stop_event.valid()) {
    std::ignore = ::eventfd_write(state_->stop_event.get(), 1);
  }
}

bool Worker::stopped_by(Clock::time_point deadline) {
  {
    std::unique_lock lock{state_->mutex};
    if (!state_->changed.wait_until(lock, deadline, [this] { return state_->finished; })) {
      return false;
    }
  }
  thread_.join();
  return true;
}

}  // namespace kubecliff
