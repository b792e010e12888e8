// Whether whoever writes rules is slower because kubecliff runs.
#include "tests/bench/bench.h"
#include "tests/bench/daemon.h"
#include "tests/bench/workload.h"

namespace kubecliff::bench {
namespace {

constexpr int kServices = 5'000;

struct Restores {
  Spread wall;
  Spread cpu;
};

struct Writers {
  Restores with;
  Restores without;
};

// A full restore with kubecliff polling at its defaults, and one with kubecliff stopped by SIGSTOP,
// in turns. Stopped, it holds no lock and no unfinished answer that the kernel would wait for; what
// it has read stays, so that it goes on as a daemon that has run for long.
Writers measure_writers(const Plan& plan, Backend backend) {
  const std::string input = test::Ruleset{test::plain(kServices, 5)}.restore_input();
  Kubecliff kubecliff{plan.program};
  kubecliff.await_polling();

  const auto restore_into = [&](Restores& restores) {
    const test::ToolRun run = must(test::restore(backend, Family::ipv4, input));
    restores.wall.add(run.wall);
    restores.cpu.add(run.cpu);
  };
  Writers writers;
  const auto with = [&] { restore_into(writers.with); };
  const auto without = [&] {
    kubecliff.pause();
    restore_into(writers.without);
    kubecliff.resume();
  };
  for (int i = 0; i < plan.of(30, 6); ++i) {
    if (i % 2 == 0) {
      with();
      without();
    } else {
      without();
      with();
    }
  }
  return writers;
}

void add_row(const std::string& figure, const Spread& with, const Spread& without, Table& table) {
  const double slower = ratio(with, without);
  table.add({.figure = figure,
             .measured = with.text(),
             .reference = "without kubecliff: " + without.text(),
             .ratio = slower,
             .target = at_most_times(1.03, slower)});
}

}  // namespace

void bench_writer(const Plan& plan, Table& table) {
  for (const Backend backend : test::kBackends) {
    const test::NetworkNamespace node = must(test::NetworkNamespace::enter());
    load(backend, test::plain(kServices, 5));
    tell("full restores with and without kubecliff, " + std::string{label(backend)});
    const Writers writers = measure_writers(plan, backend);
    const std::string size = size_text(kServices) + ", " + std::string{label(backend)};
    add_row("full iptables-restore while kubecliff polls, " + size, writers.with.wall,
            writers.without.wall, table);
    add_row("  its CPU", writers.with.cpu, writers.without.cpu, table);
  }
}

}  // namespace kubecliff::bench
