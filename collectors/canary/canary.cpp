#include "collectors/canary/canary.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "collectors/canary/lease.h"
#include "collectors/canary/responder.h"
#include "collectors/canary/service.h"
#include "collectors/canary/turns.h"
#include "collectors/core/backoff.h"
#include "collectors/curl/transfers.h"
#include "collectors/kernel/poller.h"
#include "collectors/kernel/socket_address.h"
#include "collectors/kube/api.h"
#include "collectors/kube/endpoint_slice.h"
#include "collectors/propagation/move.h"

namespace kubecliff::canary {
namespace {

using prometheus::MetricType;
using propagation::Move;
using propagation::Turn;

// There is one canary: it need not spread its tries.
constexpr std::chrono::milliseconds kRetry{2'000};

constexpr FamilySpec kLeads{
    .name = "kubecliff_canary_leader",
    .help = "1 where this canary holds the Lease and moves the endpoint; 0 where another does."};
constexpr FamilySpec kMoves{.name = "kubecliff_canary_moves_total",
                            .type = MetricType::Counter,
                            .help = "Moves of the endpoint that the API server took."};
constexpr FamilySpec kGeneration{
    .name = "kubecliff_canary_generation",
    .help = "Number of the last move that was made or tried. Not there where it does not move."};
constexpr FamilySpec kConnections{.name = "kubecliff_canary_connections_total",
                                  .type = MetricType::Counter,
                                  .help = "Connections that nodes made to the canary's ports.",
                                  .labels = {"family"},
                                  .max_series = kAddressFamilies.size()};
constexpr FamilySpec kBusiest{
    .name = "kubecliff_canary_busiest_second_connections",
    .help =
        "Connections in the busiest second after the move before the last one; the turns of nodes "
        "are chosen so that it stays below --collector.canary.connection-rate."};
constexpr FamilySpec kTurn{.name = "kubecliff_canary_turn_ratio",
                           .help = "Share of all nodes whose turn it is to measure the last move."};

constexpr std::string_view kName = "canary";
constexpr std::string_view kApiServer = "canary.api-server";
constexpr std::string_view kCredentials = "canary.credentials";
constexpr std::string_view kNamespace = "canary.namespace";
constexpr std::string_view kService = "canary.service";
constexpr std::string_view kInterval = "canary.interval";
constexpr std::string_view kPort = "canary.port";
constexpr std::string_view kPorts = "canary.ports";
constexpr std::string_view kConnectionRate = "canary.connection-rate";
constexpr std::string_view kAddresses = "canary.addresses";
constexpr std::string_view kIdentity = "canary.identity";

constexpr std::string_view kAddressesExpected =
    "at most one IPv4 and one IPv6 address, with a comma between";

// This pod's own, at most one of each family.
using Addresses = std::array<std::string, kAddressFamilies.size()>;

std::optional<Addresses> parse_addresses(std::string_view text) {
  Addresses addresses;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string one{text.substr(0, end)};
    text.remove_prefix(std::min(end + 1, text.size()));
    const bool ipv6 = one.find(':') != std::string::npos;
    std::string& known = addresses.at(ipv6 ? 1 : 0);
    if (!known.empty() || !parse_socket_address((ipv6 ? "[" + one + "]" : one) + ":1")) {
      return std::nullopt;
    }
    known = one;
  }
  return addresses;
}

bool are_addresses(std::string_view text) {
  return parse_addresses(text).has_value();
}

// Of the option, or as the pod's manifest tells them.
Result<Addresses> own_addresses(std::string text) {
  if (text.empty()) {
    const char* from_pod =
        std::getenv("POD_IPS");  // NOLINT(concurrency-mt-unsafe): nothing sets it
    text = from_pod == nullptr ? "" : from_pod;
  }
  const auto addresses = parse_addresses(text);
  if (!addresses || *addresses == Addresses{}) {
    return fail(ErrorKind::unavailable,
                "where this pod is reached is not known: set POD_IPS from status.podIPs, or "
                "--collector.canary.addresses (" +
                    std::string{kAddressesExpected} + ")");
  }
  return *addresses;
}

std::chrono::nanoseconds since_1970() {
  return std::chrono::system_clock::now().time_since_epoch();
}

// One move under way: the Service and the slices are read, then the slices are written.
struct Round {
  Service service = {};
  std::vector<std::string> resource_versions = {};  // of the entrances' slices; empty: to be made
  std::uint64_t generation = 0;
  std::optional<Turn> last_turn = {};
};

class Canary final : public Collector {
 public:
  static Result<std::unique_ptr<Collector>> make(const CollectorContext& context) {
    const Options& options = context.options;
    auto addresses = own_addresses(options.get<std::string>(kAddresses));
    if (!addresses) {
      return std::unexpected(addresses.error());
    }
    std::unique_ptr<Canary> made{new Canary{options, std::move(*addresses)}};
    auto transfers = curl::Transfers::open(made->poller_);
    if (!transfers) {
      return std::unexpected(transfers.error());
    }
    made->transfers_ = std::move(*transfers);
    auto api = kube::Api::open(kube::api_settings(options, kName), *made->transfers_);
    if (!api) {
      return std::unexpected(api.error());
    }
    made->api_.emplace(std::move(*api));
    auto responder =
        Responder::open(made->poller_, static_cast<std::uint64_t>(options.get<std::int64_t>(kPort)),
                        static_cast<std::uint64_t>(options.get<std::int64_t>(kPorts)));

    if (!responder) {
      return std::unexpected(responder.error());
    }
    made->responder_ = std::move(*responder);
    made->lease_timer_.set(Clock::now());
    return made;
  }

