#include <malloc.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

#include "collectors/nftables/nftables.h"
#include "collectors/nftables/table_reader.h"
#include "tests/bench/bare_kernel.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/bench/timed_collector.h"
#include "tests/bench/workload.h"
#include "tests/support/nftables_ruleset.h"

namespace kubecliff::bench {
namespace {

using test::KubeProxyShape;
using test::NftablesRuleset;

constexpr int kServices = 5'000;
constexpr int kEndpoints = 5;
constexpr std::chrono::microseconds kUnchangedLimit{100};
// More than it takes to read the maps of all Services, a few in each.
constexpr int kLooks = 64;

void run_nft(const std::string& script) {
  std::ignore = must(test::nft({"-f", "-"}, script));
}

nanoseconds cpu_of_nft_list() {
  return must(test::nft({"-j", "-t", "list", "table", "ip", "kube-proxy"})).cpu;
}

// One Service has six endpoints, then five again, then six.
class EndpointToggle {
 public:
  explicit EndpointToggle(NftablesRuleset& ruleset) : ruleset_{&ruleset} {}

  void next() {
    more_ = !more_;
    run_nft(ruleset_->scale_service(kServices / 2, more_ ? kEndpoints + 1 : kEndpoints));
  }

 private:
  NftablesRuleset* ruleset_;
  bool more_ = false;
};

void expect_right(const TimedCollector& collector, const NftablesRuleset& ruleset) {
  const auto expected = ruleset.expected();
  if (collector.value("kubecliff_nftables_services", {"ipv4"}) !=
          static_cast<double>(expected.services) ||
      collector.value("kubecliff_nftables_endpoints", {"ipv4"}) !=
          static_cast<double>(expected.endpoints)) {
    throw std::runtime_error{"the nftables collector counts wrongly"};
  }
}

Spread measure_unchanged(const Plan& plan, TimedCollector& collector) {
  Spread spread;
  for (int i = 0; i < plan.of(2'000, 200); ++i) {
    const TimedRefresh refresh = collector.refresh();
    if (refresh.kind != RefreshKind::unchanged) {
      throw std::runtime_error{"an unchanged ruleset was read again"};
    }
    spread.add(refresh.cpu);
  }
  return spread;
}

// What it takes, in many looks, until the endpoints of all Services were told.
nanoseconds learn_endpoints(TimedCollector& collector) {
  nanoseconds cpu = collector.refresh().cpu;
  for (int i = 0; i < kLooks; ++i) {
    cpu += collector.refresh().cpu;
  }
  return cpu;
}

// The collector, a bare dump of the sets and nft, in turns, each time after a change.
void bench_change(const Plan& plan, const std::string& where, NftablesRuleset& ruleset,
                  Table& table) {
  tell("refresh after a change" + where);
  TimedCollector collector{nftables::spec()};
  learn_endpoints(collector);
  BareNetlink netlink;
  EndpointToggle endpoint{ruleset};
  endpoint.next();
  collector.refresh();  // counts rules, so that those that follow need not
  Spread with_rules;
  const auto [ours, bare, nft] = in_turns<3>(
      plan.of(21, 5),
      [&] {
        endpoint.next();
        ::malloc_trim(0);
      },
      {[&] {
         const TimedRefresh refresh = collector.refresh(Duration{1});
         if (refresh.kind != RefreshKind::incremental) {
           throw std::runtime_error{"one endpoint's change was not read as one"};
         }
         expect_right(collector, ruleset);
         return refresh.cpu;
       },
       [&] { return cpu_of([&] { netlink.dump_kube_proxy_sets(); }); }, cpu_of_nft_list});
  for (int i = 0; i < plan.of(7, 2); ++i) {
    endpoint.next();
    with_rules.add(collector.refresh(nftables::TableReader::kChainInterval).cpu);
    expect_right(collector, ruleset);
  }

  const std::string figure =
      "CPU of a refresh, one endpoint more or less, " + size_text(kServices, kEndpoints) + where;
  table.add({.figure = figure,
             .measured = ours.text(),
             .reference = "bare set dump: " + bare.text(),
             .ratio = ratio(ours, bare),
             .target = at_most_times(1.3, ratio(ours, bare))});
  table.add({.figure = figure,
             .measured = ours.text(),
             .reference = "nft -j -t list table: " + nft.text(),
             .ratio = ratio(ours, nft)});
  table.add({.figure = "  when it counts rules as well, every 15 s at most",
             .measured = with_rules.text(),
             .reference = "nft -j -t list table: " + nft.text(),
             .ratio = ratio(with_rules, nft)});
}

void bench_shape(const Plan& plan, KubeProxyShape shape, Table& table) {
  const test::NetworkNamespace node = must(test::NetworkNamespace::enter());
  NftablesRuleset ruleset{test::plain(kServices, kEndpoints), shape};
  const std::string where =
      shape == KubeProxyShape::up_to_1_35 ? ", nftables mode <= 1.35" : ", nftables mode >= 1.36";
  tell("load" + where);
  run_nft(ruleset.script());
  ::malloc_trim(0);

  tell("first and unchanged refresh" + where);
  const auto [first, nft] = in_turns<2>(plan.of(5, 2), [] { ::malloc_trim(0); },
                                        {[&] {
                                           TimedCollector collector{nftables::spec()};
                                           const TimedRefresh refresh = collector.refresh();
                                           expect_right(collector, ruleset);
                                           return refresh.cpu;
                                         },
                                         cpu_of_nft_list});
  table.add({.figure = "CPU of the first refresh, " + size_text(kServices, kEndpoints) + where,
             .measured = first.text(),
             .reference = "nft -j -t list table: " + nft.text(),
             .ratio = ratio(first, nft),
             .target = at_most(1, ratio(first, nft), "less")});

  TimedCollector collector{nftables::spec()};
  Spread learned;
  learned.add(learn_endpoints(collector));
  table.add({.figure = "  until it knows the endpoints of all Services, in " + count_text(kLooks) +
                       " looks",
             .measured = learned.text(),
             .reference = "nft -j -t list table: " + nft.text(),
             .ratio = ratio(learned, nft)});
  const Spread unchanged = measure_unchanged(plan, collector);
  table.add({.figure = "CPU of a refresh, unchanged ruleset" + where,
             .measured = unchanged.text(),
             .target = at_most(1, ratio(unchanged.median(), kUnchangedLimit), "<= 100 us")});
  bench_change(plan, where, ruleset, table);
}

}  // namespace

void bench_nftables(const Plan& plan, Table& table) {
  for (const KubeProxyShape shape : {KubeProxyShape::up_to_1_35, KubeProxyShape::from_1_36}) {
    bench_shape(plan, shape, table);
  }
}

}  // namespace kubecliff::bench
