// The collector against this machine's kernel: it listens in the first network namespace, and the
// tools run in one of the test's.
#include "collectors/restore/restore.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/unique_fd.h"
#include "tests/support/figures.h"
#include "tests/support/file_tree.h"
#include "tests/support/network_namespace.h"
#include "tests/support/result_matchers.h"
#include "tests/support/ruleset.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;

using Seconds = std::chrono::duration<double>;

std::string labels(std::string_view command, std::string_view backend) {
  return "{" + std::string{command} + "," + std::string{backend} + "}";
}

// Runs what a worker's thread would: takes events in as they come.
class RestoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("XTABLES_LOCKFILE", lock_file_.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    auto made = make();
    if (!made) {
      return skip(made.error().message);
    }
    collector_ = std::move(*made);
    auto entered = NetworkNamespace::enter();
    if (!entered) {
      return skip(entered.error().message);
    }
    namespace_.emplace(std::move(*entered));
    figures();
  }

  void TearDown() override {
    ::unsetenv("XTABLES_LOCKFILE");  // NOLINT(concurrency-mt-unsafe)
  }

  [[nodiscard]] Result<std::unique_ptr<Collector>> make() const {
    return restore::spec().make(
        {.options = Options{{{"restore.lock-file", OptionValue{lock_file_}}}}});
  }

  // Until `work` is through, and a little longer.
  void listen_during(const std::function<void()>& work) {
    std::atomic<bool> done = false;
    std::thread worker{[&] {
      work();
      done = true;
    }};
    while (!done) {
      listen(10ms);
    }
    worker.join();
    listen(200ms);
  }

  void listen(std::chrono::milliseconds time) {
    const auto deadline = Clock::now() + time;
    while (Clock::now() < deadline) {
      pollfd waiting{.fd = collector_->events(), .events = POLLIN, .revents = 0};
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
      if (::poll(&waiting, 1, static_cast<int>(left.count())) > 0) {
        collector_->on_events();
      }
    }
  }

  // Other tools of this machine may run too: what stood there before is taken off counters.
  const Figures& figures() {
    Samples samples;
    const auto kind = collector_->refresh(Clock::now(), samples);
    EXPECT_THAT(kind, has_value());
    EXPECT_THAT(samples.misses(), IsEmpty());
    if (kind && *kind != RefreshKind::unchanged) {
      figures_ = figures_of(samples, "kubecliff_");
    }
    return figures_;
  }
  double at(const std::string& series) {
    const auto found = figures().find(series);
    return found == figures_.end() ? 0 : found->second;
  }
  double runs(std::string_view command, std::string_view backend, std::string_view result) {
    return at("restore_runs_total{" + std::string{command} + "," + std::string{backend} + "," +
              std::string{result} + "}");
  }

  // A file that is executable.
  std::string script(const std::string& name, const std::string& text) {
    folder_.file(name, text);
    const auto path = folder_.path() / name;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path.native();
  }

  FileTree folder_;
  std::string lock_file_ = (folder_.path() / "xtables.lock").native();
  std::unique_ptr<Collector> collector_;
  std::optional<NetworkNamespace> namespace_;
  Figures figures_;
};

TEST_F(RestoreTest, InAnotherNetworkNamespaceItSaysWhatIsMissing) {
  const auto made = make();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(made.error().message, ::testing::HasSubstr("hostNetwork"));
}

class RestoreOf : public RestoreTest, public ::testing::WithParamInterface<Backend> {};

