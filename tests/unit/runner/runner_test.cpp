#include "exporter/runner/runner.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include "collectors/kernel/unique_fd.h"
#include "exporter/logging/log.h"
#include "tests/support/fake_collector.h"
#include "tests/support/result_matchers.h"

namespace kubecliff {
namespace {

using test::eventually;
using test::fails_with;
using test::fake_spec;
using test::Gate;
using test::has_value;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr FamilySpec kValue{.name = "kubecliff_test_value", .help = "A value."};

// Adds one sample of that value.
test::RefreshFunction serves(double value) {
  return [value](Clock::time_point, Samples& out) -> Result<RefreshKind> {
    out.add(kValue, value);
    return RefreshKind::full;
  };
}

// The value of the first series of that family with those label values, in their order.
std::optional<double> find(const std::vector<SnapshotPtr>& snapshots, std::string_view family,
                           const std::vector<std::string>& labels = {}) {
  for (const SnapshotPtr& snapshot : snapshots) {
    for (const auto& found : snapshot->families) {
      for (const auto& metric : found.metric) {
        if (found.name == family &&
            std::ranges::equal(metric.label, labels, {}, &prometheus::ClientMetric::Label::value)) {
          return found.type == prometheus::MetricType::Counter ? metric.counter.value
                                                               : metric.gauge.value;
        }
      }
    }
  }
  return std::nullopt;
}

RunnerSettings running(const std::vector<std::string>& names) {
  RunnerSettings settings;
  for (const std::string& name : names) {
    settings.collectors.emplace(name, Options{});
  }
  return settings;
}

class RunnerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    spdlog::default_logger()->sinks().assign(
        {std::make_shared<spdlog::sinks::ostream_sink_mt>(log_)});
    spdlog::default_logger()->set_formatter(make_log_formatter(LogFormat::logfmt));
  }

  void TearDown() override { spdlog::default_logger()->sinks().clear(); }

  // Ends the collectors before what their refreshes refer to goes.
  struct Guard {
    RunnerTest& test;
    ~Guard() { test.stop(); }
  };

  void stop() {
    if (runner_) {
      runner_->request_stop();
      EXPECT_EQ(runner_->stop(Clock::now() + 10s), Ended::all);
      runner_.reset();
    }
  }

  [[nodiscard]] Guard start(std::vector<CollectorSpec> specs,
                            std::chrono::milliseconds deadline = 10s) {
    specs_ = std::move(specs);
    runner_.emplace(specs_,
                    RunnerEnvironment{.build = {"1", "r", "c"}, .scrape_deadline = deadline});
    RunnerSettings all;
    for (const CollectorSpec& spec : specs_) {
      all.collectors.emplace(spec.name, Options{});
    }
    runner_->apply(all);
    return {*this};
  }

  std::vector<SnapshotPtr> scrape(const std::vector<std::string_view>& collect = {}) {
    const auto snapshots = runner_->scrape(collect);
    EXPECT_THAT(snapshots, has_value());
    return snapshots.value_or(std::vector<SnapshotPtr>{});
  }

  // Only while no thread of the runner logs.
  [[nodiscard]] std::string logged() const { return log_.str(); }

  std::vector<CollectorSpec> specs_;
  std::ostringstream log_;
  std::optional<Runner> runner_;
};

TEST_F(RunnerTest, BackgroundReadingIsServedOnceItIsThere) {
  const auto guard = start({fake_spec("tables", Schedule::background, serves(7))});
  EXPECT_TRUE(eventually([&] { return find(scrape(), kValue.name) == 7; }));
  EXPECT_EQ(find(scrape(), "kubecliff_collector_success", {"tables"}), 1);
}

TEST_F(RunnerTest, ScrapeDoesNotWaitForABackgroundReading) {
  Gate gate;
  const auto guard = start({fake_spec("tables", Schedule::background, [&](auto now, Samples& out) {
    gate.pass();
    return serves(7)(now, out);
  })});
  const auto snapshots = scrape();
  EXPECT_EQ(find(snapshots, kValue.name), std::nullopt);
  EXPECT_EQ(find(snapshots, "kubecliff_collector_success", {"tables"}), 0);
  EXPECT_EQ(find(snapshots, "kubecliff_collector_last_success_timestamp_seconds", {"tables"}),
            std::nullopt);
  gate.open();
}

// Counts what is written to its descriptor.
class EventCollector final : public Collector {
 public:
  explicit EventCollector(int descriptor) : descriptor_{descriptor} {}

