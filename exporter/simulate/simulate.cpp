#include "exporter/simulate/simulate.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <ranges>
#include <thread>
#include <utility>

#include "collectors/kernel/procfs.h"
#include "collectors/kernel/tool_streams.h"
#include "collectors/traversal/probe.h"
#include "collectors/traversal/round.h"
#include "exporter/simulate/dataplane.h"
#include "exporter/simulate/scratch_namespace.h"
#include "exporter/simulate/traffic.h"

namespace kubecliff::simulate {
namespace {

using Clock = Stop::Clock;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

// Rounds of each measurement of traffic, of which the median counts.
constexpr int kRounds = 5;
// Flows of each round at each position, of which the fastest tenth counts (traversal/round.h):
// those of one round lie apart, so that they find the processor's caches as a node's flows do.
constexpr int kFlows = 16;
constexpr std::int64_t kLeastPause = 500;  // us
constexpr std::int64_t kMostPause = 2'500;
constexpr auto kConnecting = std::chrono::milliseconds{60};
// Of a round: connections that are closed stay tracked for two minutes.
constexpr int kMostConnections = 1'000;

double seconds(nanoseconds time) {
  return std::chrono::duration<double>{time}.count();
}

Error stopped() {
  return {.kind = ErrorKind::timeout, .message = "stopped"};
}

// A run that takes long is not repeated often.
int repetitions(double took) {
  if (took < 0.3) {
    return 5;
  }
  return took < 2 ? 3 : 1;
}

// What a point takes in memory: the input, the tool's picture of it and the kernel's, measured with
// 5,000 Services of 10 endpoints.
std::uint64_t bytes_needed(Backend backend, int services, int endpoints) {
  constexpr std::uint64_t kBase = 64ULL << 20U;
  const auto per_endpoint = backend == Backend::ipvs ? std::uint64_t{2'048} : std::uint64_t{8'192};
  return kBase + per_endpoint * static_cast<std::uint64_t>(services) *
                     (static_cast<std::uint64_t>(endpoints) + 1);
}

// What this process's container may still take: its limit is that of the control group (version 2)
// that it sees as the first.
std::optional<std::uint64_t> bytes_of_container() {
  const Result<std::uint64_t> most = read_number("/sys/fs/cgroup/memory.max");  // or "max"
  const Result<std::uint64_t> taken = read_number("/sys/fs/cgroup/memory.current");
  return most && taken ? std::optional{*most - std::min(*most, *taken)} : std::nullopt;
}

// The least of MemAvailable and of what the container may take; nothing where neither is told.
std::optional<std::uint64_t> available_bytes() {
  std::optional<std::uint64_t> bytes = bytes_of_container();
  std::ignore = visit_lines("/proc/meminfo", [&](std::string_view line) -> Result<void> {
    if (line.starts_with("MemAvailable:") && line.ends_with(" kB")) {
      line.remove_prefix(line.find_first_of("0123456789"));
      line.remove_suffix(3);
      if (const auto number = parse_number<std::uint64_t>(line)) {
        const std::uint64_t of_host = *number * 1024;
        bytes = std::min(of_host, bytes.value_or(of_host));
      }
    }
    return {};
  });
  return bytes;
}

// The Service of a protocol that is nearest to a position.
std::string address_at(std::span<const Service> services, Position position, Protocol protocol) {
  const std::size_t last = services.size() - 1;
  std::size_t wanted = last;
  if (position != Position::last) {
    wanted = position == Position::first ? 0 : last / 2;
  }
  // The next one is of the other protocol.
  if (services[wanted].protocol != protocol) {
    wanted = wanted == last ? last - 1 : wanted + 1;
  }
  return cluster_ip(services[wanted], AddressFamily::ipv4);
}

// Where root's PATH is a user's, as under su, sbin is missing from it.
std::string search_path() {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): one thread
  return std::string{path == nullptr ? "" : path} + ":/usr/local/sbin:/usr/sbin:/sbin";
}

// One backend with so many Services, measured step by step.
class PointMeasurement {
 public:
  PointMeasurement(Backend backend, Tools tools, int services, int endpoints, const Stop& stop,
                   std::function<void(std::string_view)> tell)
      : stop_{stop},
        tell_{std::move(tell)},
        dataplane_{make_dataplane(backend, std::move(tools), services, endpoints)} {
    point_.backend = backend;
    point_.services = services;
    point_.endpoints = endpoints;
    const Size size = dataplane_->size();
    point_.rules = size.rules;
    point_.worst_case_walk = size.worst_case_walk;
  }

