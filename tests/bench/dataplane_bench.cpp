#include <sys/mount.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <vector>

#include "collectors/dataplane/dataplane.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/bench/timed_collector.h"
#include "tests/bench/workload.h"
#include "tests/integration/dataplane/cilium_maps.h"
#include "tests/support/run_tool.h"

namespace kubecliff::bench {
namespace {

constexpr std::chrono::microseconds kUnchangedLimit{20};
constexpr std::array<std::string_view, 4> kMaps{"cilium_lb4_services_v2", "cilium_lb4_backends_v3",
                                                "cilium_lb6_services_v2", "cilium_lb6_backends_v3"};

nanoseconds refresh(TimedCollector& collector, Duration later, RefreshKind kind) {
  const TimedRefresh refresh = collector.refresh(later);
  if (refresh.kind != kind) {
    throw std::runtime_error{"the dataplane collector read more or less than it should"};
  }
  return refresh.cpu;
}

nanoseconds cpu_of_bpftool(const test::CiliumMaps& maps) {
  nanoseconds cpu{};
  for (const std::string_view name : kMaps) {
    cpu += must(test::run_tool({"bpftool", "-j", "map", "dump", "pinned", maps.pin(name)})).cpu;
  }
  return cpu;
}

}  // namespace

void bench_dataplane(const Plan& plan, Table& table) {
  using namespace std::chrono_literals;
  // Seen by this process alone, where the collector looks for it.
  test::CiliumMaps maps;
  if (::mount(maps.bpf_fs().c_str(), "/sys/fs/bpf", nullptr, MS_BIND, nullptr) < 0) {
    throw std::system_error{errno, std::generic_category(), "mount a bpffs"};
  }

  tell("refresh of the dataplane collector");
  TimedCollector collector{dataplane::spec()};
  collector.refresh();
  Spread unchanged;
  Spread settings;
  for (int i = 0; i < plan.of(200, 20); ++i) {
    unchanged.add(refresh(collector, 1s, RefreshKind::unchanged));
    settings.add(refresh(collector, 60s, RefreshKind::full));
  }
  table.add({.figure = "CPU of a dataplane refresh, nothing new",
             .measured = unchanged.text(),
             .target = at_most(1, ratio(unchanged.median(), kUnchangedLimit), "<= 20 us")});
  table.add({.figure = "  when it reads settings, once a minute", .measured = settings.text()});

  tell("full eBPF maps");
  constexpr std::uint32_t kEntries = 65'536;
  for (const std::string_view name : kMaps) {
    maps.add(name, kEntries, kEntries);
  }
  const auto [ours, bpftool] =
      in_turns<2>(plan.of(10, 3), [] {},
                  {[&] { return refresh(collector, 60s, RefreshKind::full); },
                   [&] { return cpu_of_bpftool(maps); }});
  if (collector.value("kubecliff_dataplane_map_entries", {"lb4_services"}) != kEntries) {
    throw std::runtime_error{"the dataplane collector counts wrongly"};
  }
  table.add({.figure = "  with four eBPF maps of 65,536 entries each",
             .measured = ours.text(),
             .reference = "bpftool -j map dump: " + bpftool.text(),
             .ratio = ratio(ours, bpftool),
             .target = at_most(1, ratio(ours, bpftool), "less")});
}

}  // namespace kubecliff::bench
