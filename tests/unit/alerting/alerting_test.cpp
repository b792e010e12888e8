#include "exporter/alerting/alerting.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/core/samples.h"

namespace kubecliff {
namespace {

using std::chrono::milliseconds;

constexpr FamilySpec kHost{.name = "kubecliff_conntrack_entries", .help = ""};
constexpr FamilySpec kLimit{.name = "kubecliff_conntrack_entries_limit", .help = ""};

Checks use_at_once() {
  Checks checks = default_checks();
  std::erase_if(checks.all, [](const Check& check) { return check.name != "conntrack_use"; });
  for (Bound& bound : checks.all.front().bounds) {
    bound.hold = {};
  }
  return checks;
}

TEST(Alerting, ThatStopsTellsNothingOfWhatIsScrapedThen) {
  std::atomic<bool> asked = false;
  std::atomic<bool> stopped = false;
  std::atomic<int> told_of_end = 0;
  Alerting alerting{
      use_at_once(),
      {},
      milliseconds{1},
      [&] {
        asked = true;
        Samples samples;
        if (!stopped) {
          samples.add(kHost, 90);
          samples.add(kLimit, 100);
        }
        return std::vector<SnapshotPtr>{std::make_shared<const Snapshot>(samples.take())};
      },
      [&](const std::vector<Alert>& alerts) {
        told_of_end +=
            std::ranges::any_of(alerts, [](const Alert& alert) { return alert.ended.has_value(); })
                ? 1
                : 0;
      }};
  while (!asked) {
    std::this_thread::yield();
  }
  alerting.request_stop();
  stopped = true;
  asked = false;
  std::this_thread::sleep_for(milliseconds{20});
  EXPECT_EQ(told_of_end, 0);
}

TEST(Alerting, JudgesAgainAndAgainWhatIsScraped) {
  std::atomic<double> entries = 10;
  std::mutex mutex;
  std::condition_variable told;
  std::vector<Alert> alerts;
  const auto has = [&](std::size_t count) {
    std::unique_lock lock{mutex};
    return told.wait_for(lock, std::chrono::seconds{10}, [&] {
      return static_cast<std::size_t>(std::ranges::count_if(
                 alerts, [](const Alert& alert) { return !alert.ended; })) == count;
    });
  };
  const Alerting alerting{
      use_at_once(),
      {{"instance", "n1"}},
      milliseconds{10},
      [&entries] {
        Samples samples;
        samples.add(kHost, entries);
        samples.add(kLimit, 100);
        return std::vector<SnapshotPtr>{std::make_shared<const Snapshot>(samples.take())};
      },
      [&](std::vector<Alert> all) {
        const std::lock_guard lock{mutex};
        alerts = std::move(all);
        told.notify_all();
      }};
  EXPECT_TRUE(has(0));
  entries = 80;
  EXPECT_TRUE(has(1));
  entries = 90;
  EXPECT_TRUE(has(2));
  const auto active = alerting.active();
  EXPECT_EQ(std::ranges::count(active, 1U, &AlertStates::Active::firing), 2);
  entries = 10;
  EXPECT_TRUE(has(0));
}

}  // namespace
}  // namespace kubecliff
