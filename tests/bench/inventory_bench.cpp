// Reading Services by name, and who has the most flows: what a report costs.
#include <malloc.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <tuple>

#include "collectors/inventory/flows.h"
#include "collectors/inventory/services.h"
#include "tests/bench/bare_kernel.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/bench/workload.h"
#include "tests/integration/conntrack/traffic.h"
#include "tests/support/nftables_ruleset.h"

namespace kubecliff::bench {
namespace {

using test::KubeProxyShape;

constexpr int kEndpoints = 10;
constexpr int kSizes[] = {1'000, 5'000};
constexpr int kFlows = 100'000;

nanoseconds read(int services) {
  return cpu_of([services] {
    const auto read = must(inventory::read_services({}));
    if (!read.misses.empty()) {
      throw std::runtime_error{read.misses.front().error.message};
    }
    std::size_t endpoints = 0;
    for (const inventory::Service& service : read.services) {
      endpoints += service.endpoints.size();
    }
    if (read.services.size() != static_cast<std::size_t>(services) ||
        endpoints != read.services.size() * kEndpoints) {
      throw std::runtime_error{"not all Services were read"};
    }
  });
}

void bench_iptables(const Plan& plan, Backend backend, int services, Table& table) {
  const std::string what = std::string{label(backend)} + " " + size_text(services, kEndpoints);
  tell("names of Services: " + what);
  const test::NetworkNamespace node = must(test::NetworkNamespace::enter());
  load(backend, test::plain(services, kEndpoints));
  BareNetlink netlink;
  const auto [ours, bare] = in_turns<2>(plan.of(11, 3), [] {},
                                        {[&] { return read(services); },
                                         [&] {
                                           return cpu_of([&] {
                                             if (backend == Backend::legacy) {
                                               get_legacy_entries();
                                             } else {
                                               netlink.dump_chain_by_chain();
                                             }
                                           });
                                         }});
  table.add({.figure = "CPU of reading Services by name, iptables " + what,
             .measured = ours.text(),
             .reference = "the same bytes, thrown away: " + bare.text(),
             .ratio = ratio(ours, bare)});
}

void bench_nftables(const Plan& plan, KubeProxyShape release, int services, Table& table) {
  const std::string what =
      std::string{release == KubeProxyShape::from_1_36 ? "since 1.36 " : "up to 1.35 "} +
      size_text(services, kEndpoints);
  tell("names of Services: nftables " + what);
  const test::NetworkNamespace node = must(test::NetworkNamespace::enter());
  std::ignore = must(test::nft(
      {"-f", "-"}, test::NftablesRuleset{test::plain(services, kEndpoints), release}.script()));
  ::malloc_trim(0);
  Spread spread;
  for (int i = 0; i < plan.of(11, 3); ++i) {
    spread.add(read(services));
  }
  table.add(
      {.figure = "CPU of reading Services by name, nftables " + what, .measured = spread.text()});
}

void bench_flows(const Plan& plan, Table& table) {
  tell("addresses with the most flows");
  const test::NetworkNamespace node = must(test::NetworkNamespace::enter());
  test::switch_tracking_on();
  const int refused = test::send_udp_flows(kFlows);
  const auto flows = static_cast<std::uint64_t>(kFlows - refused);
  BareNetlink netlink;
  const auto [ours, bare] =
      in_turns<2>(plan.of(11, 3), [] {},
                  {[&] {
                     return cpu_of([&] {
                       if (must(inventory::read_flows({})).total < flows / 100 * 99) {
                         throw std::runtime_error{"not all flows were read"};
                       }
                     });
                   },
                   [&] { return cpu_of([&] { std::ignore = netlink.dump_flows(); }); }});
  table.add({.figure = "CPU of finding who has the most of " + count_text(flows) + " flows",
             .measured = ours.text(),
             .reference = "bare ctnetlink dump: " + bare.text(),
             .ratio = ratio(ours, bare)});
}

}  // namespace

void bench_inventory(const Plan& plan, Table& table) {
  for (const int services : kSizes) {
    for (const Backend backend : test::kBackends) {
      bench_iptables(plan, backend, services, table);
    }
    for (const KubeProxyShape release : {KubeProxyShape::from_1_36, KubeProxyShape::up_to_1_35}) {
      bench_nftables(plan, release, services, table);
    }
  }
  bench_flows(plan, table);
}

}  // namespace kubecliff::bench