  Result<Point> measure() {
    const auto started = Clock::now();
    // Each step needs the state that those before it left.
    using Step = Result<void> (PointMeasurement::*)();
    for (const auto& [what, step] : std::initializer_list<std::pair<std::string_view, Step>>{
             {"full restore", &PointMeasurement::write_everything},
             {"reading", &PointMeasurement::read_back},
             {"one-Service updates", &PointMeasurement::update},
             {"reading", &PointMeasurement::read_again},
             {"listing", &PointMeasurement::list},
             {"flows", &PointMeasurement::send_flows},
             {"connections", &PointMeasurement::make_connections}}) {
      tell_(what);
      if (const Result<void> done = (this->*step)(); !done) {
        return prefixed(what, done.error());
      }
      if (stop_.asked()) {
        return std::unexpected(stopped());
      }
    }
    point_.read = figure_of(reads_);
    point_.took = seconds(Clock::now() - started);
    return point_;
  }

 private:
  // Seconds of one run of a tool.
  Result<double> run(const std::vector<std::string>& command, int input) {
    const Result<ToolRun> ran = run_well(command, {.input = input, .stop = &stop_});
    if (!ran) {
      return std::unexpected(ran.error());
    }
    point_.peak_bytes = std::max(point_.peak_bytes, ran->peak_bytes);
    return seconds(ran->wall);
  }

  Result<double> run(const std::vector<std::string>& command, std::string text) {
    const Result<UniqueFd> input = file_with(text);
    if (!input) {
      return std::unexpected(input.error());
    }
    std::string{}.swap(text);  // what is large makes the fork slow
    return run(command, input->get());
  }

  // Each time into a namespace of its own; the last one stays for what comes next.
  Result<void> write_everything() {
    const Result<UniqueFd> input = file_with(dataplane_->full());
    if (!input) {
      return std::unexpected(input.error());
    }
    std::vector<double> times;
    do {
      namespace_.reset();
      Result<NetworkNamespace> entered = enter_scratch_namespace();
      if (!entered) {
        return std::unexpected(entered.error());
      }
      namespace_.emplace(std::move(*entered));
      const Result<double> took = run(dataplane_->full_command(), input->get());
      if (!took) {
        return std::unexpected(took.error());
      }
      times.push_back(*took);
    } while (std::ssize(times) < repetitions(times.front()));
    point_.full = figure_of(times);
    return {};
  }

  Result<void> read_back() {
    do {
      const auto started = Clock::now();
      const Result<void> verified = dataplane_->verify();
      reads_.push_back(seconds(Clock::now() - started));
      if (!verified) {
        return verified;
      }
    } while (std::ssize(reads_) < repetitions(reads_.front()) && !stop_.asked());
    return {};
  }

  Result<void> read_again() { return dataplane_->verify(); }

  // There and back again, so that the number of Services stays.
  Result<void> update() {
    std::vector<double> times;
    do {
      for (const bool adds : {true, false}) {
        const Result<double> took =
            run(dataplane_->update_command(), adds ? dataplane_->add() : dataplane_->remove());
        if (!took) {
          return std::unexpected(took.error());
        }
        times.push_back(*took);
      }
    } while (std::ssize(times) < std::ptrdiff_t{2} * repetitions(times.front()));
    point_.update = figure_of(times);
    return {};
  }

  Result<void> list() {
    std::vector<double> times;
    do {
      const Result<double> took = run(dataplane_->list_command(), -1);
      if (!took) {
        return std::unexpected(took.error());
      }
      times.push_back(*took);
    } while (std::ssize(times) < repetitions(times.front()));
    point_.list = figure_of(times);
    return {};
  }

