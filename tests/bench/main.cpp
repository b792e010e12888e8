// kubecliff_bench: measures the figures that kubecliff is built to, and prints them as a table.
// Run by scripts/bench. Exit code 1 where something could not be measured; a target that is missed
// is told by its row.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "tests/bench/bench.h"
#include "tests/bench/machine.h"
#include "tests/bench/workload.h"

namespace {

using kubecliff::bench::Plan;
using kubecliff::bench::Table;

struct Part {
  const char* name;
  const char* summary;
  void (*measure)(const Plan&, Table&);
  bool emulated = false;  // takes a kernel of its own
};

constexpr std::array kParts{
    Part{"refresh", "the iptables collector's CPU", kubecliff::bench::bench_refresh},
    Part{"nftables", "the nftables collector's CPU", kubecliff::bench::bench_nftables},
    Part{"ipvs", "the ipvs collector's CPU, in tests/support/emulated_kernel alone",
         kubecliff::bench::bench_ipvs, true},
    Part{"conntrack", "the conntrack collectors' CPU", kubecliff::bench::bench_conntrack},
    Part{"dataplane", "the dataplane collector's CPU", kubecliff::bench::bench_dataplane},
    Part{"stale", "finding flows to endpoints that are gone", kubecliff::bench::bench_stale},
    Part{"inventory", "Services by name, and who has the most flows",
         kubecliff::bench::bench_inventory},
    Part{"process", "start, memory, idle CPU", kubecliff::bench::bench_process},
    Part{"freshness", "from a change to /metrics", kubecliff::bench::bench_freshness},
    Part{"scrape", "latency of /metrics", kubecliff::bench::bench_scrape},
    Part{"writer", "iptables-restore beside kubecliff", kubecliff::bench::bench_writer},
    Part{"restore", "the restore collector's CPU", kubecliff::bench::bench_restore},
    Part{"alerting", "what it costs a node to judge itself", kubecliff::bench::bench_alerting},
    Part{"traversal", "what a flow pays", kubecliff::bench::bench_traversal},
};

std::string list_of_parts() {
  std::string text = "Parts:\n";
  for (const Part& part : kParts) {
    text += "  " + std::string{part.name} + std::string(12 - std::string{part.name}.size(), ' ') +
            part.summary + "\n";
  }
  return text;
}

// False where it could not be measured to its end.
bool measure(const Part& part, const Plan& plan, Table& table) {
  try {
    part.measure(plan, table);
  } catch (const std::exception& error) {
    std::cerr << "bench: " << part.name << " could not be measured: " << error.what() << '\n';
    return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> names;
  bool quick = false;
  std::string program = KUBECLIFF_BINARY;

  CLI::App app{"Measures kubecliff against what it is compared with, in one run."};
  std::vector<std::string> known;
  known.reserve(kParts.size());
  for (const Part& part : kParts) {
    known.emplace_back(part.name);
  }
  app.add_option("NAME", names, "parts to measure; all where none is named")
      ->check(CLI::IsMember(known));
  app.add_flag("--quick", quick, "fewer rounds, shorter windows");
  app.add_option("--program", program, "the kubecliff to measure");
  app.footer(list_of_parts());
  CLI11_PARSE(app, argc, argv);
  if (::geteuid() != 0) {
    std::cerr << "bench: network namespaces and rulesets take root\n";
    return 1;
  }

  const Plan plan{
      .effort = quick ? kubecliff::bench::Effort::quick : kubecliff::bench::Effort::full,
      .program = program};
  Table table;
  bool all_measured = true;
  try {
    kubecliff::bench::use_private_xtables_lock();
    const kubecliff::bench::Machine machine;
    for (const Part& part : kParts) {
      if (names.empty() ? !part.emulated : std::ranges::find(names, part.name) != names.end()) {
        all_measured &= measure(part, plan, table);
      }
    }
    table.print(std::cout);
    std::cout << machine.text() << '\n';
  } catch (const std::exception& error) {
    std::cerr << "bench: " << error.what() << '\n';
    return 1;
  }
  return all_measured ? 0 : 1;
}
