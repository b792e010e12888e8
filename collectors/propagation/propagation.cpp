#include "collectors/propagation/propagation.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/histogram.h>

#include "collectors/core/backoff.h"
#include "collectors/curl/transfers.h"
#include "collectors/kernel/poller.h"
#include "collectors/kube/api.h"
#include "collectors/kube/slice_watch.h"
#include "collectors/propagation/connections.h"
#include "collectors/propagation/move.h"
#include "collectors/propagation/tracker.h"

namespace kubecliff::propagation {
namespace {

using prometheus::MetricType;

constexpr std::array kBounds{0.005, 0.025, 0.1,  0.25, 0.5,   1.0,
                             2.0,   5.0,   10.0, 60.0, 300.0, 1200.0};
// Clocks that differ by less than this are well set.
constexpr std::array kSinceWriteBounds{0.1, 1.0, 5.0, 30.0, 120.0, 1200.0};

constexpr std::size_t kFamilies = kAddressFamilies.size();

enum class Outcome : std::uint8_t { measured, timeout, late, not_chosen };
constexpr std::array<std::string_view, 4> kOutcomes{"measured", "timeout", "late", "not_chosen"};
// In the order of Tracker::Reached, without `unsettled`.
constexpr std::array<std::string_view, 3> kReached{"new", "old", "nothing"};

constexpr FamilySpec kSeconds{
    .name = "kubecliff_propagation_seconds",
    .type = MetricType::Histogram,
    .help =
        "From the moment that this node heard of the canary's move to the first connection to its "
        "Service that was routed accordingly, by this node's clock alone: how long a change of "
        "endpoints takes to become true here.",
    .labels = {"family"},
    .max_series = kFamilies,
    .bounds = kBounds};
constexpr FamilySpec kSinceWrite{.name = "kubecliff_propagation_since_write_seconds",
                                 .type = MetricType::Histogram,
                                 .help =
                                     "The same from the canary's write to the API server on, by "
                                     "two clocks: right only where the "
                                     "canary's node and this one have their clocks synchronised.",
                                 .labels = {"family"},
                                 .max_series = kFamilies,
                                 .bounds = kSinceWriteBounds};
constexpr FamilySpec kWaiting{
    .name = "kubecliff_propagation_waiting_seconds",
    .help =
        "For how long this node has now been routing as before the canary's move; 0 where it "
        "routes "
        "as it should. Not there while the API server cannot be followed.",
    .labels = {"family"},
    .max_series = kFamilies};
constexpr FamilySpec kMoves{
    .name = "kubecliff_propagation_moves_total",
    .type = MetricType::Counter,
    .help =
        "Moves of the canary, by what became of them here: measured, timeout (not routed within "
        "--collector.propagation.timeout), late (heard of when the connection to the API server "
        "came back, so not measured), not_chosen (another node's turn).",
    .labels = {"family", "result"},
    .max_series = kFamilies * kOutcomes.size()};
constexpr FamilySpec kConnections{.name = "kubecliff_propagation_connections_total",
                                  .type = MetricType::Counter,
                                  .help = "Connections made to the canary's Service.",
                                  .labels = {"family"},
                                  .max_series = kFamilies};
constexpr FamilySpec kSettling{
    .name = "kubecliff_propagation_settling_connections_total",
    .type = MetricType::Counter,
    .help =
        "What the connections reached that followed the first one to the canary's new port: new, "
        "old, nothing. Any that is not new means rules that are half programmed.",
    .labels = {"family", "result"},
    .max_series = kFamilies * kReached.size()};

constexpr std::string_view kName = "propagation";
constexpr std::string_view kApiServer = "propagation.api-server";
constexpr std::string_view kCredentials = "propagation.credentials";
constexpr std::string_view kNamespace = "propagation.namespace";
constexpr std::string_view kService = "propagation.service";
constexpr std::string_view kFamiliesOption = "propagation.families";
constexpr std::string_view kTimeout = "propagation.timeout";
constexpr std::string_view kSpread = "propagation.reconnect-spread";
constexpr std::string_view kNode = "propagation.node";

bool has_family(std::string_view text, AddressFamily family) {
  return text == name(family) || text == "ipv4,ipv6";
}

bool is_families(std::string_view text) {
  return has_family(text, AddressFamily::ipv4) || has_family(text, AddressFamily::ipv6);
}

// One family's Service, EndpointSlice and figures.
class Path {
 public:
  Path(AddressFamily family, const std::string& service, Poller& poller, kube::Api& api,
       Duration timeout, Duration spread, std::uint32_t turn)
      : family_{family},
        turn_{turn},
        tracker_{timeout},
        timer_{poller, [this] { connect(); }},
        connections_{poller, [this](const Tracker::Answer& answer) { answered(answer); }},
        slice_{slice_name(service, family)},
        watch_{poller,
               api,
               slice_,
               Backoff{spread},
               {.on_slice = [this](const auto& slice, auto timing) { take(slice, timing); },
                .on_absent = [this] { absent(); }}} {}
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

