#include "collectors/kubeproxy/kubeproxy.h"

#include <linux/capability.h>
#include <linux/netlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/histogram.h>

#include "collectors/kernel/address_family.h"
#include "collectors/kernel/host_network.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/kernel/nftables.h"
#include "collectors/kernel/process_stat.h"
#include "collectors/kernel/procfs.h"
#include "collectors/kubeproxy/bursts.h"
#include "collectors/kubeproxy/endpoint.h"
#include "collectors/kubeproxy/http_get.h"
#include "collectors/kubeproxy/own_families.h"
#include "collectors/kubeproxy/process.h"
#include "collectors/kubeproxy/sync_times.h"
#include "collectors/kubeproxy/text_format.h"

namespace kubecliff::kubeproxy {
namespace {

using prometheus::MetricType;
using namespace std::chrono_literals;

constexpr std::array kBusyBounds{0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1200.0};

constexpr FamilySpec kUp{.name = "kubecliff_kubeproxy_up",
                         .help =
                             "1 where kube-proxy's own metrics could be read; 0 where nobody "
                             "answers at its URL, or what is answered is broken."};
constexpr FamilySpec kMode{.name = "kubecliff_kubeproxy_mode",
                           .help = "1 for the mode that kube-proxy says it runs in.",
                           .labels = {"mode"},
                           .max_series = 4};
constexpr FamilySpec kCpu{.name = "kubecliff_kubeproxy_cpu_seconds_total",
                          .type = MetricType::Counter,
                          .help =
                              "CPU time that kube-proxy's process has used; of its children see "
                              "kubecliff_restore_cpu_seconds_total."};
constexpr FamilySpec kMemory{.name = "kubecliff_kubeproxy_resident_memory_bytes",
                             .help = "Resident memory of kube-proxy's process."};
constexpr FamilySpec kStart{.name = "kubecliff_kubeproxy_start_time_seconds",
                            .help = "When kube-proxy's process was started."};
constexpr FamilySpec kRestarts{
    .name = "kubecliff_kubeproxy_restarts_total",
    .type = MetricType::Counter,
    .help = "How often another process of kube-proxy took the place of the last one."};
constexpr FamilySpec kSyncAge{
    .name = "kubecliff_kubeproxy_sync_age_seconds",
    .help =
        "Time since kube-proxy last brought the rules up to date; since its start where it never "
        "did. Where nothing changes, iptables and nftables mode do so once an hour: what waits is "
        "told by kubecliff_kubeproxy_sync_queued_seconds.",
    .labels = {"family"},
    .max_series = 3};
constexpr FamilySpec kSyncQueued{
    .name = "kubecliff_kubeproxy_sync_queued_seconds",
    .help =
        "For how long the oldest change that kube-proxy has learned of has not been in the rules; "
        "0 where none waits. Minutes are a kube-proxy that is stuck, whatever its health check "
        "says.",
    .labels = {"family"},
    .max_series = 3};
constexpr FamilySpec kFirstSync{
    .name = "kubecliff_kubeproxy_first_sync_seconds",
    .help =
        "From kube-proxy's start to the first rules that it wrote: how long a node that restarts "
        "routes nothing new. There where that was seen.",
    .labels = {"family"},
    .max_series = 3};
constexpr FamilySpec kBusy{
    .name = "kubecliff_ruleset_busy_seconds",
    .type = MetricType::Histogram,
    .help =
        "How long kube-proxy in nftables mode was at work on each change of the ruleset, told from "
        "its CPU time and the ruleset's generation; less than a second or two is not seen. Where "
        "it starts nft instead, see kubecliff_restore_duration_seconds.",
    .bounds = kBusyBounds};
constexpr FamilySpec kBusyRunning{
    .name = "kubecliff_ruleset_busy_running_seconds",
    .help =
        "For how long kube-proxy in nftables mode has now been at work, on the ruleset or on what "
        "goes into it; 0 where it is not. Where it starts nft instead, see "
        "kubecliff_restore_running_seconds."};

constexpr std::string_view kUrl = "kubeproxy.url";
constexpr std::string_view kUrlExpected =
    "http://ADDRESS:PORT such as http://127.0.0.1:10249, an IPv6 address in brackets";
constexpr OptionSpec kOwnMetrics{
    .name = "kubeproxy.own-metrics",
    .default_value = true,
    .help = "Serve kube-proxy's own metrics on; off where Prometheus scrapes kube-proxy itself."};

constexpr std::string_view kIptables = "iptables";
constexpr std::string_view kIpvs = "ipvs";
constexpr std::string_view kNftables = "nftables";
constexpr std::array kModes{kIptables, kIpvs, kNftables};

// A request costs kube-proxy milliseconds; looks at its process and the generation cost nothing,
// nor does one that nobody answers, which is made with every look: the first answer tells of a new
// kube-proxy sooner than a search for its process could.
constexpr auto kScrapeEvery = 15s;
constexpr auto kLookEvery = 5s;
// A new kube-proxy is asked with every look until it has written its first rules, so that their
// time is known; one that writes none gets the usual pace after this long.
constexpr Seconds kFirstSyncWatch{600};

constexpr GetLimits kMetricsLimits{.body_bytes = std::size_t{32} << 20U, .time = 5s};
constexpr GetLimits kModeLimits{.body_bytes = 64, .time = 2s};

constexpr std::string_view kLastStamp = "kubeproxy_sync_proxy_rules_last_timestamp_seconds";
constexpr std::string_view kQueuedStamp =
    "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds";
constexpr std::array<std::string_view, 2> kPending{
    "kubeproxy_sync_proxy_rules_endpoint_changes_pending",
    "kubeproxy_sync_proxy_rules_service_changes_pending"};
constexpr std::string_view kSyncs = "kubeproxy_sync_proxy_rules_duration_seconds";

// kube-proxy before 1.33 does not tell the families apart.
std::optional<std::string_view> family_name(std::string_view ip_family) {
  if (ip_family.empty()) {
    return "any";
  }
  return ip_family == "IPv4"   ? std::optional{name(AddressFamily::ipv4)}
         : ip_family == "IPv6" ? std::optional{name(AddressFamily::ipv6)}
                               : std::nullopt;
}

// What kube-proxy's port told.
struct Answer {
  OwnFamilies own;
  Result<std::string> mode;
};

class KubeProxyCollector final : public Collector {
 public:
  KubeProxyCollector(const CollectorContext& context, Endpoint endpoint)
      : endpoint_{std::move(endpoint)},
        own_metrics_{context.options.get<bool>(kOwnMetrics.name)},
        process_{context.procfs},
        nftables_{netlink::kernel_transport(NETLINK_NETFILTER)},
        signs_{context.dataplane_signs},
        sees_processes_{in_first_process_namespace(context.procfs)},
        // In the node's process namespace, process 2 is the kernel's.
        sees_node_{read_file(context.procfs / "2" / "comm").value_or("") == "kthreadd\n" &&
                   in_first_network_namespace(context.procfs).value_or(false)} {}

