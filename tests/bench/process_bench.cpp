// kubecliff as a process, at its defaults where nothing else is said.
#include <thread>

#include "tests/bench/bench.h"
#include "tests/bench/daemon.h"
#include "tests/bench/workload.h"

namespace kubecliff::bench {
namespace {

using std::chrono::seconds;

constexpr int kServices = 10'000;
constexpr int kEndpoints = 5;
constexpr seconds kScrapeInterval{15};
constexpr std::size_t kMemoryLimit = std::size_t{24} << 20U;

std::string services_series(Backend backend) {
  return R"(kubecliff_iptables_services{backend=")" + std::string{label(backend)} +
         R"(",family="ipv4"})";
}

void bench_start(const Plan& plan, Backend backend, Table& table) {
  tell("start to ready, " + std::string{label(backend)});
  Spread ready;
  Spread first_figures;
  for (int i = 0; i < plan.of(7, 3); ++i) {
    const Kubecliff kubecliff{plan.program};
    ready.add(kubecliff.time_to_ready());
    kubecliff.await_metric(services_series(backend), kServices);
    first_figures.add(kubecliff.since_start());
  }
  const std::string size = size_text(kServices) + ", " + std::string{label(backend)};
  table.add(
      {.figure = "start to ready, " + size,
       .measured = ready.text(),
       .target = at_most(0.3, std::chrono::duration<double>{ready.median()}.count(), "<= 0.3 s")});
  table.add(
      {.figure = "start to the table's first figures, " + size, .measured = first_figures.text()});
}

void bench_memory(const Plan& plan, Backend backend, Table& table) {
  tell("resident memory, " + std::string{label(backend)});
  const Kubecliff kubecliff{plan.program};
  kubecliff.await_metric(services_series(backend), kServices);
  std::this_thread::sleep_for(seconds{2});
  const Memory memory = kubecliff.memory();
  table.add({.figure = "resident memory after a refresh, " + size_text(kServices) + ", " +
                       std::string{label(backend)},
             .measured = memory_text(memory.resident) + ", at most " +
                         memory_text(memory.most_resident) + " while it read",
             .target = at_most(static_cast<double>(kMemoryLimit),
                               static_cast<double>(memory.resident), "<= 24 MiB at rest")});
}

double percent_of_a_core(nanoseconds cpu, nanoseconds wall) {
  return 100 * ratio(cpu, wall);
}

std::string percent_text(double percent) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4f %%", percent);
  return text.data();
}

// CPU of both processes over the same intervals, each of which ends with a scrape of both.
struct Idle {
  double kubecliff = 0;  // in percent of a core
  double node_exporter = 0;
};

Idle measure_idle(const Plan& plan, const Kubecliff& kubecliff, const NodeExporter& node_exporter) {
  auto ours = HttpConnection::open(kubecliff.port());
  auto theirs = HttpConnection::open(node_exporter.port());
  if (!ours || !theirs) {
    throw std::runtime_error{"nobody listens"};
  }
  const auto scrape = [&] {
    if (ours->get("/metrics", kAsPrometheus).status != 200 ||
        theirs->get("/metrics", kAsPrometheus).status != 200) {
      throw std::runtime_error{"a scrape failed"};
    }
  };
  scrape();

  const auto start = std::chrono::steady_clock::now();
  const nanoseconds our_cpu = kubecliff.cpu();
  const nanoseconds their_cpu = node_exporter.cpu();
  const int scrapes = plan.of(6, 2);
  for (int i = 1; i <= scrapes; ++i) {
    std::this_thread::sleep_until(start + i * kScrapeInterval);
    scrape();
  }
  const nanoseconds wall = scrapes * kScrapeInterval;
  return {percent_of_a_core(kubecliff.cpu() - our_cpu, wall),
          percent_of_a_core(node_exporter.cpu() - their_cpu, wall)};
}

// Legacy tables are read again every ten minutes although nothing seems changed: this much of a
// core, over the ten minutes, comes on top of what a window of a minute shows.
double full_pass_share(const Kubecliff& kubecliff) {
  constexpr double kFullInterval = 600;
  const auto spent =
      kubecliff.metric(R"(kubecliff_collector_cpu_seconds_total{collector="iptables"})");
  if (!spent) {
    throw std::runtime_error{"no CPU time of the iptables collector"};
  }
  return 100 * *spent / kFullInterval;
}

// Beside what watching costs, what probing does: `traversal` walks every rule 32 times in 15 s, in
// each family that has rules.
void bench_idle(const Plan& plan, Backend backend, bool traversal, Table& table) {
  const std::string figure = "idle CPU, scraped every 15 s, " + size_text(kServices) + ", " +
                             std::string{label(backend)} + (traversal ? ", with traversal" : "");
  tell(figure);
  // The budget only spares us the wait for the first reading's share to be used up: an unchanged
  // refresh costs so little that the interval alone decides.
  std::vector<std::string> arguments{"--collector.cpu-budget=1"};
  if (!traversal) {
    arguments.emplace_back("--no-collector.traversal");
  }
  const Kubecliff kubecliff{plan.program, arguments};
  kubecliff.await_metric(services_series(backend), kServices);
  const double full_pass = backend == Backend::legacy ? full_pass_share(kubecliff) : 0;
  kubecliff.await_polling();
  const NodeExporter node_exporter;
  const Idle idle = measure_idle(plan, kubecliff, node_exporter);

  const double all = idle.kubecliff + full_pass;
  table.add({.figure = figure,
             .measured = percent_text(all) + (full_pass > 0 ? " (" + percent_text(idle.kubecliff) +
                                                                  " and a full pass every 10 min)"
                                                            : ""),
             .reference = "node_exporter: " + percent_text(idle.node_exporter),
             .ratio = all / idle.node_exporter,
             .target = traversal ? std::nullopt
                                 : std::optional{at_most(0.1, all, "<= 0.1 % of a core")}});
}

}  // namespace

void bench_process(const Plan& plan, Table& table) {
  for (const Backend backend : test::kBackends) {
    const test::NetworkNamespace node = must(test::NetworkNamespace::enter());
    load(backend, test::plain(kServices, kEndpoints));
    bench_start(plan, backend, table);
    bench_memory(plan, backend, table);
    bench_idle(plan, backend, false, table);
    bench_idle(plan, backend, true, table);
  }
}

}  // namespace kubecliff::bench
