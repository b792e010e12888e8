// What a scraper waits for /metrics.
#include <atomic>
#include <exception>
#include <functional>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/bench/bench.h"
#include "tests/bench/daemon.h"
#include "tests/bench/workload.h"

namespace kubecliff::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kClients = 16;
constexpr milliseconds kScrapeInterval{200};
constexpr int kServices = 10'000;
constexpr std::string_view kBigTable =
    R"(kubecliff_iptables_services{backend="nft",family="ipv4"})";

struct Load {
  std::string_view name;
  std::string_view headers;
};
constexpr std::array kLoads{Load{"plain", kPlain}, Load{"as Prometheus, gzip", kAsPrometheus}};

struct Scrapes {
  Spread waits;
  std::size_t bytes = 0;  // of one answer
};

// What this machine takes for any answer at this pace: the wake-ups, the loopback device with all
// its rules, the HTTP library.
constexpr std::string_view kBareAnswer = "/-/healthy";

// One client: from the first byte of the request to the last of the answer. A scrape that is due
// while the one before it is still out waits from when it was due.
Scrapes scrape_steadily(std::uint16_t port, std::string_view path, std::string_view headers,
                        Clock::time_point due, Clock::time_point end) {
  auto connection = HttpConnection::open(port);
  if (!connection) {
    throw std::runtime_error{"nobody listens"};
  }
  Scrapes scrapes;
  Clock::time_point ended{};
  for (; due < end; due += kScrapeInterval) {
    std::this_thread::sleep_until(due);
    const Clock::time_point started = ended > due ? due : Clock::now();
    const HttpAnswer answer = connection->get(path, headers);
    ended = Clock::now();
    if (answer.status != 200) {
      throw std::runtime_error{"a scrape was answered " + std::to_string(answer.status)};
    }
    scrapes.waits.add(ended - started);
    scrapes.bytes = answer.body.size();
  }
  return scrapes;
}

// All clients, spread evenly over the interval.
Scrapes scrape_by_all(const Plan& plan, std::uint16_t port, std::string_view headers,
                      std::string_view path = "/metrics") {
  std::vector<Scrapes> scrapes(kClients);
  std::vector<std::exception_ptr> failures(kClients);
  const Clock::time_point start = Clock::now() + milliseconds{50};
  const Clock::time_point end = start + seconds{plan.of(12, 3)};
  {
    std::vector<std::jthread> clients;
    clients.reserve(kClients);
    for (std::size_t i = 0; i < kClients; ++i) {
      clients.emplace_back([&, i] {
        try {
          const auto offset = static_cast<int>(i) * kScrapeInterval / kClients;
          scrapes[i] = scrape_steadily(port, path, headers, start + offset, end);
        } catch (...) {
          failures[i] = std::current_exception();
        }
      });
    }
  }
  Scrapes all;
  for (std::size_t i = 0; i < kClients; ++i) {
    if (failures[i]) {
      std::rethrow_exception(failures[i]);
    }
    all.waits.add(scrapes[i].waits);
    all.bytes = scrapes[i].bytes;
  }
  return all;
}

void add_row(const std::string& figure, double share, milliseconds limit, const Scrapes& ours,
             const Scrapes& theirs, Table& table) {
  const nanoseconds wait = ours.waits.quantile(share);
  const nanoseconds their_wait = theirs.waits.quantile(share);
  table.add(
      {.figure = figure,
       .measured = duration_text(wait),
       .reference = "node_exporter: " + duration_text(their_wait),
       .ratio = ratio(wait, their_wait),
       .target = at_most(1, ratio(wait, limit), "<= " + std::to_string(limit.count()) + " ms")});
}

