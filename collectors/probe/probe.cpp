#include "collectors/probe/probe.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/kernel/host_network.h"
#include "collectors/kernel/poller.h"
#include "collectors/kernel/procfs.h"
#include "collectors/probe/dns_probe.h"
#include "collectors/probe/dns_servers.h"
#include "collectors/probe/dns_totals.h"
#include "collectors/probe/http_probe.h"
#include "collectors/probe/resolv_conf.h"
#include "collectors/probe/target.h"
#include "collectors/probe/target_totals.h"
#include "collectors/probe/turns.h"

namespace kubecliff::probe {
namespace {

const OptionSpec targets_option{
    .name = "probe.targets",
    .default_value = Records{},
    .help =
        "A target to ask for again and again, by way of its Service and direct. May be given "
        "up to eight times; in the file, a list of maps. In a pod beside the canary's Service, "
        "that "
        "is one more, named canary.",
    .expected = "a list of maps",
    .record = &target_record()};

constexpr std::string_view kNode = "node";
constexpr std::string_view kPod = "pod";

bool is_vantage(std::string_view text) {
  return text.empty() || text == kNode || text == kPod;
}

const OptionSpec vantage_option{
    .name = "probe.vantage",
    .default_value = std::string{},
    .help =
        "Where it is asked from, the label `vantage`: node or pod. Without it, node in the "
        "node's own network namespace, pod elsewhere.",
    .accepts = is_vantage,
    .expected = "node or pod"};

const OptionSpec names_option{
    .name = "probe.dns-names",
    .default_value = std::string{},
    .help =
        "Up to four names, with commas between, that DNS servers are asked for, as they are. "
        "Without one, none is asked.",
    .accepts = is_name_list,
    .expected = "at most 4 names with commas between, each once"};

const OptionSpec servers_option{
    .name = "probe.dns-servers",
    .default_value = std::string{},
    .help =
        "Up to four addresses of DNS servers, with commas between, an IPv6 one in brackets. "
        "Without one: node_local, where NodeLocal DNSCache's 169.254.20.10 is on a device "
        "here; cluster, the tenth address of the Service range; resolver, the first of "
        "resolv.conf.",
    .accepts = is_server_list,
    .expected = "at most 4 addresses with commas between, each once"};

const OptionSpec dns_interval_option{
    .name = "probe.dns-interval",
    .default_value = Duration{std::chrono::seconds{15}},
    .help = "From one round of DNS lookups to the next, give or take a tenth.",
    .least = 1};

const OptionSpec resolv_conf_option{
    .name = "probe.resolv-conf",
    .default_value = std::string{"/etc/resolv.conf"},
    .help = "Whose search list and first server are meant.",
    .accepts = [](std::string_view text) { return text.starts_with('/'); },
    .expected = "a file's path from /"};

std::string vantage_of(const CollectorContext& context) {
  const auto& given = context.options.get<std::string>(vantage_option.name);
  if (!given.empty()) {
    return given;
  }
  // Where nothing tells, nothing is tracked: then the two differ in little.
  const Result<bool> first = in_first_network_namespace(context.procfs);
  return std::string{first && !*first ? kPod : kNode};
}

// Probes take turns, so that none is timed while another one keeps the processor: a TLS handshake
// is milliseconds, reading the system's CAs tens of them. One that takes longer than this waits for
// the network, and lets the next one begin.
constexpr std::chrono::milliseconds kLongestTurn{100};

class ProbeCollector final : public Collector {
 public:
  // Unavailable where there is nothing to ask for, or no libcurl to ask with.
  static Result<std::unique_ptr<Collector>> make(const CollectorContext& context) {
    std::vector<Target> targets = targets_of(context.options.get<Records>(targets_option.name));
    // NOLINTBEGIN(concurrency-mt-unsafe): nobody sets them
    const char* const host = std::getenv("KUBECLIFF_CANARY_SERVICE_HOST");
    const char* const port = std::getenv("KUBECLIFF_CANARY_SERVICE_PORT");
    // NOLINTEND(concurrency-mt-unsafe)
    auto canary = host != nullptr && port != nullptr ? canary_target(host, port) : std::nullopt;
    if (canary && targets.size() < kMostTargets &&
        std::ranges::find(targets, canary->name, &Target::name) == targets.end()) {
      targets.push_back(std::move(*canary));
    }
    if (targets.empty() && context.options.get<std::string>(names_option.name).empty()) {
      return fail(ErrorKind::unavailable,
                  "nothing to probe: add a target to collector.probe.targets, or a name to "
                  "collector.probe.dns-names");
    }
    auto collector = std::make_unique<ProbeCollector>(context);
    if (auto opened = collector->open_targets(std::move(targets)); !opened) {
      return std::unexpected(std::move(opened.error()));
    }
    return collector;
  }

