#include "collectors/conntrack/conntrack.h"

#include <linux/capability.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "collectors/conntrack/counter_totals.h"
#include "collectors/conntrack/reader.h"
#include "collectors/conntrack/stale_flows.h"

namespace kubecliff::conntrack {
namespace {

using prometheus::MetricType;

constexpr FamilySpec kEntries{
    .name = "kubecliff_conntrack_entries",
    .help =
        "Connections that are tracked now. At kubecliff_conntrack_entries_limit new connections "
        "are dropped: all of the node's, whoever filled the table."};
constexpr FamilySpec kEntriesLimit{
    .name = "kubecliff_conntrack_entries_limit",
    .help =
        "Most connections that can be tracked (nf_conntrack_max). The network namespaces of a node "
        "share this number, but each counts its own entries."};
constexpr FamilySpec kBuckets{
    .name = "kubecliff_conntrack_buckets",
    .help =
        "Hash buckets of the table. Every lookup slows down where entries are far more than four "
        "times as many."};

// In the order of Counter.
constexpr std::array<FamilySpec, kCounters> kCounterFamilies{{
    {.name = "kubecliff_conntrack_found_total",
     .type = MetricType::Counter,
     .help = "Times that an address and port wanted for a translation were taken by another "
             "connection. A steep rise means that source ports are running out."},
    {.name = "kubecliff_conntrack_invalid_total",
     .type = MetricType::Counter,
     .help =
         "Packets that belong to no connection and cannot begin one. A few are normal; a rise "
         "points at asymmetric routes or connections that were dropped from the table too early."},
    {.name = "kubecliff_conntrack_insert_failed_total",
     .type = MetricType::Counter,
     .help =
         "Packets dropped because their new connection clashed with one inserted a moment before. "
         "Two DNS queries at once from one socket do that, and cost the client a timeout of 5 s."},
    {.name = "kubecliff_conntrack_drop_total",
     .type = MetricType::Counter,
     .help =
         "Packets dropped because their connection could not be tracked: the table is full, memory "
         "is short, or two clashed (kubecliff_conntrack_insert_failed_total then rises as much). "
         "Above that, any rise is an outage for new connections."},
    {.name = "kubecliff_conntrack_early_drop_total",
     .type = MetricType::Counter,
     .help =
         "Connections evicted from a full table to make room for new ones. Only those that are not "
         "assured can be; when none is left, kubecliff_conntrack_drop_total rises."},
    {.name = "kubecliff_conntrack_error_total",
     .type = MetricType::Counter,
     .help = "ICMP errors that do not fit any connection, or are broken themselves."},
    {.name = "kubecliff_conntrack_search_restart_total",
     .type = MetricType::Counter,
     .help =
         "Lookups begun again because the table changed under them. A steep rise goes with long "
         "hash chains or a table that is being resized."},
    {.name = "kubecliff_conntrack_clash_resolve_total",
     .type = MetricType::Counter,
     .help = "Clashes of new connections that the kernel settled without a drop: what "
             "kubecliff_conntrack_insert_failed_total would have counted."},
    {.name = "kubecliff_conntrack_chain_too_long_total",
     .type = MetricType::Counter,
     .help =
         "New connections dropped because their hash bucket was too long: too few buckets for the "
         "entries, or an attack on the hash."},
}};

constexpr FamilySpec kFlows{
    .name = "kubecliff_conntrack_flows",
    .help =
        "Tracked connections by protocol and state, sampled by dumping the table; absent while "
        "kubecliff_conntrack_entries is above --collector.conntrack.max-flows. Assured ones are "
        "not evicted from a full table.",
    .labels = {"protocol", "state"},
    .max_series = 32};

// In the order of StaleFlows::kProtocols.
constexpr std::array<std::string_view, StaleFlows::kProtocols.size()> kStaleNames{"tcp", "udp",
                                                                                  "sctp"};

constexpr FamilySpec kStaleFlows{
    .name = "kubecliff_conntrack_stale_flows",
    .help =
        "Flows still translated to a backend that is no longer an endpoint of their Service, "
        "sampled with kubecliff_conntrack_flows. UDP clients that keep their port send into "
        "nowhere until such a flow is deleted; TCP flows to endpoints that shut down are normal "
        "for a while. Absent where no ruleset tells Services, or one cannot be read.",
    .labels = {"protocol"},
    .max_series = kStaleNames.size()};

// Between two dumps. Even without a flow the kernel walks every bucket: 5 ms for 262,144 of them.
constexpr Duration kDumpInterval = std::chrono::minutes{1};

constexpr OptionSpec kMaxFlows{
    .name = "conntrack.max-flows",
    .default_value = std::int64_t{500'000},
    .help = "Do not read the table flow by flow while it has more entries than this."};

Reader make_reader(const std::filesystem::path& procfs) {
  return {procfs, Availability{procfs}, netlink::kernel_transport(NETLINK_NETFILTER)};
}

class ConntrackCollector final : public Collector {
 public:
  explicit ConntrackCollector(Reader reader) : reader_{std::move(reader)} {}

  Result<RefreshKind> refresh(Clock::time_point /*now*/, Samples& out) override {
    const Result<TableSize> size = reader_.read_size();
    if (!size) {
      return std::unexpected(size.error());
    }
    out.add(kEntries, static_cast<double>(size->entries));
    out.add(kEntriesLimit, static_cast<double>(size->limit));

    if (const Result<std::uint64_t> buckets = reader_.read_buckets()) {
      out.add(kBuckets, static_cast<double>(*buckets));
    } else {
      out.miss(buckets.error());
    }

    if (const Result<std::vector<CpuCounters>> cpus = reader_.read_counters()) {
      add_counters(*cpus, out);
    } else {
      out.miss(cpus.error());
    }
    return RefreshKind::full;
  }

 private:
  void add_counters(const std::vector<CpuCounters>& cpus, Samples& out) {
    for (const CpuCounters& cpu : cpus) {
      totals_.add(cpu);
    }
    for (std::size_t i = 0; i < kCounters; ++i) {
      if (const auto total = totals_.total(static_cast<Counter>(i))) {
        out.add(kCounterFamilies[i], static_cast<double>(*total));
      }
    }
  }

  Reader reader_;
  CounterTotals totals_;
};

// TCP and UDP are on every node: their empty states are served as 0, so that a table without flows
// differs from one that was not read. Other protocols show up with their first flow.
bool served_empty(Protocol protocol) {
  return protocol == Protocol::tcp || protocol == Protocol::udp;
}

bool has_state(Protocol protocol, State state) {
  return (protocol == Protocol::tcp) == (state <= State::other);
}

class FlowsCollector final : public Collector {
 public:
  FlowsCollector(Reader reader, std::int64_t max_flows, std::shared_ptr<ServiceEndpoints> endpoints)
      : reader_{std::move(reader)},
        max_flows_{static_cast<std::uint64_t>(max_flows)},
        stale_{std::move(endpoints)} {}

  Result<RefreshKind> refresh(Clock::time_point now, Samples& out) override {
    const bool due =
        !dumped_at_ || now - *dumped_at_ >= kDumpInterval || stale_.has_learned_services();
    if (due) {
      // Until a dump has succeeded, each refresh tries again.
      dumped_at_.reset();
      return dump(now, out);
    }
    const bool judged = stale_.judge(now);
    if (judged) {
      serve(now, out);
      remark(out);
    }
    miss_candidates(out);
    return judged ? RefreshKind::incremental : RefreshKind::unchanged;
  }

 private:
  Result<RefreshKind> dump(Clock::time_point now, Samples& out) {
    const Result<TableSize> size = reader_.read_size();
    if (!size) {
      return std::unexpected(size.error());
    }
    if (size->entries > max_flows_) {
      // A reading without samples withdraws what was served. The message is the same every time, so
      // that it is logged once.
      out.miss({.kind = ErrorKind::unavailable,
                .message = "the table has more entries than --collector.conntrack.max-flows=" +
                           std::to_string(max_flows_) +
                           ": raise it, or turn this off with --collector.conntrack.flows=false"});
      return RefreshKind::full;
    }

    stale_.begin_dump(now);
    const Result<FlowCounts> counts =
        reader_.count_flows([this](const Flow& flow) { stale_.add(flow); });
    if (!counts) {
      return std::unexpected(counts.error());
    }
    stale_.end_dump();
    dumped_at_ = now;
    counts_ = *counts;
    const bool judged = stale_.judge(now);
    serve(now, out);
    if (judged) {
      remark(out);
    }
    miss_candidates(out);
    return RefreshKind::full;
  }

  void serve(Clock::time_point now, Samples& out) const {
    add_counts(counts_, out);
    const std::optional<StaleFlows::Counts> stale = stale_.counts(now);
    for (std::size_t i = 0; stale && i < stale->size(); ++i) {
      if ((*stale)[i] > 0 || StaleFlows::kProtocols[i] != IPPROTO_SCTP) {
        out.add(kStaleFlows, {kStaleNames[i]}, static_cast<double>((*stale)[i]));
      }
    }
  }

  void remark(Samples& out) const {
    if (const auto& example = stale_.example()) {
      out.remark("flows to an endpoint that is gone, such as: " + *example);
    }
  }

  void miss_candidates(Samples& out) const {
    if (stale_.overflowed()) {
      out.miss({.kind = ErrorKind::overrun,
                .message = "more than " + std::to_string(StaleFlows::kMostCandidates) +
                           " former endpoints still have flows: kubecliff_conntrack_stale_flows "
                           "leaves some out"});
    }
  }

  static void add_counts(const FlowCounts& counts, Samples& out) {
    for (std::size_t p = 0; p < kProtocolNames.size(); ++p) {
      for (std::size_t s = 0; s < kStateNames.size(); ++s) {
        const auto protocol = static_cast<Protocol>(p);
        const auto state = static_cast<State>(s);
        const std::uint64_t count = counts.count(protocol, state);
        if (count > 0 || (served_empty(protocol) && has_state(protocol, state))) {
          out.add(kFlows, {kProtocolNames[p], kStateNames[s]}, static_cast<double>(count));
        }
      }
    }
  }

  Reader reader_;
  std::uint64_t max_flows_;
  StaleFlows stale_;
  std::optional<Clock::time_point> dumped_at_;
  FlowCounts counts_;
};

std::vector<FamilySpec> families() {
  std::vector<FamilySpec> all{kEntries, kEntriesLimit, kBuckets};
  all.insert(all.end(), kCounterFamilies.begin(), kCounterFamilies.end());
  return all;
}

}  // namespace

CollectorSpec spec() {
  return {
      .name = "conntrack",
      .summary = "connection tracking: entries, limit, and what was dropped",
      .schedule = Schedule::in_scrape,
      .kinds = {RefreshKind::full},
      .families = families(),
      .options = {},
      .capabilities = {CAP_NET_ADMIN},
      .make = [](const CollectorContext& context) -> Result<std::unique_ptr<Collector>> {
        return std::make_unique<ConntrackCollector>(make_reader(context.procfs));
      },
  };
}

CollectorSpec flows_spec() {
  return {
      .name = "conntrack.flows",
      .summary = "connection tracking: flows by protocol and state, and stale ones, sampled",
      .schedule = Schedule::background,
      // That of judging what a dump found; between dumps there is mostly nothing to do.
      .interval = std::chrono::seconds{5},
      .families = {kFlows, kStaleFlows},
      .options = {kMaxFlows},
      .capabilities = {CAP_NET_ADMIN},
      .make = [](const CollectorContext& context) -> Result<std::unique_ptr<Collector>> {
        return std::make_unique<FlowsCollector>(make_reader(context.procfs),
                                                context.options.get<std::int64_t>(kMaxFlows.name),
                                                context.service_endpoints);
      },
  };
}

}  // namespace kubecliff::conntrack