  Result<RefreshKind> refresh(Clock::time_point now, Samples& out) override {
    const bool process_changed = look_at_process(now);
    const bool burst_moved = look_at_ruleset(now);
    const bool asked =
        process_changed || now >= next_scrape_ || awaits_first_sync() || nobody_listens_;
    if (asked) {
      next_scrape_ = now + kScrapeEvery;
      ask();
    }
    tell_mode(now);
    miss_errors(out);
    if (!asked && !burst_moved) {
      return RefreshKind::unchanged;
    }
    serve(out);
    return asked ? RefreshKind::full : RefreshKind::incremental;
  }

 private:
  // True: another one than at the last look, or none any more.
  bool look_at_process(Clock::time_point now) {
    Result<std::optional<KubeProxyProcess::Usage>> usage = process_.look(now);
    process_error_ = usage ? std::nullopt : std::optional{usage.error()};
    const auto before = std::exchange(usage_, usage ? *usage : std::nullopt);
    const bool same =
        before.has_value() == usage_.has_value() && (!usage_ || before->start == usage_->start);
    if (!same) {
      bursts_.forget();
      mode_.clear();
      synced_ = false;
      // Once: a clock that is set later does not move the start.
      start_time_ = usage_ ? std::optional{since_epoch(usage_->start)} : std::nullopt;
    }
    return !same;
  }

  // True: a burst is under way, or is over.
  bool look_at_ruleset(Clock::time_point now) {
    ruleset_error_.reset();
    if (!usage_ || mode_ != kNftables) {
      return false;
    }
    const Result<std::uint32_t> generation = netlink::read_generation(nftables_);
    if (!generation) {
      ruleset_error_ = prefixed("nftables: read ruleset generation", generation.error()).error();
      return false;
    }
    const bool was_busy = bursts_.under_way() > 0ns;
    const auto burst = bursts_.look({.at = now,
                                     .cpu = usage_->cpu,
                                     .children_cpu = usage_->children_cpu,
                                     .generation = *generation});
    if (burst) {
      busy_.Observe(seconds(*burst));
    }
    return was_busy || bursts_.under_way() > 0ns;
  }

  bool awaits_first_sync() const {
    return start_time_ && !synced_ && wall_clock() - *start_time_ < kFirstSyncWatch;
  }