  // All positions in turn, so that what else the machine does is shared by them.
  Result<void> send_flows() {
    const Result<Traffic> traffic = Traffic::open();
    const Result<traversal::Probe> probe = traversal::Probe::open(AddressFamily::ipv4);
    if (!traffic || !probe) {
      return std::unexpected(traffic ? probe.error() : traffic.error());
    }
    constexpr std::size_t kMissed = kPositions.size();
    constexpr std::size_t kWays = kMissed + 1;
    std::array<std::string, kMissed> services;
    for (std::size_t i = 0; i < kMissed; ++i) {
      services[i] = address_at(dataplane_->services(), static_cast<Position>(i), Protocol::udp);
      if (const auto warm = traffic->send_flow(services[i]); !warm) {
        return std::unexpected(warm.error());
      }
    }
    std::array<std::vector<double>, kWays> firsts;
    std::array<std::vector<double>, kWays> laters;
    for (int round = 0; round < kRounds; ++round) {
      std::array<traversal::Round, kWays> first;
      std::array<traversal::Round, kWays> later;
      for (int flow = 0; flow < kFlows; ++flow) {
        for (std::size_t way = 0; way < kWays; ++way) {
          std::this_thread::sleep_for(microseconds{pause_(random_)});
          const Result<FlowCost> cost =
              way == kMissed ? miss(*probe) : traffic->send_flow(services[way]);
          if (!cost) {
            return std::unexpected(cost.error());
          }
          first[way].add(cost->first);
          later[way].add(cost->later);
        }
        if (stop_.asked()) {
          return std::unexpected(stopped());
        }
      }
      for (std::size_t way = 0; way < kWays; ++way) {
        firsts[way].push_back(seconds(first[way].floor().value_or(nanoseconds{0})));
        laters[way].push_back(seconds(later[way].floor().value_or(nanoseconds{0})));
      }
    }
    for (std::size_t i = 0; i < kMissed; ++i) {
      point_.paths[i].new_flow = figure_of(firsts[i]);
      point_.paths[i].established = figure_of(laters[i]);
    }
    point_.missed_new_flow = figure_of(firsts[kMissed]);
    point_.missed_established = figure_of(laters[kMissed]);
    return {};
  }

  // The probe waits for 200 ms, which a busy machine may exceed.
  static Result<FlowCost> miss(const traversal::Probe& probe) {
    constexpr int kTries = 5;
    Result<traversal::Flow> flow = probe.send_flow();
    for (int again = 1; again < kTries && !flow; ++again) {
      flow = probe.send_flow();
    }
    if (!flow) {
      return std::unexpected(flow.error());
    }
    return FlowCost{.first = flow->first, .later = flow->later};
  }

  Result<void> make_connections() {
    const Result<Traffic> traffic = Traffic::open();
    if (!traffic) {
      return std::unexpected(traffic.error());
    }
    std::array<std::vector<double>, kPositions.size()> rates;
    for (int round = 0; round < kRounds; ++round) {
      for (std::size_t i = 0; i < kPositions.size(); ++i) {
        const std::string service =
            address_at(dataplane_->services(), static_cast<Position>(i), Protocol::tcp);
        const Result<double> rate = connect_for_a_while(*traffic, service);
        if (!rate) {
          return std::unexpected(rate.error());
        }
        rates[i].push_back(*rate);
      }
      if (stop_.asked()) {
        return std::unexpected(stopped());
      }
    }
    for (std::size_t i = 0; i < kPositions.size(); ++i) {
      point_.paths[i].connections = figure_of(rates[i]);
    }
    return {};
  }

  static Result<double> connect_for_a_while(const Traffic& traffic, const std::string& service) {
    const auto started = Clock::now();
    int made = 0;
    while (made < kMostConnections && Clock::now() - started < kConnecting) {
      if (const Result<void> connected = traffic.connect(service); !connected) {
        return std::unexpected(connected.error());
      }
      ++made;
    }
    return made / seconds(Clock::now() - started);
  }

