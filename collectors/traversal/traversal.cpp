#include "collectors/traversal/traversal.h"

#include <linux/capability.h>
#include <linux/netlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string_view>
#include <thread>
#include <utility>

#include <prometheus/histogram.h>

#include "collectors/conntrack/availability.h"
#include "collectors/conntrack/reader.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/traversal/probe.h"
#include "collectors/traversal/round.h"

namespace kubecliff::traversal {
namespace {

using prometheus::MetricType;

constexpr std::array kBounds{5e-6, 25e-6, 100e-6, 250e-6, 0.001, 0.01};

constexpr FamilySpec kSeconds{
    .name = "kubecliff_traversal_seconds",
    .type = MetricType::Histogram,
    .help =
        "How long the sender of one datagram over the loopback device is kept: the first of a flow "
        "(new), which walks the nat rules, and one of an established flow, which does not.",
    .labels = {"family", "flow"},
    .max_series = 4,
    .bounds = kBounds};
constexpr FamilySpec kFloor{
    .name = "kubecliff_traversal_floor_seconds",
    .help =
        "What a tenth of the last round's datagrams stayed below: the cost without the noise of "
        "other work. New less established is what this node's rules cost each new connection.",
    .labels = {"family", "flow"},
    .max_series = 4};
constexpr FamilySpec kState{
    .name = "kubecliff_traversal_state",
    .help =
        "What the last round met, always 1: tracked (all is measured), untracked (no rule asks for "
        "connection tracking, so no flow is new and nothing walks nat), table_full (over 90 % in "
        "use: no probes), unknown (no privilege or kernel support to look).",
    .labels = {"family", "state"},
    .max_series = 2};

constexpr FamilySpec kWalkCpu{
    .name = "kubecliff_walk_cpu_seconds_total",
    .type = MetricType::Counter,
    .help =
        "What this node has spent on walking rules: new flows (kubecliff_iptables_new_flows_total) "
        "times what a new flow costs above an established one. Its rate is a number of cores, at "
        "most: the flows that are measured come one by one, and in a rush of them the rules stay "
        "in the processor's cache. Of legacy iptables the flows are read with the table, every "
        "full-interval at the latest.",
    .labels = {"family"},
    .max_series = 2};

constexpr OptionSpec kFlows{.name = "traversal.flows",
                            .default_value = std::int64_t{32},
                            .help = "Flows that each round sends, for each address family.",
                            .least = 1};

enum class State : std::uint8_t { tracked, untracked, table_full, unknown };
constexpr std::array<std::string_view, 4> kStateNames{"tracked", "untracked", "table_full",
                                                      "unknown"};

// Flows of one round lie this far apart, so that no timer of this node beats in step with them.
constexpr std::chrono::microseconds kLeastPause{1'000};
constexpr std::chrono::microseconds kMostPause{10'000};

prometheus::Histogram make_histogram() {
  return prometheus::Histogram{{kBounds.begin(), kBounds.end()}};
}

// All rounds of one address family.
struct Totals {
  prometheus::Histogram first = make_histogram();
  prometheus::Histogram later = make_histogram();
  NewFlowsSince new_flows;
  std::optional<std::chrono::nanoseconds> walk;  // of one flow, when it was measured last
  std::chrono::nanoseconds walk_cpu{};
};

// One round of one address family.
struct Measured {
  State state = State::unknown;
  Round first = {};  // empty where no flow is new
  Round later = {};
};

class TraversalCollector final : public Collector {
 public:
  explicit TraversalCollector(const CollectorContext& context)
      : flows_{context.options.get<std::int64_t>(kFlows.name)},
        availability_{context.procfs},
        reader_{context.procfs, availability_, netlink::kernel_transport(NETLINK_NETFILTER)},
        socket_{netlink::kernel_transport(NETLINK_NETFILTER)},
        new_flows_{context.new_flows} {}

  Result<RefreshKind> refresh(Clock::time_point /*now*/, Samples& out) override {
    for (const AddressFamily family : kAddressFamilies) {
      const Result<Probe> probe = Probe::open(family);
      const Result<Measured> measured =
          probe ? measure(*probe, family) : std::unexpected(probe.error());
      if (measured) {
        add(family, *measured, out);
      } else if (probe || probe.error().kind != ErrorKind::unavailable) {
        out.miss(measured.error());
      }
    }
    return RefreshKind::full;
  }

 private:
  Result<Measured> measure(const Probe& probe, AddressFamily family) {
    if (table_is_full()) {
      return Measured{.state = State::table_full};
    }
    Measured measured;
    const std::optional<State> known = state_without_asking();
    for (std::int64_t i = 0; i < flows_; ++i) {
      std::this_thread::sleep_for(std::chrono::microseconds{pause_(random_)});
      const Result<Flow> flow = probe.send_flow();
      if (!flow) {
        return prefixed("traversal", flow.error());
      }
      measured.first.add(flow->first);
      measured.later.add(flow->later);
      measured.state = known ? *known : remove(family, *flow);
    }
    if (measured.state == State::untracked) {
      measured.first = {};
    }
    return measured;
  }

  // Where nothing can be read, nothing is tracked either, or the table is not known to be full.
  bool table_is_full() {
    const Result<conntrack::TableSize> size = reader_.read_size();
    return size && size->limit > 0 && size->entries * 10 > size->limit * 9;
  }

  // Asking would load the module that it asks.
  [[nodiscard]] std::optional<State> state_without_asking() {
    if (!availability_.tracking()) {
      return State::untracked;
    }
    return availability_.ctnetlink() ? std::nullopt : std::optional{State::unknown};
  }

  // Takes the flow out of the table, which tells whether it was in there.
  State remove(AddressFamily family, const Flow& flow) {
    netlink::Request request = deletion(family, flow);
    const Result<void> removed =
        socket_.ask(request, [](const netlink::Message&) { return Result<void>{}; });
    if (removed) {
      return State::tracked;
    }
    return removed.error().errno_value == ENOENT ? State::untracked : State::unknown;
  }

  void add(AddressFamily family, const Measured& measured, Samples& out) {
    out.add(kState, {name(family), kStateNames[static_cast<std::size_t>(measured.state)]}, 1);
    Totals& totals = totals_[static_cast<std::size_t>(family)];
    add(family, "new", measured.first, totals.first, out);
    add(family, "established", measured.later, totals.later, out);
    add_walk(family, measured, totals, out);
  }

  void add_walk(AddressFamily family, const Measured& measured, Totals& totals,
                Samples& out) const {
    const auto first = measured.first.floor();
    const auto later = measured.later.floor();
    if (first && later) {
      totals.walk = std::max(*first - *later, std::chrono::nanoseconds{0});
    }
    const auto flows = totals.new_flows.look(*new_flows_, static_cast<std::size_t>(family));
    if (flows && totals.walk) {
      totals.walk_cpu += *totals.walk * static_cast<std::int64_t>(*flows);
      out.add(kWalkCpu, {name(family)}, seconds(totals.walk_cpu));
    }
  }

  static void add(AddressFamily family, std::string_view flow, const Round& round,
                  prometheus::Histogram& total, Samples& out) {
    for (const std::chrono::nanoseconds time : round.times()) {
      total.Observe(seconds(time));
    }
    out.add(kSeconds, {name(family), flow}, total.Collect());
    if (const auto floor = round.floor()) {
      out.add(kFloor, {name(family), flow}, seconds(*floor));
    }
  }

  std::int64_t flows_;
  conntrack::Availability availability_;
  conntrack::Reader reader_;
  netlink::Socket socket_;
  std::shared_ptr<NewFlows> new_flows_;
  std::array<Totals, kAddressFamilies.size()> totals_;
  std::minstd_rand random_{std::random_device{}()};
  std::uniform_int_distribution<std::int64_t> pause_{kLeastPause.count(), kMostPause.count()};
};

}  // namespace

CollectorSpec spec() {
  return {
      .name = "traversal",
      .summary =
          "what a new flow pays to walk this node's rules, measured over the loopback device",
      .schedule = Schedule::background,
      .interval = std::chrono::seconds{15},
      .kinds = {RefreshKind::full},
      .families = {kSeconds, kFloor, kState, kWalkCpu},
      .options = {kFlows},
      // Where it has it: takes its flows out of the table again, and knows whether they were in
      // there.
      .capabilities = {CAP_NET_ADMIN},
      .make = [](const CollectorContext& context) -> Result<std::unique_ptr<Collector>> {
        return std::make_unique<TraversalCollector>(context);
      },
  };
}

}  // namespace kubecliff::traversal
