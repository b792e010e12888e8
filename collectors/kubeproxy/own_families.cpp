#include "collectors/kubeproxy/own_families.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

namespace kubecliff::kubeproxy {
namespace {

using prometheus::MetricType;

// Of kube-proxy's fifteen, which end at 16.4 s.
constexpr std::array kSyncBounds{0.016, 0.064, 0.256, 1.024, 4.096, 16.384};
constexpr std::array kFewSyncBounds{1.024, 16.384};
// Of kube-proxy's eighty.
constexpr std::array kProgrammingBounds{0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0};

// Families of addresses: IPv4 and IPv6, or none, which kube-proxy before 1.33 does not tell apart.
constexpr std::size_t kIpFamilies = 2;

constexpr std::array kFamilies{
    FamilySpec{.name = "kubeproxy_sync_proxy_rules_duration_seconds",
               .type = MetricType::Histogram,
               .help = "kube-proxy's own: how long it took to bring the rules up to date.",
               .labels = {"ip_family"},
               .max_series = kIpFamilies,
               .bounds = kSyncBounds},
    FamilySpec{.name = "kubeproxy_sync_full_proxy_rules_duration_seconds",
               .type = MetricType::Histogram,
               .help = "kube-proxy's own: how long the updates took that wrote all rules anew.",
               .labels = {"ip_family"},
               .max_series = kIpFamilies,
               .bounds = kFewSyncBounds},
    FamilySpec{.name = "kubeproxy_sync_partial_proxy_rules_duration_seconds",
               .type = MetricType::Histogram,
               .help = "kube-proxy's own: how long the updates took that wrote what had changed.",
               .labels = {"ip_family"},
               .max_series = kIpFamilies,
               .bounds = kFewSyncBounds},
    FamilySpec{.name = "kubeproxy_network_programming_duration_seconds",
               .type = MetricType::Histogram,
               .help =
                   "kube-proxy's own: from the change of a Service or an endpoint, by the clock of "
                   "the control plane, to the rules on this node.",
               .labels = {"ip_family"},
               .max_series = kIpFamilies,
               .bounds = kProgrammingBounds},
    FamilySpec{.name = "kubeproxy_sync_proxy_rules_last_timestamp_seconds",
               .help = "kube-proxy's own: when it last brought the rules up to date.",
               .labels = {"ip_family"},
               .max_series = kIpFamilies},
    FamilySpec{.name = "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds",
               .help = "kube-proxy's own: when it last learned of a change.",
               .labels = {"ip_family"},
               .max_series = kIpFamilies},
    FamilySpec{.name = "kubeproxy_sync_proxy_rules_endpoint_changes_pending",
               .help = "kube-proxy's own: changes of endpoints that are not in the rules yet."},
    FamilySpec{.name = "kubeproxy_sync_proxy_rules_endpoint_changes_total",
               .type = MetricType::Counter,
               .help = "kube-proxy's own: changes of endpoints that it learned of."},
    FamilySpec{.name = "kubeproxy_sync_proxy_rules_service_changes_pending",
               .help = "kube-proxy's own: changes of Services that are not in the rules yet."},
    FamilySpec{.name = "kubeproxy_sync_proxy_rules_service_changes_total",
               .type = MetricType::Counter,
               .help = "kube-proxy's own: changes of Services that it learned of."},
    FamilySpec{.name = "kubeproxy_sync_proxy_rules_iptables_total",
               .help = "kube-proxy's own: the rules that it has, by its own account.",
               .labels = {"ip_family", "table"},
               .max_series = kIpFamilies * 2},
    FamilySpec{.name = "kubeproxy_sync_proxy_rules_iptables_last",
               .help = "kube-proxy's own: the rules that it wrote with the last update.",
               .labels = {"ip_family", "table"},
               .max_series = kIpFamilies * 2},
    FamilySpec{.name = "kubeproxy_sync_proxy_rules_iptables_restore_failures_total",
               .type = MetricType::Counter,
               .help = "kube-proxy's own: runs of iptables-restore that failed.",
               .labels = {"ip_family"},
               .max_series = kIpFamilies},
    FamilySpec{
        .name = "kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total",
        .type = MetricType::Counter,
        .help =
            "kube-proxy's own: partial updates that failed, after which it writes all rules anew.",
        .labels = {"ip_family"},
        .max_series = kIpFamilies},
    FamilySpec{.name = "kubeproxy_sync_proxy_rules_nftables_sync_failures_total",
               .type = MetricType::Counter,
               .help = "kube-proxy's own: updates by nftables that failed.",
               .labels = {"ip_family"},
               .max_series = kIpFamilies},
    FamilySpec{.name = "kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total",
               .type = MetricType::Counter,
               .help = "kube-proxy's own: removals of what is stale that nftables refused.",
               .labels = {"ip_family"},
               .max_series = kIpFamilies},
    FamilySpec{.name = "kubeproxy_sync_proxy_rules_no_local_endpoints_total",
               .help =
                   "kube-proxy's own: Services with a local traffic policy and no endpoint on this "
                   "node.",
               .labels = {"ip_family", "traffic_policy"},
               .max_series = kIpFamilies * 2},
    FamilySpec{.name = "kubeproxy_iptables_ct_state_invalid_dropped_packets_total",
               .type = MetricType::Counter,
               .help = "kube-proxy's own: packets dropped because connection tracking could not "
                       "place them."},
    FamilySpec{.name = "kubeproxy_iptables_localhost_nodeports_accepted_packets_total",
               .type = MetricType::Counter,
               .help = "kube-proxy's own: packets to NodePorts by way of 127.0.0.1, which nftables "
                       "mode does not serve."},
    FamilySpec{.name = "kubeproxy_conntrack_reconciler_deleted_entries_total",
               .type = MetricType::Counter,
               .help = "kube-proxy's own: flows that it removed because their endpoint is gone.",
               .labels = {"ip_family"},
               .max_series = kIpFamilies},
};

constexpr std::size_t kMostLabelValue = 64;

std::string_view text_type(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Histogram:
      return "histogram";
    default:
      return "gauge";
  }
}

std::unexpected<Error> refused(const FamilySpec& family, std::string_view why) {
  return fail(ErrorKind::malformed,
              "left out " + std::string{family.name} + ": " + std::string{why});
}

bool is_plain(std::string_view value) {
  return value.size() <= kMostLabelValue &&
         std::ranges::all_of(value, [](char byte) { return byte >= ' ' && byte < '\x7F'; });
}

// The label `le` is left out: it is no label of a family.
Result<LabelValues> label_values(const FamilySpec& family, const TextSample& sample) {
  const auto names = family.labels.names();
  LabelValues values(names.size());
  for (const TextLabel& label : sample.labels) {
    if (family.type == MetricType::Histogram && label.name == "le") {
      continue;
    }
    const auto found = std::ranges::find(names, label.name);
    if (found == names.end()) {
      return refused(family, "it has a label that is not known here: " +
                                 label.name.substr(0, kMostLabelValue));
    }
    if (std::ranges::count(sample.labels, label.name, &TextLabel::name) > 1) {
      return refused(family, "it has its label " + label.name + " twice");
    }
    if (!is_plain(label.value)) {
      return refused(family, "the value of its label " + label.name + " is no plain word");
    }
    values[static_cast<std::size_t>(found - names.begin())] = label.value;
  }
  return values;
}

using Metrics = decltype(OwnFamily::metrics);

Result<Metrics> single_values(const FamilySpec& family, const TextFamily& text) {
  Metrics metrics;
  for (const TextSample& sample : text.samples) {
    Result<LabelValues> labels = label_values(family, sample);
    if (!labels) {
      return std::unexpected(labels.error());
    }
    const auto [metric, added] = metrics.try_emplace(std::move(*labels));
    if (!added) {
      return refused(family, "it has a series twice");
    }
    (family.type == MetricType::Counter ? metric->second.counter.value
                                        : metric->second.gauge.value) = sample.value;
  }
  return metrics;
}

// One histogram while its samples come in.
struct Parts {
  std::map<double, double> buckets;  // cumulative, by upper bound
  std::optional<double> sum;
  std::optional<double> count;
};

std::optional<double> upper_bound(const TextSample& sample) {
  const auto found = std::ranges::find(sample.labels, "le", &TextLabel::name);
  return found == sample.labels.end() ? std::nullopt : parse_value(found->value);
}

bool is_count(double value) {
  constexpr double kMost = 9'007'199'254'740'992;  // beyond it, a double skips whole numbers
  return value >= 0 && value <= kMost && std::floor(value) == value;
}

// False: that part was there already, or is none.
bool take(const TextSample& sample, Parts& parts) {
  if (sample.name.ends_with("_sum")) {
    return !std::exchange(parts.sum, sample.value);
  }
  if (!is_count(sample.value)) {
    return false;
  }
  if (sample.name.ends_with("_count")) {
    return !std::exchange(parts.count, sample.value);
  }
  const auto bound = upper_bound(sample);
  return bound && !std::isnan(*bound) && parts.buckets.emplace(*bound, sample.value).second;
}

bool adds_up(const Parts& parts) {
  return parts.sum && parts.count && !parts.buckets.empty() &&
         std::isinf(parts.buckets.rbegin()->first) &&
         parts.buckets.rbegin()->second == *parts.count &&
         std::ranges::is_sorted(parts.buckets, {}, &std::pair<const double, double>::second);
}

prometheus::ClientMetric histogram(const FamilySpec& family, const Parts& parts) {
  prometheus::ClientMetric metric;
  metric.histogram.sample_count = static_cast<std::uint64_t>(*parts.count);
  metric.histogram.sample_sum = *parts.sum;
  for (const auto& [bound, count] : parts.buckets) {
    if (std::isinf(bound) || std::ranges::binary_search(family.bounds, bound)) {
      metric.histogram.bucket.push_back(
          {.cumulative_count = static_cast<std::uint64_t>(count), .upper_bound = bound});
    }
  }
  return metric;
}

Result<Metrics> histograms(const FamilySpec& family, const TextFamily& text) {
  std::map<LabelValues, Parts> found;
  for (const TextSample& sample : text.samples) {
    Result<LabelValues> labels = label_values(family, sample);
    if (!labels) {
      return std::unexpected(labels.error());
    }
    if (!take(sample, found[std::move(*labels)])) {
      return refused(family, "a part of its histogram is there twice, or is no count");
    }
  }
  Metrics metrics;
  for (const auto& [labels, parts] : found) {
    if (!adds_up(parts)) {
      return refused(family, "its buckets do not add up to its count");
    }
    metrics.emplace(labels, histogram(family, parts));
  }
  return metrics;
}

Result<Metrics> metrics_of(const FamilySpec& family, const TextFamily& text) {
  if (text.type != text_type(family.type)) {
    return refused(family,
                   "it is a " + text.type + ", not a " + std::string{text_type(family.type)});
  }
  Result<Metrics> metrics =
      family.type == MetricType::Histogram ? histograms(family, text) : single_values(family, text);
  if (metrics && metrics->size() > family.max_series) {
    return refused(family, "it has more series than are known");
  }
  return metrics;
}

}  // namespace