  void add_samples(Clock::time_point now, Samples& out) {
    count(Outcome::timeout) += tracker_.give_up(now);
    const std::string_view family = name(family_);
    out.add(kSeconds, {family}, since_event_.Collect());
    out.add(kSinceWrite, {family}, since_write_.Collect());
    for (std::size_t i = 0; i < kOutcomes.size(); ++i) {
      out.add(kMoves, {family, kOutcomes[i]}, static_cast<double>(moves_[i]));
    }
    out.add(kConnections, {family}, static_cast<double>(connections_.started()));
    for (std::size_t i = 0; i < kReached.size(); ++i) {
      out.add(kSettling, {family, kReached[i]}, static_cast<double>(settling_[i]));
    }
    const std::optional<Error>& error = watch_.failure() ? watch_.failure() : error_;
    if (error) {
      out.miss(*error);
    } else if (known_) {
      out.add(kWaiting, {family}, seconds(tracker_.waiting(now)));
    }
  }

 private:
  std::uint64_t& count(Outcome outcome) { return moves_[static_cast<std::size_t>(outcome)]; }

  void take(const kube::ReadSlice& slice, kube::SliceWatch::Timing timing) {
    const Clock::time_point now = Clock::now();
    const auto move = decode_move(slice.annotations);
    if (!move) {
      error_ = move.error();
      return;
    }
    const auto service = parse_socket_address(move->service);
    if (!service || service->family() != family_) {
      error_ = Error{.kind = ErrorKind::malformed,
                     .message = slice_ + ": " + move->service + " is no address of its family"};
      return;
    }
    error_.reset();
    service_ = *service;
    const auto before = std::exchange(known_, move->generation);
    if (before == move->generation) {
      return;
    }
    const bool began_anew = before && move->generation < *before;
    if (timing == kube::SliceWatch::Timing::late || began_anew) {
      // What was there before we came is no move that was missed.
      count(Outcome::late) += before ? 1U : 0U;
      tracker_.passed_over(*move);
    } else if (!move->turn.has(turn_)) {
      count(Outcome::not_chosen) += 1;
      tracker_.passed_over(*move);
    } else {
      tracker_.moved(*move, now);
    }
    schedule();
  }

  void absent() {
    known_.reset();
    tracker_.forget();
    connections_.forget();
    timer_.stop();
    error_ = Error{.kind = ErrorKind::unavailable,
                   .message = "there is no EndpointSlice " + slice_ +
                              ": does kubecliff canary run, and has its Service this family?"};
  }

  void answered(const Tracker::Answer& answer) {
    const Tracker::Learned learned = tracker_.answered(answer);
    for (const Tracker::Measured& measured : learned.measured) {
      count(Outcome::measured) += 1;
      since_event_.Observe(seconds(measured.since_event));
      since_write_.Observe(seconds(measured.since_write));
    }
    if (learned.reached != Tracker::Reached::unsettled) {
      settling_[static_cast<std::size_t>(learned.reached) - 1] += 1;
    }
    schedule();
  }

  void connect() {
    const Clock::time_point now = Clock::now();
    count(Outcome::timeout) += tracker_.give_up(now);
    if (tracker_.next()) {
      connections_.start(service_);
      tracker_.connected(now);
    }
    schedule();
  }