  static Seconds wall_clock() { return std::chrono::system_clock::now().time_since_epoch(); }

  void ask() {
    Result<Answer> answer = answer_of_kube_proxy();
    const bool nobody_listened =
        std::exchange(nobody_listens_, !answer && answer.error().errno_value == ECONNREFUSED);
    if (nobody_listened && answer && !usage_) {
      process_.search_soon();
    }
    answer_error_.reset();
    answer_.reset();
    if (answer) {
      answer_ = std::move(*answer);
      mode_ = answer_->mode.value_or(mode_);
    } else if (usage_ || !nobody_listens_) {
      answer_error_ = std::move(answer.error());
    }  // else there is no kube-proxy on this node, and nothing is wrong with that
  }

  void tell_mode(Clock::time_point now) {
    const bool gone = !usage_ && nobody_listens_;
    if (gone) {
      mode_.clear();
    }
    KubeProxyWord word = KubeProxyWord::other;
    if (mode_.empty()) {
      word = gone && sees_node_ ? KubeProxyWord::silent : KubeProxyWord::unclear;
    } else if (mode_ == kIptables) {
      word = KubeProxyWord::iptables;
    } else if (mode_ == kNftables) {
      word = KubeProxyWord::nftables;
    } else if (mode_ == kIpvs) {
      word = KubeProxyWord::ipvs;
    }
    signs_->tell(word, now);
  }

  [[nodiscard]] Result<Answer> answer_of_kube_proxy() const {
    TextParser parser{is_own_family};
    const Result<void> got =
        http_get(endpoint_, "/metrics", kMetricsLimits,
                 [&parser](std::string_view piece) { return parser.feed(piece); });
    if (!got) {
      return std::unexpected(got.error());
    }
    Result<TextFamilies> families = parser.finish();
    if (!families) {
      return prefixed("kube-proxy's /metrics", std::move(families.error()));
    }
    return Answer{.own = check_own_families(*families), .mode = mode_of_kube_proxy()};
  }

  [[nodiscard]] Result<std::string> mode_of_kube_proxy() const {
    std::string mode;
    const Result<void> got =
        http_get(endpoint_, "/proxyMode", kModeLimits, [&mode](std::string_view piece) {
          mode += piece;
          return Result<void>{};
        });
    if (!got) {
      return std::unexpected(got.error());
    }
    mode.erase(mode.find_last_not_of(" \r\n") + 1);
    return mode;
  }

  void miss_errors(Samples& out) const {
    for (const std::optional<Error>& error : {process_error_, ruleset_error_, answer_error_}) {
      if (error) {
        out.miss(*error);
      }
    }
    if (answer_ && !usage_ && !sees_processes_) {
      out.miss({ErrorKind::unavailable, 0,
                "kube-proxy answers, and its process is not to be seen: not in the node's process "
                "namespace (hostPID: true)"});
    }
    if (answer_ && !answer_->mode) {
      out.miss(answer_->mode.error());
    }
    if (answer_) {
      for (const RefusedFamily& family : answer_->own.refused) {
        out.miss(family.why);
      }
    }
  }

  void serve(Samples& out) {
    out.add(kUp, answer_ ? 1 : 0);
    serve_process(out);
    if (mode_ == kNftables && usage_) {
      out.add(kBusy, {}, busy_.Collect());
      out.add(kBusyRunning, seconds(bursts_.under_way()));
    }
    if (!answer_) {
      return;
    }
    if (answer_->mode) {
      for (const std::string_view known : kModes) {
        out.add(kMode, {known}, mode_ == known ? 1 : 0);
      }
      out.add(kMode, {"other"}, std::ranges::find(kModes, mode_) == kModes.end() ? 1 : 0);
    }
    serve_sync_times(out);
    if (own_metrics_) {
      add(answer_->own, out);
    }
  }

  void serve_process(Samples& out) const {
    out.add(kRestarts, static_cast<double>(process_.restarts()));
    if (usage_) {
      out.add(kCpu, seconds(usage_->cpu));
      out.add(kStart, seconds(*start_time_));
    }
    if (const auto resident = process_.resident_bytes()) {
      out.add(kMemory, static_cast<double>(*resident));
    }
  }

