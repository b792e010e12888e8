// How long a change of the ruleset takes to be on /metrics, at kubecliff's defaults.
#include <thread>

#include "tests/bench/bench.h"
#include "tests/bench/daemon.h"
#include "tests/bench/workload.h"

namespace kubecliff::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kServices = 1'000;
constexpr milliseconds kBetweenChanges{4'000};

// One change at a time, each at another moment of the collector's interval. Counted from before the
// restore starts, whose commit is near its end: what is told is more than what it took.
Spread measure_freshness(const Plan& plan, Backend backend) {
  test::Ruleset ruleset{test::plain(kServices, 5)};
  const Kubecliff kubecliff{plan.program};
  kubecliff.await_polling();
  const std::string series = R"(kubecliff_iptables_services{backend=")" +
                             std::string{label(backend)} + R"(",family="ipv4"})";
  Spread spread;
  for (int i = 0; i < plan.of(15, 4); ++i) {
    std::this_thread::sleep_for(kBetweenChanges + i * milliseconds{137});
    const std::string change = ruleset.add_service();
    const Clock::time_point start = Clock::now();
    apply_change(backend, change);
    kubecliff.await_metric(series, static_cast<double>(ruleset.expected().services));
    spread.add(Clock::now() - start);
  }
  return spread;
}

}  // namespace

void bench_freshness(const Plan& plan, Table& table) {
  for (const Backend backend : test::kBackends) {
    const test::NetworkNamespace node = must(test::NetworkNamespace::enter());
    load(backend, test::plain(kServices, 5));
    tell("from a change to /metrics, " + std::string{label(backend)});
    const Spread spread = measure_freshness(plan, backend);
    table.add({.figure = "one Service added to it on /metrics, from the start of the restore, " +
                         size_text(kServices) + ", " + std::string{label(backend)},
               .measured = spread.text(),
               .target = at_most(2, std::chrono::duration<double>{spread.median()}.count(),
                                 "<= 2 s (median)")});
  }
}

}  // namespace kubecliff::bench