void bench_loads(const Plan& plan, const Kubecliff& kubecliff, const NodeExporter& node_exporter,
                 const std::string& when, Table& table) {
  const Scrapes bare = scrape_by_all(plan, kubecliff.port(), kPlain, kBareAnswer);
  for (const auto& [name, share] : {std::pair{"p50", 0.5}, std::pair{"p99", 0.99}}) {
    table.add(
        {.figure = "  " + std::string{kBareAnswer} + " at the same pace, " + when + ", " + name,
         .measured = duration_text(bare.waits.quantile(share))});
  }
  for (const Load& load : kLoads) {
    tell("/metrics " + when + ", " + std::string{load.name});
    const Scrapes ours = scrape_by_all(plan, kubecliff.port(), load.headers);
    const Scrapes theirs = scrape_by_all(plan, node_exporter.port(), load.headers);
    const std::string figure = "/metrics, 16 x 5/s, " + std::string{load.name} + ", " + when;
    add_row(figure + ", p50", 0.5, milliseconds{1}, ours, theirs, table);
    add_row(figure + ", p99", 0.99, milliseconds{5}, ours, theirs, table);
    table.add({.figure = "  size of an answer",
               .measured = count_text(ours.bytes) + " bytes",
               .reference = "node_exporter: " + count_text(theirs.bytes) + " bytes"});
  }
}

// Commits what has nothing to do with iptables, every now and then, until it is destroyed. That
// changes the ruleset's generation and nothing else: the full pass that is due then goes ahead, and
// no writer takes the CPU that the scrapes need. Less often than a pass takes, so that one pass is
// not interrupted again and again.
class GenerationChanges {
 public:
  GenerationChanges() = default;
  ~GenerationChanges() { thread_.request_stop(); }
  GenerationChanges(const GenerationChanges&) = delete;
  GenerationChanges& operator=(const GenerationChanges&) = delete;

 private:
  static void change_until(const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      // What fails here shows as full passes that do not come.
      std::ignore = test::nft({i % 2 == 0 ? "add" : "delete", "table", "inet", "kubecliff-bench"});
      std::this_thread::sleep_for(seconds{2});
    }
  }

  std::jthread thread_{[](const std::stop_token& stop) { change_until(stop); }};
};

double refresh_cpu(const Kubecliff& kubecliff) {
  const auto spent =
      kubecliff.metric(R"(kubecliff_collector_cpu_seconds_total{collector="iptables"})");
  if (!spent) {
    throw std::runtime_error{"no CPU time of the iptables collector"};
  }
  return *spent;
}

void bench_while_refreshing(const Plan& plan, const NodeExporter& node_exporter, Table& table) {
  // One full pass after the other: at this budget each is followed by a pause of what it cost.
  const Kubecliff kubecliff{plan.program,
                            {"--collector.cpu-budget=1", "--collector.iptables.full-interval=1s"}};
  kubecliff.await_metric(kBigTable, 1);
  const GenerationChanges changes;

  const double cpu = refresh_cpu(kubecliff);
  const Clock::time_point start = Clock::now();
  bench_loads(plan, kubecliff, node_exporter, "while full refreshes run", table);
  const std::chrono::duration<double> wall = Clock::now() - start;
  const double share = (refresh_cpu(kubecliff) - cpu) / wall.count();
  if (share < 0.1) {
    throw std::runtime_error{"hardly any full refresh ran while /metrics was scraped"};
  }
  table.add({.figure = "  CPU of the full refreshes meanwhile",
             .measured = std::to_string(static_cast<int>(100 * share)) + " % of a core"});
}

}  // namespace

void bench_scrape(const Plan& plan, Table& table) {
  const test::NetworkNamespace node = must(test::NetworkNamespace::enter());
  // Every series that there can be: both backends and families, every kind of Service.
  for (const Backend backend : test::kBackends) {
    for (const Family family : test::kFamilies) {
      const bool big = backend == Backend::nft && family == Family::ipv4;
      load(backend, test::varied(big ? kServices : 200, 5, family));
    }
  }
  const NodeExporter node_exporter;
  {
    const Kubecliff kubecliff{plan.program};
    kubecliff.await_metric(kBigTable, 1);
    bench_loads(plan, kubecliff, node_exporter, "at rest", table);
  }
  bench_while_refreshing(plan, node_exporter, table);
}

}  // namespace kubecliff::bench
