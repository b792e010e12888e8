// The iptables collector, at its defaults, called as its thread in the product calls it.
#include <malloc.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "collectors/iptables/iptables.h"
#include "tests/bench/bare_kernel.h"
#include "tests/bench/bench.h"
#include "tests/bench/endpoint_change.h"
#include "tests/bench/timed_collector.h"
#include "tests/bench/workload.h"

namespace kubecliff::bench {
namespace {

using test::Ruleset;

constexpr int kFew = 100;
constexpr int kMany = 10'000;
constexpr int kEndpoints = 5;
// Less than the interval of full passes, all together; more than that of the counters of new flows.
constexpr Duration kUnchangedStep{500};
constexpr nanoseconds kUnchangedLimit = std::chrono::microseconds{100};

// A ruleset that is read wrongly is not worth measuring.
void expect_services(const TimedCollector& collector, Backend backend, const Ruleset& ruleset) {
  const auto read = static_cast<std::int64_t>(
      collector.value("kubecliff_iptables_services", {label(backend), "ipv4"}));
  if (read != ruleset.expected().services) {
    throw std::runtime_error{"read " + std::to_string(read) + " Services where there are " +
                             std::to_string(ruleset.expected().services)};
  }
}

struct Unchanged {
  Spread unchanged;
  Spread with_flows;  // every 15 s the counters of new flows are looked at
};

Unchanged measure_unchanged(const Plan& plan) {
  TimedCollector collector{iptables::spec()};
  collector.refresh();
  Unchanged spreads;
  for (int i = 0; i < plan.of(600, 150); ++i) {
    // Without a pause the caches would stay warmer than a daemon ever finds them.
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
    const TimedRefresh refresh = collector.refresh(kUnchangedStep);
    if (refresh.kind == RefreshKind::full) {
      throw std::runtime_error{"an unchanged ruleset was read again"};
    }
    (refresh.kind == RefreshKind::unchanged ? spreads.unchanged : spreads.with_flows)
        .add(refresh.cpu);
  }
  return spreads;
}

void add_unchanged(Backend backend, const Unchanged& few, const Unchanged& many, Table& table) {
  const std::string figure = "CPU of a refresh, unchanged ruleset, ";
  const std::string which = ", " + std::string{label(backend)};
  const auto target = [](const Spread& spread) {
    return at_most(1, ratio(spread.median(), kUnchangedLimit), "<= 100 us");
  };
  const auto at_few = [](const Spread& spread) {
    return "at " + size_text(kFew) + ": " + duration_text(spread.median());
  };
  table.add({.figure = figure + size_text(kFew) + which,
             .measured = few.unchanged.text(),
             .target = target(few.unchanged)});
  table.add({.figure = figure + size_text(kMany) + which,
             .measured = many.unchanged.text(),
             .reference = at_few(few.unchanged),
             .ratio = ratio(many.unchanged, few.unchanged),
             .target = target(many.unchanged)});
  table.add({.figure = "  when it counts new flows as well, every 15 s",
             .measured = many.with_flows.text(),
             .reference = at_few(few.with_flows),
             .ratio = ratio(many.with_flows, few.with_flows)});
}

// The collector, the bare reference and iptables-save, in turns.
struct Compared {
  Spread collector;
  Spread bare;
  Spread save;
};

Compared compare(const Plan& plan, const std::function<void()>& prepare,
                 const std::function<nanoseconds()>& collector, const std::function<void()>& bare,
                 Backend backend) {
  auto [ours, reference, save] = in_turns<3>(
      plan.of(9, 3), prepare,
      {collector, [&bare] { return cpu_of(bare); }, [backend] { return cpu_of_save(backend); }});
  return {std::move(ours), std::move(reference), std::move(save)};
}

void add_save_row(const std::string& figure, const Compared& compared, Backend backend,
                  std::optional<double> times_less, Table& table) {
  const double to_save = ratio(compared.collector, compared.save);
  table.add(
      {.figure = figure,
       .measured = compared.collector.text(),
       .reference = test::tool_name(backend, Family::ipv4, "save") + ": " + compared.save.text(),
       .ratio = to_save,
       .target =
           times_less ? at_least_times_less(*times_less, to_save) : at_most(1, to_save, "less")});
}

void add_bare_row(const std::string& figure, const Compared& compared, std::string_view bare,
                  double limit, Table& table) {
  const double to_bare = ratio(compared.collector, compared.bare);
  table.add({.figure = figure,
             .measured = compared.collector.text(),
             .reference = std::string{bare} + ": " + compared.bare.text(),
             .ratio = to_bare,
             .target = at_most_times(limit, to_bare)});
}

// The first refresh of a collector, its look at what this kernel is able to do included.
void bench_first(const Plan& plan, Backend backend, const Ruleset& ruleset, Table& table) {
  tell("first refresh, " + std::string{label(backend)});
  const bool nft = backend == Backend::nft;
  BareNetlink netlink;
  const Compared compared = compare(
      plan, [] { ::malloc_trim(0); },
      [&] {
        TimedCollector collector{iptables::spec()};
        const TimedRefresh refresh = collector.refresh();
        expect_services(collector, backend, ruleset);
        return refresh.cpu;
      },
      [&] { nft ? netlink.dump_chain_by_chain() : get_legacy_entries(); }, backend);
  const std::string figure =
      "CPU of the first full refresh, " + size_text(kMany) + ", " + std::string{label(backend)};
  add_bare_row(figure, compared, nft ? "bare dump, chain by chain" : "bare GET_ENTRIES",
               nft ? 1.25 : 1.3, table);
  add_save_row(figure, compared, backend, std::nullopt, table);
}

// One collector through all rounds; `change` gives the restore input of the next change.
void bench_changed(const Plan& plan, const std::string& what, Ruleset& ruleset,
                   const std::function<std::string()>& change, Table& table) {
  tell("refresh after " + what);
  BareNetlink netlink;
  TimedCollector collector{iptables::spec()};
  collector.refresh();
  const Compared compared = compare(
      plan,
      [&] {
        apply_change(Backend::nft, change());
        ::malloc_trim(0);
      },
      [&] {
        const TimedRefresh refresh = collector.refresh();
        if (refresh.kind != RefreshKind::incremental) {
          throw std::runtime_error{"a change of one Service was not read as one"};
        }
        expect_services(collector, Backend::nft, ruleset);
        return refresh.cpu;
      },
      [&] { netlink.dump_chains(); }, Backend::nft);
  const std::string figure = "CPU of a refresh, " + what + ", " + size_text(kMany) + ", nft";
  add_bare_row(figure, compared, "bare chain dump", 1.4, table);
  add_save_row(figure, compared, Backend::nft, 20, table);
}

}  // namespace

void bench_refresh(const Plan& plan, Table& table) {
  for (const Backend backend : test::kBackends) {
    const test::NetworkNamespace node = must(test::NetworkNamespace::enter());
    load(backend, test::plain(kFew, kEndpoints));
    const Unchanged few = measure_unchanged(plan);

    Ruleset ruleset{test::plain(kMany, kEndpoints)};
    load(backend, test::plain(kMany, kEndpoints));
    add_unchanged(backend, few, measure_unchanged(plan), table);
    bench_first(plan, backend, ruleset, table);
    if (backend == Backend::nft) {
      EndpointChange endpoint{ruleset};
      bench_changed(plan, "one endpoint replaced", ruleset, [&] { return endpoint.next(); }, table);
      bench_changed(
          plan, "one Service added or removed", ruleset,
          [&] {
            return ruleset.services().size() > kMany
                       ? ruleset.remove_service(ruleset.services().size() - 1)
                       : ruleset.add_service();
          },
          table);
    }
  }
}

}  // namespace kubecliff::bench