TEST_P(RestoreOf, DurationAndCpuAreThoseOfTheTestsOwnClock) {
  constexpr int kAttempts = 5;
  const std::string key = labels("iptables-restore", label(GetParam()));
  for (const int services : {100, 1'000, 5'000}) {
    SCOPED_TRACE(services);
    const std::string input = Ruleset{plain(services, 5)}.restore_input();
    // The test's clock also counts what lies before exec and after exit, and on a busy machine that
    // may be long: once out of a few times it must not.
    double wall_apart = HUGE_VAL;
    double cpu_apart = HUGE_VAL;
    for (int i = 0; i < kAttempts && (wall_apart > 0 || cpu_apart > 0); ++i) {
      const double runs_before = runs("iptables-restore", label(GetParam()), "success");
      const double cpu_before = at("restore_cpu_seconds_total" + key);
      ToolRun run;
      listen_during([&] {
        const auto restored = restore(GetParam(), Family::ipv4, input);
        ASSERT_THAT(restored, has_value());
        run = *restored;
      });
      EXPECT_EQ(runs("iptables-restore", label(GetParam()), "success"), runs_before + 1);
      const double wall = Seconds{run.wall}.count();
      const double measured = at("restore_last_duration_seconds" + key);
      wall_apart = std::min(wall_apart, std::abs(wall - measured) - (0.05 * wall + 0.002));
      const double cpu = Seconds{run.cpu}.count();
      const double counted = at("restore_cpu_seconds_total" + key) - cpu_before;
      cpu_apart = std::min(cpu_apart, std::abs(cpu - counted) - (0.05 * cpu + 0.002));
    }
    EXPECT_LE(wall_apart, 0);
    EXPECT_LE(cpu_apart, 0);
  }
  EXPECT_EQ(at("restore_running" + key), 0);
}

INSTANTIATE_TEST_SUITE_P(, RestoreOf, ::testing::ValuesIn(kBackends),
                         [](const auto& test) { return std::string{label(test.param)}; });

TEST_F(RestoreTest, EveryToolIsToldByItsNameAndWhatItTalksTo) {
  // Runs long enough to be looked at, which tell what the programs' files talk to.
  for (const std::string_view backend : {"legacy", "nft"}) {
    const std::string slow = script("slow",
                                    "#!/bin/sh\n(echo '*nat'; sleep 0.3; echo COMMIT) | "
                                    "iptables-" +
                                        std::string{backend} + "-restore\n");
    const double before = runs("iptables-restore", backend, "success");
    listen_during([&] { EXPECT_THAT(run_tool({slow}), has_value()); });
    EXPECT_EQ(runs("iptables-restore", backend, "success"), before + 1);
  }
  // Short ones, which may be gone before anybody looks.
  struct Call {
    std::vector<std::string> arguments;
    std::string_view command;
    std::string_view backend;
  };
  for (const Call& call : {Call{{"iptables", "-w", "-S"}, "iptables", "nft"},
                           Call{{"ip6tables", "-w", "-S"}, "ip6tables", "nft"},
                           Call{{"iptables-legacy", "-w", "-S"}, "iptables", "legacy"},
                           Call{{"ip6tables-legacy", "-w", "-S"}, "ip6tables", "legacy"},
                           Call{{"nft", "list", "tables"}, "nft", "nft"}}) {
    SCOPED_TRACE(call.arguments.front());
    const auto count = [&] {
      return runs(call.command, call.backend, "success") + runs("unknown", call.backend, "success");
    };
    const double before = count();
    listen_during([&] {
      const auto run = run_tool(call.arguments);
      ASSERT_THAT(run, has_value());
      EXPECT_EQ(run->exit_status, 0) << run->err;
    });
    EXPECT_EQ(count(), before + 1);
  }
}

TEST_F(RestoreTest, FailureAndASignalAreToldApart) {
  const double failures = runs("iptables-restore", "nft", "failure");
  listen_during([&] {
    const auto run = run_tool({"iptables-nft-restore"}, "this is no ruleset\n");
    ASSERT_THAT(run, has_value());
    EXPECT_NE(run->exit_status, 0);
  });
  EXPECT_EQ(runs("iptables-restore", "nft", "failure"), failures + 1);

  const double killed = runs("iptables-restore", "nft", "killed");
  listen_during([&] {
    // Waits for input that never ends, until the time limit ends it.
    const std::string endless =
        script("endless", "#!/bin/sh\nsleep 60 | exec timeout -s KILL 0.3 iptables-nft-restore\n");
    static_cast<void>(run_tool({"timeout", "5", endless}));
  });
  EXPECT_EQ(runs("iptables-restore", "nft", "killed"), killed + 1);
}