  Result<RefreshKind> refresh(Clock::time_point /*now*/, Samples& out) override {
    out.add(kValue, static_cast<double>(taken_in_));
    return RefreshKind::full;
  }
  [[nodiscard]] int events() const override { return descriptor_; }
  void on_events() override {
    eventfd_t count = 0;
    ASSERT_EQ(::eventfd_read(descriptor_, &count), 0);
    taken_in_ += count;
    if (taken_in_ == 1) {
      throw std::runtime_error{"the first event is one too many"};
    }
  }

 private:
  const int descriptor_;
  std::uint64_t taken_in_ = 0;
};

CollectorSpec event_spec(int descriptor, Duration interval) {
  CollectorSpec spec = fake_spec("events", Schedule::events, {});
  spec.interval = interval;
  spec.make = [descriptor](const CollectorContext&) -> Result<std::unique_ptr<Collector>> {
    return std::make_unique<EventCollector>(descriptor);
  };
  return spec;
}

TEST_F(RunnerTest, EventsAreTakenInBetweenReadings) {
  const UniqueFd events{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  const auto guard = start({event_spec(events.get(), Duration{1})});
  ASSERT_TRUE(eventually([&] { return find(scrape(), kValue.name) == 0; }));
  ASSERT_EQ(::eventfd_write(events.get(), 2), 0);
  EXPECT_TRUE(eventually([&] { return find(scrape(), kValue.name) == 2; }));
  ASSERT_EQ(::eventfd_write(events.get(), 3), 0);
  EXPECT_TRUE(eventually([&] { return find(scrape(), kValue.name) == 5; }));
}

TEST_F(RunnerTest, AnEventThatThrowsIsAFailureUntilTheNextReading) {
  const UniqueFd events{::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)};
  const auto guard = start({event_spec(events.get(), Duration{1})});
  EXPECT_TRUE(eventually(
      [&] { return find(scrape(), "kubecliff_collector_errors_total", {"events"}) == 1; }));
  EXPECT_TRUE(eventually([&] { return find(scrape(), kValue.name) == 1; }));
  EXPECT_EQ(find(scrape(), "kubecliff_collector_success", {"events"}), 1);
}

