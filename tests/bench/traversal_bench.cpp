// What a flow pays against the number of Services, as the traversal collector measures it.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>

#include "collectors/traversal/traversal.h"
#include "tests/bench/bench.h"
#include "tests/bench/timed_collector.h"
#include "tests/bench/workload.h"

namespace kubecliff::bench {
namespace {

struct Floors {
  double first = HUGE_VAL;
  double later = HUGE_VAL;
};

// The lowest of some rounds: noise only ever adds.
Floors measure(const Plan& plan) {
  Floors floors;
  TimedCollector collector{traversal::spec()};
  for (int i = 0; i < plan.of(5, 2); ++i) {
    collector.refresh();
    const auto floor = [&](std::string_view flow) {
      return collector.value("kubecliff_traversal_floor_seconds", {"ipv4", flow});
    };
    floors.first = std::min(floors.first, floor("new"));
    floors.later = std::min(floors.later, floor("established"));
  }
  return floors;
}

}  // namespace

void bench_traversal(const Plan& plan, Table& table) {
  for (const Backend backend : test::kBackends) {
    const test::NetworkNamespace node = must(test::NetworkNamespace::enter());
    // Without rules nothing is tracked, and no flow is new: one Service stands for none.
    for (const int services : {1, 1'000, 2'000, 5'000, 10'000}) {
      tell("traversal, " + std::to_string(services) + " Services, " + std::string{label(backend)});
      load(backend, test::plain(services, 1));
      const Floors floors = measure(plan);
      std::array<char, 64> text{};
      std::snprintf(text.data(), text.size(), "%.1f us", floors.first * 1e6);
      std::array<char, 64> reference{};
      std::snprintf(reference.data(), reference.size(), "established: %.1f us", floors.later * 1e6);
      table.add({.figure = "a new flow past " + std::to_string(services) + " Services, " +
                           std::string{label(backend)},
                 .measured = text.data(),
                 .reference = reference.data(),
                 .ratio = floors.first / floors.later});
    }
  }
}

}  // namespace kubecliff::bench