TEST_F(RestoreTest, OfAWrapperOnlyTheToolIsCounted) {
  const std::string becomes =
      script("iptables-restore", "#!/bin/sh\nsleep 0.3\nexec iptables-nft-restore \"$@\"\n");
  const std::string starts =
      script("ip6tables-restore", "#!/bin/sh\nsleep 0.3\nip6tables-nft-restore \"$@\"\n");
  for (const auto& [wrapper, command] :
       {std::pair{becomes, "iptables-restore"}, std::pair{starts, "ip6tables-restore"}}) {
    SCOPED_TRACE(command);
    const double before = runs(command, "nft", "success");
    const double unknown_before = runs(command, "unknown", "success");
    listen_during([&, path = wrapper] {
      const auto run = run_tool({path}, "*nat\nCOMMIT\n");
      ASSERT_THAT(run, has_value());
      EXPECT_EQ(run->exit_status, 0) << run->err;
    });
    EXPECT_EQ(runs(command, "nft", "success"), before + 1);
    EXPECT_EQ(runs(command, "unknown", "success"), unknown_before);
    EXPECT_LT(at("restore_last_duration_seconds" + labels(command, "nft")), 0.2)
        << "the wrapper's time";
  }
}

TEST_F(RestoreTest, ABlockedRestoreShowsWhileItWaitsForTheLock) {
  const UniqueFd lock{::open(lock_file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  ASSERT_TRUE(lock.valid());
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  const std::string key = labels("iptables-restore", "legacy");
  const double waits = at("xtables_lock_wait_seconds_count");
  EXPECT_EQ(at("xtables_lock_held"), 1);
  EXPECT_EQ(at("xtables_lock_waiters"), 0);

  std::thread restoring{[] {
    const auto run = run_tool({"iptables-legacy-restore", "-w"}, "*nat\nCOMMIT\n");
    ASSERT_THAT(run, has_value());
    EXPECT_EQ(run->exit_status, 0) << run->err;
  }};
  const auto deadline = Clock::now() + 10s;
  while (at("xtables_lock_waiters") != 1 && Clock::now() < deadline) {
    listen(20ms);
  }
  EXPECT_EQ(at("xtables_lock_waiters"), 1);
  EXPECT_EQ(at("restore_running" + key), 1);
  const double running_for = at("restore_running_seconds" + key);
  listen(500ms);
  EXPECT_GE(at("restore_running_seconds" + key), running_for + 0.4);

  ASSERT_EQ(::flock(lock.get(), LOCK_UN), 0);
  restoring.join();
  listen(200ms);
  EXPECT_EQ(at("restore_running" + key), 0);
  EXPECT_EQ(at("xtables_lock_held"), 0);
  EXPECT_EQ(at("xtables_lock_wait_seconds_count"), waits + 1);
  EXPECT_GE(at("restore_last_duration_seconds" + key), 0.5);
}

TEST_F(RestoreTest, ARunThatBeganBeforeIsUnderWayAndHasNoDuration) {
  const UniqueFd lock{::open(lock_file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  std::thread restoring{[] {
    EXPECT_THAT(run_tool({"iptables-legacy-restore", "-w"}, "*nat\nCOMMIT\n"), has_value());
  }};
  const std::string key = labels("iptables-restore", "legacy");
  const auto deadline = Clock::now() + 10s;
  while (at("restore_running" + key) != 1 && Clock::now() < deadline) {
    listen(20ms);
  }

  namespace_.reset();  // a listener belongs into the first network namespace
  auto late = make();
  ASSERT_THAT(late, has_value());
  collector_ = std::move(*late);
  figures_.clear();
  EXPECT_EQ(at("restore_running" + key), 1);
  EXPECT_GT(at("restore_running_seconds" + key), 0);
  EXPECT_LT(at("restore_running_seconds" + key), 20);

  ASSERT_EQ(::flock(lock.get(), LOCK_UN), 0);
  restoring.join();
  listen(200ms);
  EXPECT_EQ(runs("iptables-restore", "legacy", "success"), 1);
  EXPECT_EQ(at("restore_duration_seconds_count" + key), 0);
}

// Starts processes as fast as it can.
class Spawners {
 public:
  Spawners() {
    for (int i = 0; i < kThreads; ++i) {
      threads_.emplace_back([this] { run(); });
    }
  }
  Spawners(const Spawners&) = delete;
  Spawners& operator=(const Spawners&) = delete;
  ~Spawners() {
    stop_ = true;
    std::ranges::for_each(threads_, &std::thread::join);
  }

 private:
  static constexpr int kThreads = 3;

  void run() const {
    std::string program = "/bin/true";
    char* arguments[] = {program.data(), nullptr};
    char* environment[] = {nullptr};
    while (!stop_) {
      pid_t child = 0;
      ASSERT_EQ(::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environment),
                0);
      ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    }
  }

  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

class RestoreInACrowdTest : public RestoreTest {
 protected:
  // Goes on for longer than the kernel is told to say nothing of execs, so that the test sees it
  // begin and end.
  void listen_through(std::chrono::seconds time) {
    for (const auto end = Clock::now() + time; Clock::now() < end; listen(100ms)) {
      crowded_ |= at("restore_crowd") == 1;
    }
  }

  [[nodiscard]] double of_all_backends(const std::string& figure, const std::string& rest) {
    double all = 0;
    for (const std::string backend : {"nft", "legacy", "unknown"}) {
      all += at(figure + "{iptables," + backend + rest + "}");
    }
    return all;
  }

  bool crowded_ = false;
};

TEST_F(RestoreInACrowdTest, NoRunIsLostWhenItBeginsWhileItLastsAndWhenItEnds) {
  constexpr int kRuns = 300;
  const double runs_before = of_all_backends("restore_runs_total", ",success");
  const double durations_before = of_all_backends("restore_duration_seconds_count", "");
  {
    const Spawners others;
    std::thread tools{[] {
      for (int i = 0; i < kRuns; ++i) {
        EXPECT_THAT(run_tool({"iptables", "-V"}), has_value());
        std::this_thread::sleep_for(40ms);
      }
    }};
    listen_through(15s);
    tools.join();
  }
  listen(1s);
  EXPECT_TRUE(crowded_) << "this machine starts fewer than 500 processes a second";
  EXPECT_EQ(of_all_backends("restore_runs_total", ",success"), runs_before + kRuns);
  EXPECT_EQ(of_all_backends("restore_duration_seconds_count", ""), durations_before + kRuns);
  EXPECT_EQ(at("restore_event_overruns_total"), 0);
}

TEST_F(RestoreInACrowdTest, ARunIsSeenWhileItRunsAndHasADuration) {
  const UniqueFd lock{::open(lock_file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  const std::string key = labels("iptables-restore", "legacy");
  std::thread restoring;
  const auto began = Clock::now();
  {
    const Spawners others;
    listen_through(3s);
    restoring = std::thread{[] {
      EXPECT_THAT(run_tool({"iptables-legacy-restore", "-w"}, "*nat\nCOMMIT\n"), has_value());
    }};
    listen_through(13s);
  }
  EXPECT_TRUE(crowded_) << "this machine starts fewer than 500 processes a second";
  EXPECT_EQ(at("restore_running" + key), 1);
  ASSERT_EQ(::flock(lock.get(), LOCK_UN), 0);
  restoring.join();
  listen(1s);
  EXPECT_EQ(runs("iptables-restore", "legacy", "success"), 1);
  EXPECT_EQ(at("restore_running" + key), 0);
  EXPECT_EQ(at("restore_duration_seconds_count" + key), 1);
  EXPECT_GT(at("restore_last_duration_seconds" + key), 12);
  EXPECT_LT(at("restore_last_duration_seconds" + key), Seconds{Clock::now() - began}.count() - 3);
}

}  // namespace
}  // namespace kubecliff::test
