#include "exporter/report/facts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "exporter/alerting/evaluate.h"
#include "exporter/alerting/expression.h"

namespace kubecliff::report {
namespace {

using namespace std::chrono_literals;

struct FactSpec {
  std::string_view section;
  std::string_view id;
  std::string_view text;
  std::string_view unit;
  std::string_view value;
  std::chrono::seconds needs = {};  // of history, to mean anything
  std::size_t most = 0;             // of its series, the largest; 0: all, as they were served
};

// What conntrack's entries grow by in a minute, by the line through the last half hour.
#define KUBECLIFF_GROWTH                                  \
  "(predict_linear(kubecliff_conntrack_entries[30m], 60)" \
  " - predict_linear(kubecliff_conntrack_entries[30m], 0))"

constexpr std::array kFacts{
    FactSpec{.section = "size",
             .id = "iptables_services",
             .text = "Service ports in iptables",
             .unit = "",
             .value = "kubecliff_iptables_services > 0"},
    FactSpec{.section = "size",
             .id = "iptables_endpoints",
             .text = "endpoints in iptables",
             .unit = "",
             .value = "kubecliff_iptables_endpoints > 0"},
    FactSpec{.section = "size",
             .id = "iptables_rules",
             .text = "iptables rules",
             .unit = "",
             .value = "sum without (table) (kubecliff_iptables_rules) > 0"},
    FactSpec{.section = "size",
             .id = "worst_case_walk_rules",
             .text = "rules that a new flow walks at worst",
             .unit = "",
             .value = "kubecliff_iptables_worst_case_walk_rules > 0"},
    FactSpec{.section = "size",
             .id = "nftables_services",
             .text = "Service ports in nftables",
             .unit = "",
             .value = "kubecliff_nftables_services"},
    FactSpec{.section = "size",
             .id = "nftables_endpoints",
             .text = "endpoints in nftables",
             .unit = "",
             .value = "kubecliff_nftables_endpoints"},
    FactSpec{.section = "size",
             .id = "nftables_rules",
             .text = "nftables rules of kube-proxy",
             .unit = "",
             .value = "kubecliff_nftables_rules"},
    FactSpec{.section = "size",
             .id = "ipvs_virtual_servers",
             .text = "virtual servers of IPVS",
             .unit = "",
             .value = "sum without (protocol, scheduler) (kubecliff_ipvs_virtual_servers) > 0"},
    FactSpec{.section = "size",
             .id = "ipvs_real_servers",
             .text = "real servers of IPVS",
             .unit = "",
             .value = "sum without (protocol, state) (kubecliff_ipvs_real_servers) > 0"},

    FactSpec{.section = "costs",
             .id = "restore_last_seconds",
             .text = "last update",
             .unit = "seconds",
             .value = "kubecliff_restore_last_duration_seconds"},
    FactSpec{
        .section = "costs",
        .id = "restore_p99_seconds",
        .text = "updates of the last hour: 99 % took less than",
        .unit = "seconds",
        .value = "histogram_quantile(0.99, rate(kubecliff_restore_duration_seconds_bucket[1h]))",
        .needs = 5min},
    FactSpec{.section = "costs",
             .id = "restore_runs_per_minute",
             .text = "updates",
             .unit = "/min",
             .value = "sum without (result) (rate(kubecliff_restore_runs_total[10m])) * 60 > 0",
             .needs = 1min},
    FactSpec{.section = "costs",
             .id = "kubeproxy_sync_p99_seconds",
             .text = "kube-proxy's own word on its syncs of the last hour: 99 % took less than",
             .unit = "seconds",
             .value = "histogram_quantile(0.99, "
                      "rate(kubeproxy_sync_proxy_rules_duration_seconds_bucket[1h]))",
             .needs = 5min},
    FactSpec{.section = "costs",
             .id = "kubeproxy_sync_age_seconds",
             .text = "since kube-proxy's last sync",
             .unit = "seconds",
             .value = "kubecliff_kubeproxy_sync_age_seconds"},
    FactSpec{.section = "costs",
             .id = "new_flow_seconds",
             .text = "a new flow is sent in (median)",
             .unit = "seconds",
             .value = "histogram_quantile(0.5, sum without (flow) "
                      "(rate(kubecliff_traversal_seconds_bucket{flow=\"new\"}[10m])))"},
    FactSpec{.section = "costs",
             .id = "established_flow_seconds",
             .text = "a packet of an established flow is sent in (median)",
             .unit = "seconds",
             .value = "histogram_quantile(0.5, sum without (flow) "
                      "(rate(kubecliff_traversal_seconds_bucket{flow=\"established\"}[10m])))"},
    FactSpec{.section = "costs",
             .id = "walk_floor_seconds",
             .text = "walking the rules delays a new flow by at least",
             .unit = "seconds",
             .value = "sum without (flow) (kubecliff_traversal_floor_seconds{flow=\"new\"}) - sum "
                      "without (flow) (kubecliff_traversal_floor_seconds{flow=\"established\"})"},
    FactSpec{.section = "costs",
             .id = "walk_cores",
             .text = "CPU spent on walking rules",
             .unit = "cores",
             .value = "rate(kubecliff_walk_cpu_seconds_total[10m])"},
    FactSpec{.section = "costs",
             .id = "propagation_p50_seconds",
             .text = "changes of endpoints in the last hour: half reached this node within",
             .unit = "seconds",
             .value = "histogram_quantile(0.5, rate(kubecliff_propagation_seconds_bucket[1h]))",
             .needs = 5min},
    FactSpec{.section = "costs",
             .id = "propagation_p99_seconds",
             .text = "changes of endpoints in the last hour: 99 % reached this node within",
             .unit = "seconds",
             .value = "histogram_quantile(0.99, rate(kubecliff_propagation_seconds_bucket[1h]))",
             .needs = 5min},

    FactSpec{.section = "conntrack",
             .id = "conntrack_entries",
             .text = "connections tracked",
             .unit = "",
             .value = "kubecliff_conntrack_entries"},
    FactSpec{.section = "conntrack",
             .id = "conntrack_limit",
             .text = "connections that can be tracked",
             .unit = "",
             .value = "kubecliff_conntrack_entries_limit"},
    FactSpec{.section = "conntrack",
             .id = "conntrack_growth",
             .text = "growth",
             .unit = "/min",
             .value = KUBECLIFF_GROWTH,
             .needs = 5min},
    FactSpec{.section = "conntrack",
             .id = "conntrack_full_in_seconds",
             .text = "full, if it goes on growing like that, in",
             .unit = "seconds",
             .value = "60 * (kubecliff_conntrack_entries_limit - kubecliff_conntrack_entries) / "
                      "(" KUBECLIFF_GROWTH " > 0)",
             .needs = 5min},
    FactSpec{.section = "conntrack",
             .id = "conntrack_drops",
             .text = "packets dropped because they cannot be tracked",
             .unit = "/s",
             .value = "rate(kubecliff_conntrack_drop_total[5m])"
                      " - (rate(kubecliff_conntrack_insert_failed_total[5m])"
                      " - rate(kubecliff_conntrack_chain_too_long_total[5m])"
                      " or rate(kubecliff_conntrack_insert_failed_total[5m]))"},
    FactSpec{.section = "conntrack",
             .id = "conntrack_insert_failed",
             .text = "new connections lost to clashes",
             .unit = "/s",
             .value = "rate(kubecliff_conntrack_insert_failed_total[5m])"},
    FactSpec{.section = "conntrack",
             .id = "conntrack_early_drop",
             .text = "connections evicted to make room",
             .unit = "/s",
             .value = "rate(kubecliff_conntrack_early_drop_total[5m])"},
    FactSpec{.section = "conntrack",
             .id = "conntrack_flows",
             .text = "flows",
             .unit = "",
             .value = "kubecliff_conntrack_flows > 0",
             .most = 5},
    FactSpec{.section = "conntrack",
             .id = "conntrack_stale_flows",
             .text = "flows to backends that are gone",
             .unit = "",
             .value = "kubecliff_conntrack_stale_flows > 0"},
};

#undef KUBECLIFF_GROWTH

struct SectionSpec {
  std::string_view id;
  std::string_view title;
};
constexpr std::array kSections{
    SectionSpec{.id = "size", .title = "Size"},
    SectionSpec{.id = "costs", .title = "What an update and a connection cost now"},
    SectionSpec{.id = "conntrack", .title = "Connection tracking"}};

constexpr std::string_view kVerdict = "kubecliff_dataplane_mode{signal=\"verdict\"} == 1";
constexpr std::string_view kKubeProxyMode = "kubecliff_kubeproxy_mode == 1";
constexpr std::string_view kConflicts = "kubecliff_dataplane_conflict == 1";

// They are ours. Each is parsed once.
const Expression& parsed(std::string_view text) {
  static const std::map<std::string_view, ExpressionPtr> all = [] {
    std::map<std::string_view, ExpressionPtr> expressions;
    const auto parse = [&](std::string_view each) {
      auto expression = parse_expression(each);
      if (!expression) {
        std::abort();
      }
      expressions.emplace(each, std::move(*expression));
    };
    std::ranges::for_each(kFacts, parse, &FactSpec::value);
    std::ranges::for_each(std::array{kVerdict, kKubeProxyMode, kConflicts}, parse);
    return expressions;
  }();
  return *all.at(text);
}

std::vector<Sample> answers(std::string_view text, const History& history, Moment moment) {
  const auto samples = evaluate(parsed(text), history, moment);
  return samples ? *samples : std::vector<Sample>{};
}

void add_facts(const FactSpec& spec, std::vector<Sample> samples, std::vector<Fact>& to) {
  std::erase_if(samples, [](const Sample& sample) { return !std::isfinite(sample.value); });
  if (spec.most > 0) {
    std::ranges::stable_sort(samples, std::ranges::greater{}, &Sample::value);
    samples.resize(std::min(samples.size(), spec.most));
  }
  for (Sample& sample : samples) {
    to.push_back({.id = std::string{spec.id},
                  .text = std::string{spec.text},
                  .labels = std::move(sample.labels),
                  .value = sample.value,
                  .unit = std::string{spec.unit}});
  }
}

std::vector<std::string> values(std::string_view text, std::string_view label,
                                const History& history, Moment moment) {
  std::vector<std::string> found;
  for (const Sample& sample : answers(text, history, moment)) {
    found.emplace_back(value_of(sample.labels, label));
  }
  return found;
}

std::string first(const std::vector<std::string>& texts) {
  return texts.empty() ? std::string{} : texts.front();
}

}  // namespace

void remember_facts(History& history) {
  const auto remember = [&](std::string_view text) {
    for (const Selector* selector : selectors(parsed(text))) {
      history.remember(*selector);
    }
  };
  std::ranges::for_each(kFacts, remember, &FactSpec::value);
  std::ranges::for_each(std::array{kVerdict, kKubeProxyMode, kConflicts}, remember);
}

std::vector<Section> sections_of(const History& history, Moment moment,
                                 std::chrono::seconds covers) {
  std::vector<Section> sections;
  for (const SectionSpec& spec : kSections) {
    Section section{.id = std::string{spec.id}, .title = std::string{spec.title}, .facts = {}};
    for (const FactSpec& fact : kFacts) {
      if (fact.section == spec.id && fact.needs <= covers) {
        add_facts(fact, answers(fact.value, history, moment), section.facts);
      }
    }
    if (!section.facts.empty()) {
      sections.push_back(std::move(section));
    }
  }
  return sections;
}

Mode mode_of(const History& history, Moment moment) {
  return {.verdict = first(values(kVerdict, "mode", history, moment)),
          .kube_proxy_mode = first(values(kKubeProxyMode, "mode", history, moment)),
          .conflicts = values(kConflicts, "kind", history, moment)};
}

}  // namespace kubecliff::report