  Result<RefreshKind> refresh(Clock::time_point now, Samples& out) override {
    const bool leads = candidate_.leads(now);
    out.add(kLeads, leads ? 1 : 0);
    out.add(kMoves, static_cast<double>(moves_));
    if (leads && generation_ > 0) {
      out.add(kGeneration, static_cast<double>(generation_));
      out.add(kBusiest, static_cast<double>(served_busiest_));
      out.add(kTurn, static_cast<double>(turn_.size) / Turn::kAll);
    }
    for (const AddressFamily family : kAddressFamilies) {
      out.add(kConnections, {name(family)}, static_cast<double>(responder_->accepted(family)));
    }
    for (const auto& error : {lease_error_, move_error_}) {
      if (error) {
        out.miss(*error);
      }
    }
    return RefreshKind::full;
  }

  [[nodiscard]] int events() const override { return poller_.descriptor(); }
  void on_events() override { poller_.dispatch(); }

 private:
  Canary(const Options& options, Addresses addresses)
      : service_{options.get<std::string>(kService)},
        interval_{options.get<Duration>(kInterval)},
        first_port_{options.get<std::int64_t>(kPort)},
        connection_rate_{options.get<double>(kConnectionRate)},
        addresses_{std::move(addresses)},
        candidate_{options.get<std::string>(kIdentity).empty()
                       ? kube::host_name()
                       : options.get<std::string>(kIdentity)} {}

  // The Lease.

  void look_at_lease() {
    const Clock::time_point sent = Clock::now();
    const std::string path = kube_path(leases_path(api_->name_space()), service_);
    api_->call("GET", path, {}, [this, sent, path](const Result<kube::Answer>& answer) {
      if (!answer || (!answer->ok() && answer->status != 404)) {
        lease_round_ended(kube::refusal("GET " + path, answer));
        return;
      }
      std::optional<Lease> held;
      if (answer->ok()) {
        auto lease = decode_lease(answer->body);
        if (!lease) {
          lease_round_ended(lease.error());
          return;
        }
        held = std::move(*lease);
      }
      const auto claim =
          candidate_.claim(held, Clock::now(), rfc3339(std::chrono::system_clock::now()));
      if (claim) {
        write_lease(*claim, sent);
      } else {
        follow();
      }
    });
  }

  void write_lease(const Lease& claim, Clock::time_point sent) {
    write(leases_path(api_->name_space()), service_, claim.resource_version.empty(),
          encode(claim, api_->name_space(), service_), [this, sent](std::optional<Error> error) {
            if (error && error->kind == ErrorKind::torn) {
              candidate_.refused();  // another was faster, which is how it should be
              follow();
              return;
            }
            if (!error) {
              if (!candidate_.leads(Clock::now())) {
                // What the last turn's connections were is another's to know.
                turn_is_ours_ = false;
                std::ignore = responder_->take_busiest_second();
                busiest_ = 0;
                move_timer_.set(Clock::now());
              }
              candidate_.claimed(sent);
            }
            lease_round_ended(std::move(error));
          });
  }

  // Another one leads: what failed is its to do now.
  void follow() {
    move_error_.reset();
    lease_round_ended(std::nullopt);
  }

  void lease_round_ended(std::optional<Error> error) {
    lease_error_ = std::move(error);
    lease_timer_.set(Clock::now() + Candidate::kEvery + backoff_.below(std::chrono::seconds{2}));
  }

