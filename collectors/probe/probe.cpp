#include "collectors/probe/probe.h"

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/kernel/host_network.h"
#include "collectors/kernel/poller.h"
#include "collectors/probe/http_probe.h"
#include "collectors/probe/target.h"
#include "collectors/probe/target_totals.h"

namespace kubecliff::probe {
namespace {

const OptionSpec kTargets{
    .name = "probe.targets",
    .default_value = Records{},
    .help =
        "A target to ask for again and again, by way of its Service and direct. May be given "
        "up to eight times; in the file, a list of maps.",
    .expected = "a list of maps",
    .record = &target_record()};

constexpr std::string_view kNode = "node";
constexpr std::string_view kPod = "pod";

bool is_vantage(std::string_view text) {
  return text.empty() || text == kNode || text == kPod;
}

const OptionSpec kVantage{
    .name = "probe.vantage",
    .default_value = std::string{},
    .help =
        "Where it is asked from, the label `vantage`: node or pod. Without it, node in the "
        "node's own network namespace, pod elsewhere.",
    .accepts = is_vantage,
    .expected = "node or pod"};

std::string vantage_of(const CollectorContext& context) {
  const auto& given = context.options.get<std::string>(kVantage.name);
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
    std::vector<Target> targets = targets_of(context.options.get<Records>(kTargets.name));
    if (targets.empty()) {
      return fail(ErrorKind::unavailable,
                  "nothing to probe: the configuration names no target; add one to "
                  "collector.probe.targets");
    }
    auto collector = std::make_unique<ProbeCollector>(context);
    if (auto opened = collector->open_targets(std::move(targets)); !opened) {
      return std::unexpected(std::move(opened.error()));
    }
    return collector;
  }

  explicit ProbeCollector(const CollectorContext& context) : vantage_{vantage_of(context)} {}

  [[nodiscard]] int events() const override { return poller_.descriptor(); }

  void on_events() override { poller_.dispatch(); }

  Result<RefreshKind> refresh(Clock::time_point now, Samples& out) override {
    for (const auto& asked : targets_) {
      if (!asked->under_way && asked->due <= now) {
        asked->due = now + with_jitter(asked->target.interval, chance_(random_));
        asked->under_way = true;
        waiting_.push_back({asked.get(), Path::service});
      }
    }
    begin_next();
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
    return RefreshKind::full;
  }

 private:
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
    Result<HttpProbe> opened = HttpProbe::open(poller_);
    if (!opened) {
      return std::unexpected(std::move(opened.error()));
    }
    http_ = std::make_unique<HttpProbe>(std::move(*opened));
    for (Target& target : targets) {
      targets_.push_back(std::make_unique<AskedTarget>(std::move(target)));
    }
    return {};
  }

  // A path of a target: one turn.
  struct Turn {
    AskedTarget* asked = nullptr;
    Path path = Path::service;
  };

  void begin_next() {
    while (!now_asked_ && !waiting_.empty()) {
      const Turn turn = waiting_.front();
      waiting_.pop_front();
      begin(turn);
    }
  }

  void begin(const Turn& turn) {
    if (!turn.asked->target.urls[static_cast<std::size_t>(turn.path)]) {
      ended(turn);
      return;
    }
    const Result<void> started =
        http_->start(turn.asked->target, turn.path, [this, turn](const Outcome& outcome) {
          changed_ = true;
          if (std::string remark = turn.asked->totals.take_in(turn.path, outcome);
              !remark.empty()) {
            remarks_.push_back(std::move(remark));
          }
          ended(turn);
          begin_next();
        });
    if (!started) {
      misses_.push_back(started.error());
      turn.asked->under_way = false;
      return;
    }
    now_asked_ = turn.asked;
    turn_ends_.set(Clock::now() + kLongestTurn);
  }

  void ended(const Turn& turn) {
    if (now_asked_ == turn.asked) {
      now_asked_ = nullptr;
      turn_ends_.stop();
    }
    // Back to back: what else happens on the node weighs on both.
    if (turn.path == Path::service) {
      waiting_.push_front({turn.asked, Path::direct});
    } else {
      turn.asked->under_way = false;
    }
  }

  std::string vantage_;
  Poller poller_;
  Timer turn_ends_{poller_, [this] {
                     now_asked_ = nullptr;
                     begin_next();
                   }};
  std::vector<std::unique_ptr<AskedTarget>> targets_;
  std::unique_ptr<HttpProbe> http_;  // null without targets
  std::deque<Turn> waiting_;
  const AskedTarget* now_asked_ = nullptr;  // whose turn it is
  std::minstd_rand random_{std::random_device{}()};
  std::uniform_real_distribution<double> chance_{0, 1};
  std::vector<std::string> remarks_;
  std::vector<Error> misses_;
  bool changed_ = true;  // so that what has not happened yet is served as zero
};

}  // namespace

CollectorSpec spec() {
  const std::span<const FamilySpec> families = target_families();
  return {
      .name = "probe",
      .summary =
          "what a connection costs by way of a Service and direct, phase by phase, for the "
          "targets that are configured",
      .enabled = Default::off,
      .schedule = Schedule::events,
      .kinds = {RefreshKind::unchanged, RefreshKind::full},
      .families = {families.begin(), families.end()},
      .options = {kTargets, kVantage},
      .make = ProbeCollector::make,
  };
}

}  // namespace kubecliff::probe