std::span<const FamilySpec> own_families() {
  return kFamilies;
}

bool is_own_family(std::string_view name) {
  return std::ranges::find(kFamilies, name, &FamilySpec::name) != kFamilies.end();
}

OwnFamilies check_own_families(const TextFamilies& text) {
  OwnFamilies own;
  for (const FamilySpec& family : kFamilies) {
    const auto found = text.find(family.name);
    if (found == text.end()) {
      continue;
    }
    if (Result<Metrics> metrics = metrics_of(family, found->second)) {
      own.families.push_back({.spec = &family, .metrics = std::move(*metrics)});
    } else {
      own.refused.push_back({.spec = &family, .why = std::move(metrics.error())});
    }
  }
  return own;
}

const OwnFamily* find(const OwnFamilies& own, std::string_view name) {
  const auto found = std::ranges::find(own.families, name,
                                       [](const OwnFamily& family) { return family.spec->name; });
  return found == own.families.end() ? nullptr : &*found;
}

bool was_refused(const OwnFamilies& own, std::string_view name) {
  return std::ranges::any_of(
      own.refused, [name](const RefusedFamily& family) { return family.spec->name == name; });
}

void add(const OwnFamilies& own, Samples& out) {
  for (const OwnFamily& family : own.families) {
    for (const auto& [labels, metric] : family.metrics) {
      const std::vector<std::string_view> values{labels.begin(), labels.end()};
      out.add(*family.spec, values, metric);
    }
  }
}

}  // namespace kubecliff::kubeproxy