TEST_F(RunnerTest, WhoWaitsForEventsStopsAtOnce) {
  const UniqueFd events{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  const auto guard = start({event_spec(events.get(), std::chrono::hours{1})});
  ASSERT_TRUE(eventually([&] { return find(scrape(), kValue.name) == 0; }));
  stop();
}

TEST_F(RunnerTest, EveryCounterIsThereFromTheStart) {
  const auto guard = start({fake_spec("flows", Schedule::in_scrape, serves(1))});
  const auto snapshots = scrape();
  for (const std::string kind : {"unchanged", "incremental"}) {
    EXPECT_EQ(find(snapshots, "kubecliff_collector_refreshes_total", {"flows", kind}), 0);
  }
  EXPECT_EQ(find(snapshots, "kubecliff_collector_refreshes_total", {"flows", "full"}), 1);
  EXPECT_EQ(find(snapshots, "kubecliff_collector_errors_total", {"flows"}), 0);
}

TEST_F(RunnerTest, ServesTheKindsThatWereDeclaredAndTakesNoOther) {
  auto spec = fake_spec("flows", Schedule::in_scrape, serves(1));
  spec.kinds = {RefreshKind::unchanged};
  const auto guard = start({spec});
  const auto snapshots = scrape();
  EXPECT_EQ(find(snapshots, "kubecliff_collector_refreshes_total", {"flows", "unchanged"}), 0);
  EXPECT_EQ(find(snapshots, "kubecliff_collector_refreshes_total", {"flows", "full"}),
            std::nullopt);
  EXPECT_EQ(find(snapshots, kValue.name), std::nullopt);
  EXPECT_THAT(runner_->readiness().remarks,
              Contains("collector flows: a refresh of a kind that was not declared: full"));
}

TEST_F(RunnerTest, InScrapeReadingIsOfThisScrape) {
  std::atomic<int> reading = 0;
  const auto guard = start({fake_spec("flows", Schedule::in_scrape, [&](auto now, Samples& out) {
    return serves(++reading)(now, out);
  })});
  EXPECT_EQ(find(scrape(), kValue.name), 1);
  EXPECT_EQ(find(scrape(), kValue.name), 2);
}

TEST_F(RunnerTest, ScrapesThatWaitShareOneReadingThatBeganAfterTheyAsked) {
  std::atomic<int> readings = 0;
  Gate first_began;
  Gate go_on;
  const auto guard = start({fake_spec("flows", Schedule::in_scrape, [&](auto now, Samples& out) {
    if (++readings == 1) {
      first_began.open();
      go_on.pass();
    }
    return serves(readings)(now, out);
  })});
  auto first = std::async(std::launch::async, [&] { return find(scrape(), kValue.name); });
  first_began.pass();
  std::vector<std::future<std::optional<double>>> waiting;
  for (int scraper = 0; scraper < 4; ++scraper) {
    waiting.push_back(std::async(std::launch::async, [&] { return find(scrape(), kValue.name); }));
  }
  // However many of the four have asked by now: none of them may be given the first reading.
  go_on.open();
  EXPECT_TRUE(first.get());
  for (auto& scraper : waiting) {
    EXPECT_GE(scraper.get(), 2);
  }
  EXPECT_LE(readings, 5);
}

TEST_F(RunnerTest, StuckCollectorCostsOneScrapeItsDeadlineAndRecovers) {
  Gate gate;
  std::atomic<bool> stuck = true;
  const auto guard =
      start({fake_spec("flows", Schedule::in_scrape,
                       [&](auto now, Samples& out) {
                         if (stuck) {
                           gate.pass();
                         }
                         return serves(1)(now, out);
                       }),
             fake_spec("sound", Schedule::in_scrape,
                       [](auto, Samples& out) -> Result<RefreshKind> {
                         out.add({.name = "kubecliff_test_sound", .help = "Sound."}, 2);
                         return RefreshKind::full;
                       })},
            20ms);
  auto snapshots = scrape();
  EXPECT_EQ(find(snapshots, kValue.name), std::nullopt);
  EXPECT_EQ(find(snapshots, "kubecliff_test_sound"), 2);
  EXPECT_EQ(find(snapshots, "kubecliff_collector_success", {"flows"}), 0);
  EXPECT_EQ(find(snapshots, "kubecliff_collector_errors_total", {"flows"}), 1);
  EXPECT_EQ(find(snapshots, "kubecliff_collector_failing", {"flows", "timeout"}), 1);

  snapshots = scrape();  // does not wait again
  EXPECT_EQ(find(snapshots, "kubecliff_collector_errors_total", {"flows"}), 1);

  stuck = false;
  gate.open();
  EXPECT_TRUE(eventually([&] {
    const auto again = scrape();
    return find(again, kValue.name) == 1 &&
           find(again, "kubecliff_collector_success", {"flows"}) == 1;
  }));
}

TEST_F(RunnerTest, ExceptionsAreInternalErrorsOfTheCollectorAlone) {
  const auto guard = start(
      {fake_spec("thrower", Schedule::in_scrape,
                 [](auto, Samples&) -> Result<RefreshKind> { throw std::runtime_error{"boom"}; }),
       fake_spec("odd", Schedule::in_scrape,
                 [](auto, Samples&) -> Result<RefreshKind> { throw 1; }),
       fake_spec("flows", Schedule::in_scrape, serves(1))});
  const auto snapshots = scrape();
  EXPECT_EQ(find(snapshots, kValue.name), 1);
  EXPECT_EQ(find(snapshots, "kubecliff_collector_errors_total", {"thrower"}), 1);
  EXPECT_EQ(find(snapshots, "kubecliff_collector_failing", {"thrower", "internal"}), 1);
  EXPECT_EQ(find(snapshots, "kubecliff_collector_failing", {"odd", "internal"}), 1);
  EXPECT_THAT(runner_->readiness().remarks,
              Contains("collector thrower: unexpected exception: boom"));
}

TEST_F(RunnerTest, FailureIsLoggedOncePerChangeAndRecoveryOnce) {
  std::atomic<int> reading = 0;
  const auto guard =
      start({fake_spec("flows", Schedule::in_scrape, [&](auto, Samples&) -> Result<RefreshKind> {
        switch (++reading) {
          case 1:
          case 2:
            return fail(ErrorKind::denied, "needs CAP_NET_ADMIN");
          default:
            return RefreshKind::unchanged;
        }
      })});
  for (int count = 0; count < 4; ++count) {
    (void)scrape();
  }
  stop();
  const std::string log = logged();
  EXPECT_EQ(std::ranges::count(log, '\n'), 2) << log;
  EXPECT_THAT(log, HasSubstr("level=warn msg=\"collector fails\" collector=flows "
                             "error=\"needs CAP_NET_ADMIN\""));
  EXPECT_THAT(log, HasSubstr("level=info msg=\"collector recovered\" collector=flows"));
}

TEST_F(RunnerTest, RemarksAreLogged) {
  const auto guard = start(
      {fake_spec("flows", Schedule::in_scrape, [&](auto, Samples& out) -> Result<RefreshKind> {
        out.remark("60 flows lead nowhere");
        return RefreshKind::unchanged;
      })});
  (void)scrape();
  stop();
  EXPECT_THAT(logged(), HasSubstr("level=info msg=\"60 flows lead nowhere\" collector=flows"));
}

TEST_F(RunnerTest, CollectorThatCannotBeMadeFailsAloneAndHoldsNobodyUp) {
  CollectorSpec refused = fake_spec("refused", Schedule::in_scrape, {});
  refused.make = [](const CollectorContext&) -> Result<std::unique_ptr<Collector>> {
    return fail(ErrorKind::denied, "needs CAP_NET_ADMIN");
  };
  CollectorSpec thrower = fake_spec("thrower", Schedule::background, {});
  thrower.make = [](const CollectorContext&) -> Result<std::unique_ptr<Collector>> {
    throw std::runtime_error{"boom"};
  };
  const auto guard = start({refused, thrower, fake_spec("flows", Schedule::in_scrape, serves(1))});
  EXPECT_TRUE(eventually([&] { return runner_->readiness().ready; }));
  const auto snapshots = scrape();
  EXPECT_EQ(find(snapshots, kValue.name), 1);
  EXPECT_EQ(find(snapshots, "kubecliff_collector_success", {"refused"}), 0);
  EXPECT_EQ(find(snapshots, "kubecliff_collector_failing", {"refused", "denied"}), 1);
  EXPECT_EQ(find(snapshots, "kubecliff_collector_failing", {"thrower", "internal"}), 1);
  EXPECT_THAT(runner_->readiness().remarks, Contains("collector refused: needs CAP_NET_ADMIN"));
}

TEST_F(RunnerTest, CollectFilterTakesDottedChildrenAndRefusesUnknownNames) {
  const auto guard = start({fake_spec("flows", Schedule::in_scrape, serves(1)),
                            fake_spec("flows.sampled", Schedule::in_scrape, serves(2)),
                            fake_spec("flowsother", Schedule::in_scrape, serves(3)),
                            fake_spec("off", Schedule::in_scrape, serves(4))});
  runner_->apply(running({"flows", "flows.sampled", "flowsother"}));

  const auto collectors = [&](const std::vector<std::string_view>& collect) {
    std::vector<std::string> names;
    const auto snapshots = scrape(collect);
    for (const std::string name : {"flows", "flows.sampled", "flowsother", "off"}) {
      if (find(snapshots, "kubecliff_collector_success", {name})) {
        names.push_back(name);
      }
    }
    return names;
  };
  EXPECT_THAT(collectors({}), ElementsAre("flows", "flows.sampled", "flowsother"));
  EXPECT_THAT(collectors({"flows"}), ElementsAre("flows", "flows.sampled"));
  EXPECT_THAT(collectors({"flows.sampled"}), ElementsAre("flows.sampled"));
  EXPECT_THAT(collectors({"flowsother", "flows.sampled"}),
              ElementsAre("flows.sampled", "flowsother"));

  const auto error = [&](std::string_view name) { return runner_->scrape(std::vector{name}); };
  EXPECT_THAT(error("nope"), fails_with(ErrorKind::malformed, "unknown collector: nope"));
  EXPECT_THAT(error(""), fails_with(ErrorKind::malformed, "unknown collector: "));
  EXPECT_THAT(error("off"), fails_with(ErrorKind::malformed, "collector is off: off"));
}

TEST_F(RunnerTest, NewSettingsLeaveAloneWhatStaysAsItIs) {
  std::atomic<int> made = 0;
  std::vector<CollectorSpec> specs{fake_spec("flows", Schedule::in_scrape, {}),
                                   fake_spec("tables", Schedule::in_scrape, {})};
  for (CollectorSpec& spec : specs) {
    spec.make = [&made](const CollectorContext&) -> Result<std::unique_ptr<Collector>> {
      ++made;
      return std::make_unique<test::FakeCollector>(
          [](auto, Samples&) { return Result<RefreshKind>{RefreshKind::unchanged}; });
    };
  }
  const auto guard = start(specs);
  const auto refreshes = [&](const std::string& name) {
    return find(scrape(), "kubecliff_collector_refreshes_total", {name, "unchanged"});
  };
  EXPECT_EQ(refreshes("flows"), 1);

  RunnerSettings changed = running({"flows", "tables"});
  changed.cpu_budget = 0.5;
  changed.collectors["tables"] = Options{{{"tables.most", std::int64_t{1}}}};
  runner_->apply(changed);
  EXPECT_EQ(refreshes("flows"), 2);   // went on
  EXPECT_EQ(refreshes("tables"), 2);  // is a new one, in its second scrape
  EXPECT_EQ(made, 3);

  changed.procfs = "/host/proc";
  runner_->apply(changed);
  EXPECT_EQ(refreshes("flows"), 1);
  EXPECT_EQ(made, 5);

  runner_->apply(running({}));
  EXPECT_EQ(refreshes("flows"), std::nullopt);
}

TEST_F(RunnerTest, ReadinessDoesNotWaitForFirstReadings) {
  Gate gate;
  const auto guard = start({fake_spec("tables", Schedule::background, [&](auto now, Samples& out) {
    gate.pass();
    return serves(1)(now, out);
  })});
  EXPECT_TRUE(eventually([&] { return runner_->readiness().ready; }));
  EXPECT_THAT(runner_->readiness().remarks,
              ElementsAre("collector tables: first reading under way"));
  gate.open();
  EXPECT_TRUE(eventually([&] { return runner_->readiness().remarks.empty(); }));
}

TEST_F(RunnerTest, HostNetworkIsServedWhereItIsKnown) {
  const auto guard = start({});
  EXPECT_EQ(find(scrape(), "kubecliff_host_network"), std::nullopt);
  RunnerSettings settings;
  settings.host_network = [] { return false; };
  runner_->apply(settings);
  EXPECT_EQ(find(scrape(), "kubecliff_host_network"), 0);
  EXPECT_THAT(runner_->readiness().remarks,
              Contains(HasSubstr("not in the node's network namespace")));
}

TEST_F(RunnerTest, ProcessMetricsAreThisProcess) {
  const auto guard = start({});
  const auto snapshots = scrape();
  EXPECT_GT(find(snapshots, "process_cpu_seconds_total"), 0);
  EXPECT_GT(find(snapshots, "process_resident_memory_bytes"), 1e5);
  EXPECT_GE(find(snapshots, "process_open_fds"), 3);
  const auto now = std::chrono::duration<double>{WallClock::now().time_since_epoch()}.count();
  const auto start = find(snapshots, "process_start_time_seconds");
  EXPECT_LE(start, now + 1);
  EXPECT_GE(start, now - 3'600);
}

TEST_F(RunnerTest, StopWakesScrapesThatWait) {
  Gate gate;
  Gate began;
  const auto guard = start({fake_spec("flows", Schedule::in_scrape, [&](auto now, Samples& out) {
    began.open();
    gate.pass();
    return serves(1)(now, out);
  })});
  auto scraping = std::async(std::launch::async, [&] { return find(scrape(), kValue.name); });
  began.pass();
  runner_->request_stop();
  EXPECT_EQ(scraping.get(), std::nullopt);
  gate.open();
}

TEST(RunnerStop, LeavesAStuckThreadBehindWithoutTouchingWhatIsGone) {
  Gate gate;
  Gate began;
  auto token = std::make_shared<int>();  // goes with the last of what the thread holds
  const std::weak_ptr<int> held = token;
  {
    const std::vector<CollectorSpec> specs{
        fake_spec("tables", Schedule::background,
                  [&, token = std::move(token)](auto, Samples&) -> Result<RefreshKind> {
                    began.open();
                    gate.pass();
                    return RefreshKind::unchanged;
                  })};
    Runner runner{specs, {}};
    runner.apply(running({"tables"}));
    began.pass();
    runner.request_stop();
    EXPECT_EQ(runner.stop(Clock::now() + 10ms), Ended::not_all);
  }
  gate.open();  // it comes back after the runner and the list are gone
  EXPECT_TRUE(eventually([&held] { return held.expired(); }));
}

}  // namespace
}  // namespace kubecliff