  explicit ProbeCollector(const CollectorContext& context)
      : vantage_{vantage_of(context)},
        names_{parse_list(context.options.get<std::string>(names_option.name))},
        named_servers_{named_servers(context.options.get<std::string>(servers_option.name))},
        dns_interval_{context.options.get<Duration>(dns_interval_option.name)},
        resolv_conf_{context.options.get<std::string>(resolv_conf_option.name)} {}

  [[nodiscard]] int events() const override { return poller_.descriptor(); }

  void on_events() override { poller_.dispatch(); }

  Result<RefreshKind> refresh(Clock::time_point now, Samples& out) override {
    for (const auto& asked : targets_) {
      if (!asked->under_way && asked->due <= now) {
        asked->due = now + with_jitter(asked->target.interval, chance_(random_));
        asked->under_way = true;
        turns_.take(asked.get(), [this, &asked = *asked] { return ask(asked, Path::service); });
      }
    }
    if (!names_.empty() && lookups_ == 0 && dns_due_ <= now) {
      dns_due_ = now + with_jitter(dns_interval_, chance_(random_));
      begin_lookups(out);
    }
    for (std::string& remark : std::exchange(remarks_, {})) {
      out.remark(std::move(remark));
    }
    for (Error& miss : std::exchange(misses_, {})) {
      out.miss(std::move(miss));
    }
    if (!std::exchange(changed_, false)) {
      return RefreshKind::unchanged;
    }
    for (const auto& asked : targets_) {
      asked->totals.add(vantage_, out);
    }
    for (const auto& totals : dns_) {
      totals->add(vantage_, out);
    }
    if (search_queries_) {
      add_search_queries(*search_queries_, vantage_, out);
    }
    return RefreshKind::full;
  }

 private:
  struct Turn {};  // of one lookup, told apart from others by where it is

  struct AskedTarget {
    explicit AskedTarget(Target named) : target{std::move(named)}, totals{target} {}

    Target target;
    TargetTotals totals;
    Clock::time_point due;  // at once, to begin with
    bool under_way = false;
  };

  Result<void> open_targets(std::vector<Target> targets) {
    if (targets.empty()) {
      return {};
    }
    auto opened = HttpProbe::open(poller_);
    if (!opened) {
      return std::unexpected(std::move(opened.error()));
    }
    http_ = std::move(*opened);
    for (Target& target : targets) {
      targets_.push_back(std::make_unique<AskedTarget>(std::move(target)));
    }
    return {};
  }

  // False: not begun.
  bool ask(AskedTarget& asked, Path path) {
    if (!asked.target.urls[static_cast<std::size_t>(path)]) {
      asked_all_of(asked, path);
      return false;
    }
    const Result<void> started =
        http_->start(asked.target, path, [this, &asked, path](const Outcome& outcome) {
          changed_ = true;
          if (std::string remark = asked.totals.take_in(path, outcome); !remark.empty()) {
            remarks_.push_back(std::move(remark));
          }
          asked_all_of(asked, path);
          turns_.end(&asked);
        });
    if (!started) {
      misses_.push_back(started.error());
      asked.under_way = false;
    }
    return started.has_value();
  }

  // Back to back: what else happens on the node weighs on both.
  void asked_all_of(AskedTarget& asked, Path path) {
    if (path == Path::service) {
      turns_.take_next(&asked, [this, &asked] { return ask(asked, Path::direct); });
    } else {
      asked.under_way = false;
    }
  }

