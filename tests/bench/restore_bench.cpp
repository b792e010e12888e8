// The restore collector, called as its thread in the product calls it: what it costs among many
// other processes, and whether a restore is slower because of it.
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "collectors/restore/restore.h"
#include "tests/bench/bench.h"
#include "tests/bench/workload.h"
#include "tests/support/figures.h"

namespace kubecliff::bench {
namespace {

using std::chrono::seconds;
using SteadyClock = std::chrono::steady_clock;

// The collector on a thread of its own, in the network namespace of the thread that makes it.
class Listener {
 public:
  Listener() : thread_{[this] { run(); }} {
    while (!listening_) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    if (error_) {
      thread_.join();
      throw std::runtime_error{*error_};
    }
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() {
    stop_ = true;
    thread_.join();
  }

  [[nodiscard]] nanoseconds cpu() {
    clockid_t clock{};
    timespec time{};
    if (::pthread_getcpuclockid(thread_.native_handle(), &clock) != 0 ||
        ::clock_gettime(clock, &time) != 0) {
      throw std::runtime_error{"no CPU clock of a thread"};
    }
    return seconds{time.tv_sec} + nanoseconds{time.tv_nsec};
  }

  // As of the last second.
  [[nodiscard]] test::Figures figures() {
    const std::lock_guard lock{mutex_};
    return figures_;
  }

 private:
  void run() {
    auto made = restore::spec().make(
        {.options =
             Options{{{"restore.lock-file", OptionValue{std::string{"/run/xtables.lock"}}}}}});
    if (!made) {
      error_ = made.error().message;
      listening_ = true;
      return;
    }
    Collector& collector = **made;
    SteadyClock::time_point due = SteadyClock::now();
    while (!stop_) {
      const auto now = SteadyClock::now();
      if (now >= due) {
        Samples samples;
        const auto kind = collector.refresh(now, samples);
        if (kind && *kind != RefreshKind::unchanged) {
          const std::lock_guard lock{mutex_};
          figures_ = test::figures_of(samples, "kubecliff_");
        }
        due = now + seconds{1};
        listening_ = true;
      }
      pollfd waiting{.fd = collector.events(), .events = POLLIN, .revents = 0};
      constexpr int kMostWait = 100;
      if (::poll(&waiting, 1, kMostWait) > 0) {
        collector.on_events();
      }
    }
  }

  std::atomic<bool> listening_ = false;
  std::atomic<bool> stop_ = false;
  std::optional<std::string> error_;
  std::mutex mutex_;
  test::Figures figures_;
  std::thread thread_;
};

// Starts that many processes a second, each after the end of the one before; fewer where this
// machine cannot. Returns how many it were.
std::uint64_t start_processes(int per_second, SteadyClock::time_point end) {
  std::string program = KUBECLIFF_SHORT_PROCESS;
  std::array<char*, 2> arguments{program.data(), nullptr};
  std::array<char*, 1> environment{nullptr};
  std::uint64_t started = 0;
  const auto begin = SteadyClock::now();
  while (SteadyClock::now() < end) {
    pid_t child = 0;
    if (::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments.data(),
                      environment.data()) != 0 ||
        ::waitpid(child, nullptr, 0) != child) {
      throw std::runtime_error{"cannot start " + program};
    }
    ++started;
    std::this_thread::sleep_until(begin + started * nanoseconds{seconds{1}} / per_second);
  }
  return started;
}

double runs_of_iptables(const test::Figures& figures) {
  double runs = 0;
  for (const auto& [series, value] : figures) {
    if (series.starts_with("restore_runs_total{iptables,")) {
      runs += value;
    }
  }
  return runs;
}

void bench_crowd(const Plan& plan, Table& table) {
  constexpr int kPerSecond = 5'000;
  constexpr int kSpawners = 4;
  tell("the restore collector among " + std::to_string(kPerSecond) + " process starts a second");

  Listener listener;
  std::this_thread::sleep_for(seconds{2});
  const double runs_before = runs_of_iptables(listener.figures());
  const nanoseconds cpu_before = listener.cpu();
  const auto begin = SteadyClock::now();
  const auto end = begin + seconds{plan.of(20, 5)};
  std::vector<std::future<std::uint64_t>> spawners;
  for (int i = 0; i < kSpawners; ++i) {
    spawners.push_back(
        std::async(std::launch::async, start_processes, kPerSecond / kSpawners, end));
  }
  int runs = 0;
  while (SteadyClock::now() + seconds{1} < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
    must(test::run_tool({"iptables", "-V"}));
    ++runs;
  }
  std::uint64_t processes = 0;
  for (auto& spawner : spawners) {
    processes += spawner.get();
  }
  const nanoseconds cpu = listener.cpu() - cpu_before;
  const nanoseconds wall = SteadyClock::now() - begin;
  std::this_thread::sleep_for(seconds{2});
  const test::Figures figures = listener.figures();
  const double lost = runs_before + runs - runs_of_iptables(figures);

  const double rate = static_cast<double>(processes) / std::chrono::duration<double>{wall}.count();
  const double percent = 100 * ratio(cpu, wall);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.3f %% of a core at %.0f a second", percent, rate);
  // In a crowd the kernel drops the events, so what is left does not grow with their number.
  table.add({.figure = "restore collector among unrelated processes, and 10 runs a second",
             .measured = text.data(),
             .target = at_most(1, percent, "< 1 % of a core at 5,000 a second")});
  std::snprintf(text.data(), text.size(), "%.0f of %d, %.0f overruns", lost, runs,
                figures.at("restore_event_overruns_total"));
  table.add({.figure = "  runs of iptables that it lost meanwhile",
             .measured = text.data(),
             .target = at_most(0.5, lost, "none")});
}

// One restore in a fresh network namespace, with what is there replaced by the same.
nanoseconds time_of_restore(Backend backend, const std::string& input) {
  return std::async(std::launch::async,
                    [&] {
                      const test::NetworkNamespace node = must(test::NetworkNamespace::enter());
                      must(test::restore(backend, Family::ipv4, input));
                      return nanoseconds{must(test::restore(backend, Family::ipv4, input)).wall};
                    })
      .get();
}

void bench_disturbance(const Plan& plan, Backend backend, Table& table) {
  constexpr int kServices = 5'000;
  tell("a restore beside the restore collector, " + std::string{label(backend)});
  const std::string input = test::Ruleset{test::plain(kServices, 5)}.restore_input();
  const auto [with, without] = in_turns<2>(plan.of(15, 4), [] {},
                                           {[&] {
                                              const Listener listener;
                                              return time_of_restore(backend, input);
                                            },
                                            [&] { return time_of_restore(backend, input); }});
  const double slower = ratio(with, without);
  table.add({.figure = "iptables-restore of 5,000 x 5 with the restore collector, " +
                       std::string{label(backend)},
             .measured = with.text(),
             .reference = "without it: " + without.text(),
             .ratio = slower,
             .target = at_most_times(1.02, slower)});
}

}  // namespace

void bench_restore(const Plan& plan, Table& table) {
  bench_crowd(plan, table);
  for (const Backend backend : test::kBackends) {
    bench_disturbance(plan, backend, table);
  }
}

}  // namespace kubecliff::bench
