// What it costs a node to judge itself, beside what it costs to be scraped.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "tests/bench/bench.h"
#include "tests/bench/daemon.h"
#include "tests/bench/workload.h"

namespace kubecliff::bench {
namespace {

using std::chrono::seconds;

constexpr int kServices = 5'000;
constexpr int kEndpoints = 5;

// Nobody listens there: what is measured is judging, and what it takes to be able to tell.
constexpr const char* kReceivers =
    "interval: 1s\nlabels: {instance: node}\nalertmanagers: [{url: \"http://127.0.0.1:9\"}]\n";

class ReceiversFile {
 public:
  ReceiversFile() { std::ofstream{path_} << kReceivers; }
  ReceiversFile(const ReceiversFile&) = delete;
  ReceiversFile& operator=(const ReceiversFile&) = delete;
  ~ReceiversFile() { std::filesystem::remove(path_); }

  [[nodiscard]] std::string option() const { return "--alerting.config=" + path_.string(); }

 private:
  std::filesystem::path path_ = std::filesystem::temp_directory_path() /
                                ("kubecliff-bench-alerting-" + std::to_string(::getpid()) + ".yml");
};

struct Costs {
  nanoseconds cpu_a_second{};
  std::size_t resident = 0;
};

Costs costs_of(const Plan& plan, const std::vector<std::string>& options) {
  const Kubecliff kubecliff{plan.program, options};
  kubecliff.await_metric(R"(kubecliff_iptables_services{backend="nft",family="ipv4"})", kServices);
  kubecliff.await_polling();
  const int length = plan.of(60, 10);
  const nanoseconds before = kubecliff.cpu();
  std::this_thread::sleep_for(seconds{length});
  return {.cpu_a_second = (kubecliff.cpu() - before) / length,
          .resident = kubecliff.memory().resident};
}

nanoseconds scrape_cost(const Plan& plan, const std::vector<std::string>& options) {
  const Kubecliff kubecliff{plan.program, options};
  kubecliff.await_metric(R"(kubecliff_iptables_services{backend="nft",family="ipv4"})", kServices);
  kubecliff.await_polling();
  auto connection = HttpConnection::open(kubecliff.port());
  const int scrapes = plan.of(200, 50);
  const nanoseconds before = kubecliff.cpu();
  for (int i = 0; i < scrapes; ++i) {
    if (!connection || connection->get("/metrics", kAsPrometheus).status != 200) {
      throw std::runtime_error{"a scrape failed"};
    }
  }
  return (kubecliff.cpu() - before) / scrapes;
}

}  // namespace

void bench_alerting(const Plan& plan, Table& table) {
  tell("judging a node");
  const test::NetworkNamespace node = must(test::NetworkNamespace::enter());
  load(Backend::nft, test::plain(kServices, kEndpoints));
  const std::vector<std::string> options{"--collector.cpu-budget=1", "--no-collector.traversal"};
  const ReceiversFile receivers;
  std::vector<std::string> with = options;
  with.push_back(receivers.option());

  const Costs plain = costs_of(plan, options);
  const Costs judging = costs_of(plan, with);
  const nanoseconds scrape = scrape_cost(plan, options);
  const nanoseconds judgement =
      std::max(judging.cpu_a_second - plain.cpu_a_second, nanoseconds::zero());
  table.add({.figure = "CPU of judging all checks once, " + size_text(kServices) + ", nft",
             .measured = duration_text(judgement),
             .reference = "a scrape: " + duration_text(scrape),
             .ratio = ratio(judgement, scrape),
             .target = at_most_times(3, ratio(judgement, scrape))});
  table.add({.figure = "resident memory with alerting",
             .measured = memory_text(judging.resident),
             .reference = "without: " + memory_text(plain.resident),
             .ratio = static_cast<double>(judging.resident) / static_cast<double>(plain.resident)});
}

}  // namespace kubecliff::bench