  void begin_lookups(Samples& out) {
    const Result<std::vector<DnsServer>> servers = dns_servers();
    if (!servers) {
      out.miss(servers.error());
      return;
    }
    for (const DnsServer& server : *servers) {
      DnsTotals& totals = totals_of(server);
      for (const std::string& name : names_) {
        ++lookups_;
        const auto turn = std::make_shared<Turn>();
        turns_.take(turn.get(), [this, server, &totals, &name, turn] {
          return look_up(server, totals, name, turn);
        });
      }
    }
  }

  bool look_up(const DnsServer& server, DnsTotals& totals, const std::string& name,
               const std::shared_ptr<Turn>& turn) {
    const Result<void> started =
        lookup_.start(server.address, name, [this, &totals, turn](const DnsOutcomes& outcomes) {
          changed_ = true;
          totals.take_in(outcomes);
          --lookups_;
          turns_.end(turn.get());
        });
    if (!started) {
      misses_.push_back(started.error());
      --lookups_;
    }
    return started.has_value();
  }

  // As they are now: resolv.conf is written anew, and NodeLocal DNSCache comes and goes.
  Result<std::vector<DnsServer>> dns_servers() {
    const Result<std::string> text = read_file(resolv_conf_);
    if (!text) {
      return std::unexpected(text.error());
    }
    Surroundings surroundings{.resolv_conf = parse_resolv_conf(*text), .api_server = {}};
    search_queries_ = 0;
    for (const std::string& name : names_) {
      search_queries_ =
          std::max(*search_queries_, kQueries.size() * names_tried(surroundings.resolv_conf, name));
    }
    changed_ = true;
    if (!named_servers_.empty()) {
      return named_servers_;
    }
    const Result<bool> node_local = is_on_a_device(kNodeLocal);
    if (!node_local) {
      return std::unexpected(node_local.error());
    }
    surroundings.node_local_here = *node_local;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it
    const char* const api_server = std::getenv("KUBERNETES_SERVICE_HOST");
    surroundings.api_server = api_server == nullptr ? "" : api_server;
    return servers_around(surroundings);
  }

  DnsTotals& totals_of(const DnsServer& server) {
    const auto known =
        std::ranges::find(dns_, server.label,
                          [](const auto& totals) -> const std::string& { return totals->label(); });
    return known != dns_.end() ? **known
                               : *dns_.emplace_back(std::make_unique<DnsTotals>(server.label));
  }

  std::string vantage_;
  Poller poller_;
  Turns turns_{poller_, kLongestTurn};
  std::vector<std::unique_ptr<AskedTarget>> targets_;
  std::unique_ptr<HttpProbe> http_;  // null without targets
  std::vector<std::string> names_;
  std::vector<DnsServer> named_servers_;  // empty: those around
  Duration dns_interval_;
  std::filesystem::path resolv_conf_;
  Clock::time_point dns_due_;  // at once, to begin with
  std::vector<std::unique_ptr<DnsTotals>> dns_;
  std::optional<std::size_t> search_queries_;
  std::size_t lookups_ = 0;  // under way, or waiting for their turn
  DnsProbe lookup_{poller_};
  std::minstd_rand random_{std::random_device{}()};
  std::uniform_real_distribution<double> chance_{0, 1};
  std::vector<std::string> remarks_;
  std::vector<Error> misses_;
  bool changed_ = true;  // so that what has not happened yet is served as zero
};

}  // namespace

CollectorSpec spec() {
  std::vector<FamilySpec> families{target_families().begin(), target_families().end()};
  families.insert(families.end(), dns_families().begin(), dns_families().end());
  return {
      .name = "probe",
      .summary =
          "what a connection costs by way of a Service and direct, phase by phase, and DNS, for "
          "the targets and names that are configured",
      .enabled = Default::off,
      .schedule = Schedule::events,
      .kinds = {RefreshKind::unchanged, RefreshKind::full},
      .families = std::move(families),
      .options = {targets_option, vantage_option, names_option, servers_option, dns_interval_option,
                  resolv_conf_option},
      .make = ProbeCollector::make,
  };
}

}  // namespace kubecliff::probe