  void serve_sync_times(Samples& out) {
    // What is not known is not the same as never.
    if (was_refused(answer_->own, kLastStamp) || was_refused(answer_->own, kQueuedStamp)) {
      return;
    }
    std::map<std::string, SyncStamps> stamps = sync_stamps();
    if (stamps.empty() && start_time_) {
      stamps[{}] = {};  // it has no stamps before its first update
    }
    for (const auto& [ip_family, stamp] : stamps) {
      const auto family = family_name(ip_family);
      if (!family || !std::isfinite(stamp.last.count()) || !std::isfinite(stamp.queued.count())) {
        continue;
      }
      const SyncTimes::Ages ages = times_.look(ip_family, stamp, wall_clock(), start_time_);
      synced_ = synced_ || stamp.last > Seconds{0};
      if (ages.synced) {
        out.add(kSyncAge, {*family}, seconds(*ages.synced));
      }
      out.add(kSyncQueued, {*family}, seconds(ages.queued));
      if (ages.first_sync) {
        out.add(kFirstSync, {*family}, seconds(*ages.first_sync));
      }
    }
  }

  [[nodiscard]] std::map<std::string, SyncStamps> sync_stamps() const {
    std::map<std::string, SyncStamps> stamps;
    for_each_of(kLastStamp, [&](const std::string& ip_family, const auto& metric) {
      stamps[ip_family].last = Seconds{metric.gauge.value};
    });
    for_each_of(kQueuedStamp, [&](const std::string& ip_family, const auto& metric) {
      stamps[ip_family].queued = Seconds{metric.gauge.value};
    });
    for_each_of(kSyncs, [&](const std::string& ip_family, const auto& metric) {
      stamps[ip_family].only = metric.histogram.sample_count == 1;
    });
    // Of both families together.
    bool pending = false;
    for (const std::string_view name : kPending) {
      if (const OwnFamily* family = find(answer_->own, name)) {
        pending |= family->metrics.begin()->second.gauge.value > 0;
      }
    }
    for (auto& [ip_family, stamp] : stamps) {
      stamp.pending = pending;
    }
    return stamps;
  }

  // The families that have `ip_family` as their only label.
  template <typename Visit>
  void for_each_of(std::string_view name, const Visit& visit) const {
    if (const OwnFamily* family = find(answer_->own, name)) {
      for (const auto& [labels, metric] : family->metrics) {
        visit(labels.front(), metric);
      }
    }
  }

  Endpoint endpoint_;
  bool own_metrics_;
  KubeProxyProcess process_;
  netlink::Socket nftables_;
  std::shared_ptr<DataplaneSigns> signs_;
  bool sees_processes_;
  bool sees_node_;  // all of its processes, and the network that kube-proxy listens in

  std::optional<KubeProxyProcess::Usage> usage_;
  std::optional<Seconds> start_time_;  // of the process, since the epoch
  std::optional<Answer> answer_;       // the last one, where it was good
  bool nobody_listens_ = false;
  std::string mode_;  // as it said last, or an earlier one that was good
  Clock::time_point next_scrape_{};
  SyncTimes times_;
  bool synced_ = false;  // this process has written rules
  Bursts bursts_;
  prometheus::Histogram busy_{{kBusyBounds.begin(), kBusyBounds.end()}};

  std::optional<Error> process_error_;
  std::optional<Error> ruleset_error_;
  std::optional<Error> answer_error_;
};

std::vector<FamilySpec> families() {
  std::vector<FamilySpec> all{kUp,      kMode,       kCpu,       kMemory, kStart,      kRestarts,
                              kSyncAge, kSyncQueued, kFirstSync, kBusy,   kBusyRunning};
  all.insert(all.end(), own_families().begin(), own_families().end());
  return all;
}

}  // namespace

CollectorSpec spec() {
  return {
      .name = "kubeproxy",
      .summary = "kube-proxy's process, its own metrics, and how old its rules are",
      .schedule = Schedule::background,
      .interval = kLookEvery,
      .families = families(),
      .options = {{.name = kUrl,
                   .default_value = std::string{"http://127.0.0.1:10249"},
                   .help = "Where kube-proxy serves /metrics and /proxyMode (its "
                           "metricsBindAddress).",
                   .accepts = [](std::string_view url) { return parse_endpoint(url).has_value(); },
                   .expected = kUrlExpected},
                  kOwnMetrics},
      // For the ruleset's generation; and to see in whose network it runs, where there are several.
      .capabilities = {CAP_NET_ADMIN, CAP_SYS_PTRACE},
      .make = [](const CollectorContext& context) -> Result<std::unique_ptr<Collector>> {
        const auto endpoint = parse_endpoint(context.options.get<std::string>(kUrl));
        if (!endpoint) {
          return fail(ErrorKind::malformed,
                      std::string{kUrl} + ": expected " + std::string{kUrlExpected});
        }
        return std::make_unique<KubeProxyCollector>(context, *endpoint);
      },
  };
}

}  // namespace kubecliff::kubeproxy