  void schedule() {
    if (const auto next = tracker_.next()) {
      timer_.set(*next);
    } else {
      timer_.stop();
    }
  }

  const AddressFamily family_;
  const std::uint32_t turn_;
  SocketAddress service_;
  std::optional<std::uint64_t> known_;  // the newest generation
  std::optional<Error> error_;
  std::array<std::uint64_t, kOutcomes.size()> moves_{};
  std::array<std::uint64_t, kReached.size()> settling_{};
  prometheus::Histogram since_event_{{kBounds.begin(), kBounds.end()}};
  prometheus::Histogram since_write_{{kSinceWriteBounds.begin(), kSinceWriteBounds.end()}};
  Tracker tracker_;
  Timer timer_;
  Connections connections_;
  const std::string slice_;
  kube::SliceWatch watch_;
};

class Propagation final : public Collector {
 public:
  static Result<std::unique_ptr<Collector>> make(const CollectorContext& context) {
    auto made = std::unique_ptr<Propagation>{new Propagation};
    auto transfers = curl::Transfers::open(made->poller_);
    if (!transfers) {
      return std::unexpected(transfers.error());
    }
    made->transfers_ = std::move(*transfers);
    auto api = kube::Api::open(kube::api_settings(context.options, kName), *made->transfers_);
    if (!api) {
      return std::unexpected(api.error());
    }
    made->api_.emplace(std::move(*api));

    const auto& node = context.options.get<std::string>(kNode);
    const std::uint32_t turn = turn_hash(node.empty() ? kube::host_name() : node);
    for (const AddressFamily family : kAddressFamilies) {
      if (has_family(context.options.get<std::string>(kFamiliesOption), family)) {
        made->paths_.push_back(std::make_unique<Path>(
            family, context.options.get<std::string>(kService), made->poller_, *made->api_,
            context.options.get<Duration>(kTimeout), context.options.get<Duration>(kSpread), turn));
      }
    }
    return made;
  }

  Result<RefreshKind> refresh(Clock::time_point now, Samples& out) override {
    for (const auto& path : paths_) {
      path->add_samples(now, out);
    }
    return RefreshKind::full;
  }

  [[nodiscard]] int events() const override { return poller_.descriptor(); }
  void on_events() override { poller_.dispatch(); }

 private:
  Propagation() = default;

  Poller poller_;
  std::unique_ptr<curl::Transfers> transfers_;
  std::optional<kube::Api> api_;
  std::vector<std::unique_ptr<Path>> paths_;
};

}  // namespace

CollectorSpec spec() {
  std::vector<OptionSpec> options = kube::api_options(
      {.api_server = kApiServer, .credentials = kCredentials, .name_space = kNamespace},
      "Namespace of the canary; empty: this pod's own.");
  options.insert(
      options.end(),
      {{.name = kService,
        .default_value = std::string{"kubecliff-canary"},
        .help = "The canary's Service; its EndpointSlices are named after it."},
       {.name = kFamiliesOption,
        .default_value = std::string{"ipv4"},
        .help = "Families that the canary's Service has.",
        .accepts = &is_families,
        .expected = "ipv4, ipv6 or ipv4,ipv6"},
       {.name = kTimeout,
        .default_value = Duration{20 * 60 * 1'000},
        .help = "After so long a move counts as never routed.",
        .least = 1},
       {.name = kSpread,
        .default_value = Duration{15'000},
        .help = "All nodes that lose the API server come back within this, each at a moment of its "
                "own.",
        .least = 0.001},
       {.name = kNode,
        .default_value = std::string{},
        .help = "This node's name, which tells when it is its turn; empty: the host's name."}});
  return {.name = kName,
          .summary = "How long until this node routes as a change of endpoints says, by the canary",
          .enabled = Default::off,
          .schedule = Schedule::events,
          .interval = Duration{1'000},
          .kinds = {RefreshKind::full},
          .families = {kSeconds, kSinceWrite, kWaiting, kMoves, kConnections, kSettling},
          .options = std::move(options),
          .make = &Propagation::make};
}

}  // namespace kubecliff::propagation
