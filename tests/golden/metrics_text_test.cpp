// The whole /metrics of a runner whose collectors, clock and process are made up.
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "exporter/http/exposition.h"
#include "exporter/logging/log.h"
#include "exporter/runner/runner.h"
#include "tests/golden/golden_file.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_collector.h"

namespace kubecliff {
namespace {

constexpr FamilySpec kRules{.name = "kubecliff_tables_rules",
                            .help = "Rules in a table.",
                            .labels = {"family", "table"},
                            .max_series = 4};
constexpr FamilySpec kDrops{.name = "kubecliff_flows_drop_total",
                            .type = prometheus::MetricType::Counter,
                            .help = "Flows that were dropped."};

Result<RefreshKind> refresh_tables(Clock::time_point, Samples& out) {
  out.add(kRules, {"ipv4", "nat"}, 170'008);
  out.add(kRules, {"ipv6", "nat"}, 3);
  out.miss({.kind = ErrorKind::torn, .message = "ipv6 filter changed while it was read"});
  return RefreshKind::full;
}

Result<RefreshKind> refresh_flows(Clock::time_point, Samples& out) {
  out.add(kDrops, 4'294'967'297);
  return RefreshKind::full;
}

TEST(MetricsText, IsAsTheGoldenFileSays) {
  // As the program does, before there are threads that log.
  configure_logging(LogLevel::error, LogFormat::logfmt);
  test::FakeClock clock;
  std::vector<CollectorSpec> specs{test::fake_spec("tables", Schedule::background, refresh_tables),
                                   test::fake_spec("flows", Schedule::in_scrape, refresh_flows),
                                   test::fake_spec("refused", Schedule::background, {})};
  specs[0].interval = std::chrono::hours{1};
  specs[2].make = [](const CollectorContext&) -> Result<std::unique_ptr<Collector>> {
    return fail(ErrorKind::denied, "needs CAP_SYS_ADMIN");
  };
  const RunnerEnvironment environment{
      .build = {.version = "1.2.3", .revision = "0123456789ab", .compiler = "GNU 12.2.0"},
      .time = clock.source(),
      .process_usage = []() -> Result<ProcessUsage> {
        return ProcessUsage{.cpu = std::chrono::duration<double>{1.25},
                            .resident_bytes = 12'345'344,
                            .virtual_bytes = 99'999'744,
                            .virtual_bytes_limit = 1e18,
                            .open_descriptors = 17,
                            .descriptor_limit = 1'024,
                            .start_time = std::chrono::duration<double>{1'699'999'000.5}};
      }};
  Runner runner{specs, environment};
  runner.apply({.collectors = {{"tables", {}}, {"flows", {}}, {"refused", {}}},
                .procfs = "/proc",
                .cpu_budget = 0.01,
                .host_network = [] { return true; }});
  // Both background collectors have had their one turn.
  ASSERT_TRUE(test::eventually([&] {
    return runner.readiness().remarks ==
           std::vector<std::string>{"collector tables: ipv6 filter changed while it was read",
                                    "collector refused: needs CAP_SYS_ADMIN"};
  }));

  const auto snapshots = runner.scrape();
  ASSERT_TRUE(snapshots);
  test::expect_golden("tests/golden/metrics.txt",
                      http::render(http::Format::text_0_0_4, *snapshots));
  runner.request_stop();
  EXPECT_EQ(runner.stop(Clock::now() + std::chrono::seconds{10}), Ended::all);
}

}  // namespace
}  // namespace kubecliff