  // A move.

  void move() {
    // A tenth more or less, so that it keeps in step with nothing else in the cluster.
    move_timer_.set(Clock::now() + interval_ - interval_ / 10 + backoff_.below(interval_ / 5));
    if (!candidate_.leads(Clock::now()) || round_) {
      return;
    }
    round_.emplace();
    if (version_.empty()) {
      discover();
    } else {
      read_service();
    }
  }

  void discover() {
    read(std::string{kube::kDiscoveryGroup}, [this](const std::string& body) {
      auto version = kube::decode_discovery(body);
      if (!version) {
        give_up(version.error());
        return;
      }
      version_ = std::move(*version);
      read_service();
    });
  }

  void read_service() {
    read(kube_path("/api/v1/namespaces/" + api_->name_space() + "/services", service_),
         [this](const std::string& body) {
           auto service = decode_service(body);
           if (!service) {
             give_up(service.error());
             return;
           }
           std::erase_if(service->entrances, [this](const Service::Entrance& entrance) {
             return address(entrance.family).empty();
           });
           if (service->entrances.empty()) {
             give_up({.kind = ErrorKind::unavailable,
                      .message = "the canary's Service " + service_ +
                                 " has no address of a family that this pod has"});
             return;
           }
           round_->service = std::move(*service);
           read_next_slice();
         });
  }

  void read_next_slice() {
    const std::size_t index = round_->resource_versions.size();
    if (index == round_->service.entrances.size()) {
      begin_writing();
      return;
    }
    const std::string path = kube_path(slices(), slice_name(index));
    api_->call("GET", path, {}, [this, path](const Result<kube::Answer>& answer) {
      if (answer && answer->status == 404) {
        round_->resource_versions.emplace_back();
        read_next_slice();
        return;
      }
      if (!answer || !answer->ok()) {
        give_up(kube::refusal("GET " + path, answer));
        return;
      }
      const auto slice = kube::decode_slice(answer->body);
      if (!slice) {
        give_up(slice.error());
        return;
      }
      round_->resource_versions.push_back(slice->resource_version);
      // One that somebody spoiled is written anew.
      if (const auto last = propagation::decode_move(slice->annotations)) {
        round_->generation = std::max(round_->generation, last->generation);
        round_->last_turn = last->turn;
      }
      read_next_slice();
    });
  }

  void begin_writing() {
    if (!candidate_.leads(Clock::now())) {
      round_.reset();
      return;
    }
    // A try that failed uses up no port: a node may be that far behind.
    generation_ = std::max(round_->generation, moved_to_) + 1;
    const Turn last = round_->last_turn.value_or(Turn{.from = 0, .size = kFirstTurn});
    // A move may take several tries.
    busiest_ = std::max(busiest_, responder_->take_busiest_second());
    turn_ = turn_is_ours_ ? next_turn(last, busiest_, connection_rate_)
                          : Turn{.from = last.from + last.size, .size = last.size};
    // Before any node can be routed there.
    responder_->set(generation_ % responder_->ports(), generation_);
    write_slice(0);
  }

  void write_slice(std::size_t index) {
    if (index == round_->service.entrances.size()) {
      moves_ += 1;
      moved_to_ = generation_;
      turn_is_ours_ = true;
      served_busiest_ = std::exchange(busiest_, 0);
      move_error_.reset();
      backoff_.reset();
      round_.reset();
      return;
    }
    const Service::Entrance& entrance = round_->service.entrances[index];
    const kube::EndpointSlice slice{
        .version = version_,
        .name_space = api_->name_space(),
        .name = slice_name(index),
        .resource_version = round_->resource_versions[index],
        .service = service_,
        .family = entrance.family,
        .address = address(entrance.family),
        .port_name = round_->service.port_name,
        .port = static_cast<std::uint16_t>(
            first_port_ + static_cast<std::int64_t>(generation_ % responder_->ports())),
        .annotations = propagation::encode(Move{.generation = generation_,
                                                .written = since_1970(),
                                                .service = entrance.address,
                                                .turn = turn_})};
    write(slices(), slice.name, slice.resource_version.empty(), kube::encode(slice),
          [this, index](std::optional<Error> error) {
            if (error) {
              give_up(std::move(*error));
            } else {
              write_slice(index + 1);
            }
          });
  }

  void give_up(Error error) {
    move_error_ = std::move(error);
    round_.reset();
    version_.clear();  // another one, perhaps, since an upgrade
    move_timer_.set(Clock::now() + backoff_.next());
  }