  const Stop& stop_;
  std::function<void(std::string_view)> tell_;
  std::unique_ptr<Dataplane> dataplane_;
  std::optional<NetworkNamespace> namespace_;
  std::vector<double> reads_;
  std::minstd_rand random_{std::random_device{}()};
  std::uniform_int_distribution<std::int64_t> pause_{kLeastPause, kMostPause};
  Point point_;
};

class Simulation {
 public:
  Simulation(const Plan& plan, const Stop& stop, const std::function<void(const Progress&)>& tell)
      : plan_{plan}, stop_{stop}, tell_{tell} {}

  Result<Measured> run() {
    const auto started = Clock::now();
    look_at_machine();
    // Whether namespaces can be made at all is told before anything else.
    if (const Result<NetworkNamespace> tried = enter_scratch_namespace(); !tried) {
      return std::unexpected(tried.error());
    }
    choose_backends();
    progress_.all = plan_.services.size() * chosen_.size();
    for (const int services : plan_.services) {
      for (auto& [backend, tools] : chosen_) {
        measure(backend, tools, services);
      }
    }
    measured_.took = seconds(Clock::now() - started);
    if (stop_.by_signal()) {
      measured_.ending = Ending::signal;
    }
    return std::move(measured_);
  }

 private:
  void look_at_machine() {
    utsname names{};
    if (::uname(&names) == 0) {
      measured_.machine.kernel = names.release;
      measured_.machine.node = names.nodename;
    }
    measured_.machine.cpus = static_cast<int>(std::thread::hardware_concurrency());
  }

  void choose_backends() {
    const bool asked = !plan_.backends.empty();
    const std::string path = search_path();
    for (const Backend backend : kBackends) {
      if (asked && std::ranges::find(plan_.backends, backend) == plan_.backends.end()) {
        continue;
      }
      // The kernel first: ipvsadm loads ip_vs even where it is only asked for its version.
      std::string why = kernel_lacks(backend, plan_.load_modules);
      Found found;
      if (why.empty()) {
        found = find_tools(backend, path);
        why = found.tools ? "" : "not found: " + found.missing;
      }
      // What is not here is missed only by who asked for it by name, what fails by everybody.
      bool missed = asked;
      if (why.empty()) {
        why = warm_up(backend, *found.tools);
        missed = true;
      }
      if (!why.empty()) {
        measured_.missing.push_back({.backend = backend, .services = {}, .why = std::move(why)});
        lower(missed ? Ending::incomplete : Ending::whole);
        continue;
      }
      measured_.machine.tools.push_back(
          {.backend = backend, .path = found.tools->writer, .version = found.tools->version});
      chosen_.emplace_back(backend, std::move(*found.tools));
    }
    if (chosen_.empty()) {
      lower(Ending::incomplete);
    }
  }

  // A small one: what the first use of a tool and of the kernel's code costs is nobody's figure.
  std::string warm_up(Backend backend, const Tools& tools) {
    progress_.doing = std::string{name(backend)} + ": warming up";
    tell_(progress_);
    const auto written = [&]() -> Result<void> {
      const Result<NetworkNamespace> entered = enter_scratch_namespace();
      if (!entered) {
        return std::unexpected(entered.error());
      }
      constexpr int kFew = 10;
      const auto dataplane = make_dataplane(backend, tools, kFew, 2);
      const Result<UniqueFd> input = file_with(dataplane->full());
      if (!input) {
        return std::unexpected(input.error());
      }
      const auto ran = run_well(dataplane->full_command(), {.input = input->get(), .stop = &stop_});
      return ran ? dataplane->verify() : std::unexpected(ran.error());
    }();
    return written ? "" : written.error().message;
  }

