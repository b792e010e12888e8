#include "collectors/traversal/traversal.h"

#include <linux/netlink.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <prometheus/histogram.h>

#include "collectors/conntrack/availability.h"
#include "collectors/conntrack/reader.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/traversal/probe.h"
#include "collectors/traversal/round.h"

namespace kubecliff::traversal {
namespace {

using prometheus::MetricType;

constexpr std::array kBounds{1e-6, 2.5e-6, 5e-6,   10e-6, 25e-6,  50e-6,
                             1e-4, 2.5e-4, 500e-6, 0.001, 0.0025, 0.01};

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
        "1 for what the last round met: tracked (all is measured), untracked (no rule asks for "
        "connection tracking, so no flow is new and nothing walks nat), table_full (over 90 % in "
        "use: no probes), unknown (no privilege or kernel support to look).",
    .labels = {"family", "state"},
    .max_series = 8};

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

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>{time}.count();
}

// What is measured of one address family.
struct Figures {
  std::optional<State> state;  // none: the family has no loopback address
  prometheus::Histogram first = make_histogram();
  prometheus::Histogram later = make_histogram();
  std::optional<std::chrono::nanoseconds> first_floor;  // of the last round
  std::optional<std::chrono::nanoseconds> later_floor;
};

class TraversalCollector final : public Collector {
 public:
  explicit TraversalCollector(const CollectorContext& context)
      : flows_{context.options.get<std::int64_t>(kFlows.name)},
        availability_{context.procfs},
        reader_{context.procfs, availability_, netlink::kernel_transport(NETLINK_NETFILTER)},
        socket_{netlink::kernel_transport(NETLINK_NETFILTER)} {}

  Result<RefreshKind> refresh(Clock::time_point /*now*/, Samples& out) override {
    for (const AddressFamily family : kAddressFamilies) {
      Figures& figures = figures_[static_cast<std::size_t>(family)];
      if (const Result<void> measured = measure(family, figures); !measured) {
        out.miss(measured.error());
      }
      add(family, figures, out);
    }
    return RefreshKind::full;
  }

 private:
  // Figures of the last round are gone where this one fails.
  Result<void> measure(AddressFamily family, Figures& figures) {
    figures.state.reset();
    figures.first_floor.reset();
    figures.later_floor.reset();
    Result<Probe> probe = Probe::open(family);
    if (!probe) {
      return probe.error().kind == ErrorKind::unavailable
                 ? Result<void>{}
                 : std::unexpected(std::move(probe.error()));
    }
    if (table_is_full()) {
      figures.state = State::table_full;
      return {};
    }

    State state = State::unknown;
    Round first;
    Round later;
    for (std::int64_t i = 0; i < flows_; ++i) {
      std::this_thread::sleep_for(std::chrono::microseconds{pause_(random_)});
      const Result<Flow> flow = probe->send_flow();
      if (!flow) {
        return prefixed("traversal", flow.error());
      }
      first.add(flow->first);
      later.add(flow->later);
      state = remove(family, *flow);
    }

    figures.state = state;
    figures.later_floor = later.floor();
    observe(later, figures.later);
    if (state != State::untracked) {
      figures.first_floor = first.floor();
      observe(first, figures.first);
    }
    return {};
  }

  // Where nothing can be read, nothing is tracked either, or the table is not known to be full.
  bool table_is_full() {
    const Result<conntrack::TableSize> size = reader_.read_size();
    return size && size->limit > 0 && size->entries * 10 > size->limit * 9;
  }

  State remove(AddressFamily family, const Flow& flow) {
    if (!availability_.tracking()) {
      return State::untracked;
    }
    // Asking would load the module.
    if (!availability_.ctnetlink()) {
      return State::unknown;
    }
    netlink::Request request = deletion(family, flow);
    const Result<void> removed =
        socket_.ask(request, [](const netlink::Message&) { return Result<void>{}; });
    if (removed) {
      return State::tracked;
    }
    return removed.error().errno_value == ENOENT ? State::untracked : State::unknown;
  }

  static void observe(const Round& round, prometheus::Histogram& histogram) {
    for (const std::chrono::nanoseconds time : round.times()) {
      histogram.Observe(seconds(time));
    }
  }

  static void add(AddressFamily family, const Figures& figures, Samples& out) {
    if (!figures.state) {
      return;
    }
    for (std::size_t i = 0; i < kStateNames.size(); ++i) {
      out.add(kState, {name(family), kStateNames[i]},
              figures.state == static_cast<State>(i) ? 1 : 0);
    }
    out.add(kSeconds, {name(family), "new"}, figures.first.Collect());
    out.add(kSeconds, {name(family), "established"}, figures.later.Collect());
    if (figures.first_floor) {
      out.add(kFloor, {name(family), "new"}, seconds(*figures.first_floor));
    }
    if (figures.later_floor) {
      out.add(kFloor, {name(family), "established"}, seconds(*figures.later_floor));
    }
  }

  std::int64_t flows_;
  conntrack::Availability availability_;
  conntrack::Reader reader_;
  netlink::Socket socket_;
  std::array<Figures, kAddressFamilies.size()> figures_;
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
      .families = {kSeconds, kFloor, kState},
      .options = {kFlows},
      .make = [](const CollectorContext& context) -> Result<std::unique_ptr<Collector>> {
        return std::make_unique<TraversalCollector>(context);
      },
  };
}

}  // namespace kubecliff::traversal