  // Requests.

  void read(const std::string& path, std::function<void(const std::string& body)> then) {
    api_->call("GET", path, {}, [this, path, then = std::move(then)](const auto& answer) {
      if (!answer || !answer->ok()) {
        give_up(kube::refusal("GET " + path, answer));
      } else {
        then(answer->body);
      }
    });
  }

  void write(const std::string& collection, const std::string& object, bool is_new,
             std::string body, std::function<void(std::optional<Error>)> then) {
    const std::string_view method = is_new ? "POST" : "PUT";
    const std::string path = is_new ? collection : kube_path(collection, object);
    api_->call(
        method, path, std::move(body),
        [request = std::string{method} + " " + path, then = std::move(then)](const auto& answer) {
          if (answer && answer->ok()) {
            then(std::nullopt);
          } else {
            then(kube::refusal(request, answer));
          }
        });
  }

  static std::string kube_path(const std::string& collection, const std::string& object) {
    return collection + "/" + object;
  }
  std::string slices() const { return kube::slices_path(version_, api_->name_space()); }
  std::string slice_name(std::size_t entrance) const {
    return propagation::slice_name(service_, round_->service.entrances[entrance].family);
  }
  const std::string& address(AddressFamily family) const {
    return addresses_.at(static_cast<std::size_t>(family));
  }

  const std::string service_;  // and the Lease's name
  const Duration interval_;
  const std::int64_t first_port_;
  const double connection_rate_;
  const Addresses addresses_;

  Poller poller_;
  Timer lease_timer_{poller_, [this] { look_at_lease(); }};
  Timer move_timer_{poller_, [this] { move(); }};
  std::unique_ptr<curl::Transfers> transfers_;
  std::optional<kube::Api> api_;
  std::unique_ptr<Responder> responder_;
  Backoff backoff_{kRetry};
  Candidate candidate_;
  std::string version_;  // of discovery.k8s.io; empty: not known
  std::optional<Round> round_;
  std::optional<Error> lease_error_;
  std::optional<Error> move_error_;
  std::uint64_t moves_ = 0;
  std::uint64_t generation_ = 0;      // that was tried last
  std::uint64_t moved_to_ = 0;        // that the API server took last
  std::uint64_t busiest_ = 0;         // since that
  std::uint64_t served_busiest_ = 0;  // before that
  Turn turn_;
  bool turn_is_ours_ = false;  // the connections of the last turn came to us
};

}  // namespace

CollectorSpec spec() {
  std::vector<OptionSpec> options = kube::api_options(
      {.api_server = kApiServer, .credentials = kCredentials, .name_space = kNamespace},
      "Namespace of its Service, EndpointSlices and Lease; empty: this pod's own.");
  options.insert(
      options.end(),
      {{.name = kService,
        .default_value = std::string{"kubecliff-canary"},
        .help = "Its Service, which has no selector. The Lease has the same name."},
       {.name = kInterval,
        .default_value = Duration{60'000},
        .help = "Between two moves, a tenth more or less. Times the number of ports it must be "
                "more "
                "than the nodes' --collector.propagation.timeout.",
        .least = 1},
       {.name = kPort,
        .default_value = std::int64_t{10'300},
        .help = "First of the ports at which it answers.",
        .least = 1},
       {.name = kPorts,
        .default_value = std::int64_t{24},
        .help = "How many ports take turns: a node that is so many moves behind is taken for one "
                "that is up to date.",
        .least = 2},
       {.name = kConnectionRate,
        .default_value = 2'000.0,
        .help = "Connections that nodes may make in a second; so many of them measure each move, "
                "in turn.",
        .least = 1},
       {.name = kAddresses,
        .default_value = std::string{},
        .help = "Where this pod is reached; empty: POD_IPS of the environment.",
        .accepts = &are_addresses,
        .expected = kAddressesExpected},
       {.name = kIdentity,
        .default_value = std::string{},
        .help = "Its name in the Lease; empty: the host's name, in a pod the pod's."}});
  return {.name = kName,
          .summary = "Moves the endpoint by which nodes measure propagation",
          .schedule = Schedule::events,
          .interval = Duration{1'000},
          .kinds = {RefreshKind::full},
          .families = {kLeads, kMoves, kGeneration, kConnections, kBusiest, kTurn},
          .options = std::move(options),
          .make = &Canary::make};
}

}  // namespace kubecliff::canary