  void measure(Backend backend, const Tools& tools, int services) {
    const std::string why = reason_not_to(backend, services);
    if (!why.empty()) {
      miss(backend, services, why);
      ++progress_.done;
      return;
    }
    const std::string what =
        std::string{name(backend)} + ", " + std::to_string(services) + " Services: ";
    progress_.left = time_left(backend, services);
    PointMeasurement measurement{
        backend, tools, services, plan_.endpoints, stop_, [&](std::string_view step) {
          progress_.doing = what + std::string{step};
          tell_(progress_);
        }};
    Result<Point> point = measurement.measure();
    if (point) {
      costs_[backend] = *point;
      measured_.points.push_back(*point);
    } else if (!stop_.asked()) {
      broken_.push_back(backend);
      lower(Ending::incomplete);
      miss(backend, services, point.error().message);
    } else {
      miss(backend, services, "stopped");
      lower(Ending::time_limit);
    }
    ++progress_.done;
  }

  std::string reason_not_to(Backend backend, int services) {
    if (stop_.by_signal()) {
      return "stopped";
    }
    if (std::ranges::find(broken_, backend) != broken_.end()) {
      return "not tried after that";
    }
    const auto left = seconds(stop_.deadline() - Clock::now());
    if (cost_of(backend, services) > left) {
      lower(Ending::time_limit);
      return "would take longer than the time limit leaves";
    }
    const auto available = available_bytes();
    if (available && bytes_needed(backend, services, plan_.endpoints) > *available / 2) {
      lower(Ending::incomplete);
      return "would take more than half of the memory that is free";
    }
    return {};
  }

  // The first reason counts, from the smallest number of Services on.
  void miss(Backend backend, int services, const std::string& why) {
    const bool known = std::ranges::any_of(
        measured_.missing, [&](const Missing& missing) { return missing.backend == backend; });
    if (!known) {
      measured_.missing.push_back({.backend = backend, .services = services, .why = why});
    }
  }

  // Seconds that a point takes, by what the one before it took; a guess for the first.
  [[nodiscard]] double cost_of(Backend backend, int services) const {
    constexpr double kLeast = 1.5;  // of flows and connections
    const auto before = costs_.find(backend);
    if (before == costs_.end()) {
      constexpr double kPerEndpoint = 2e-4;
      return kLeast + kPerEndpoint * services * plan_.endpoints;
    }
    const Point& last = before->second;
    const double times = static_cast<double>(services) / last.services;
    double grows = 0;
    double grown = 0;
    for (const Figure& figure : {last.full, last.update, last.list, last.read}) {
      const double once = figure.median * times;
      grows += figure.times * figure.median;
      grown += repetitions(once) * once;
    }
    // An update is there and back again.
    grown += repetitions(last.update.median * times) * last.update.median * times;
    return std::max(last.took - grows, kLeast) + grown;
  }

  [[nodiscard]] std::optional<std::chrono::seconds> time_left(Backend backend, int services) const {
    double left = 0;
    bool begun = false;
    for (const int each : plan_.services) {
      for (const auto& [of, tools] : chosen_) {
        begun = begun || (of == backend && each == services);
        left += begun ? cost_of(of, each) : 0;
      }
    }
    const double limit = seconds(stop_.deadline() - Clock::now());
    return std::chrono::seconds{std::llround(std::clamp(left, 0.0, std::max(limit, 0.0)))};
  }

  void lower(Ending ending) { measured_.ending = std::max(measured_.ending, ending); }

  const Plan& plan_;
  const Stop& stop_;
  const std::function<void(const Progress&)>& tell_;
  Progress progress_;
  std::vector<std::pair<Backend, Tools>> chosen_;
  std::vector<Backend> broken_;
  std::map<Backend, Point> costs_;  // the last of each
  Measured measured_;
};

}  // namespace

Figure figure_of(std::span<const double> measured) {
  if (measured.empty()) {
    return {};
  }
  std::vector<double> sorted{measured.begin(), measured.end()};
  std::ranges::sort(sorted);
  const std::size_t half = sorted.size() / 2;
  return {.median = sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2,
          .least = sorted.front(),
          .most = sorted.back(),
          .times = static_cast<int>(sorted.size())};
}

Result<Measured> simulate(const Plan& plan, const Stop& stop,
                          const std::function<void(const Progress&)>& tell) {
  return Simulation{plan, stop, tell}.run();
}

}  // namespace kubecliff::simulate
