#include "exporter/commands/simulate.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/core/split.h"
#include "exporter/commands/exit_code.h"
#include "exporter/commands/node_alerts.h"
#include "exporter/commands/signals.h"
#include "exporter/commands/streams.h"
#include "exporter/config/load.h"
#include "exporter/config/values.h"
#include "exporter/preflight/gather.h"
#include "exporter/simulate/page.h"
#include "exporter/simulate/report.h"
#include "exporter/simulate/simulate.h"

namespace kubecliff {
namespace {

using simulate::Measured;
using simulate::Plan;
using simulate::Present;

enum class Output : std::uint8_t { text, json, html, svg };
constexpr std::array<std::string_view, 4> kOutputs{"text", "json", "html", "svg"};

struct Wanted {
  Plan plan;
  Output output = Output::text;
  std::optional<std::int64_t> services_now;
  std::optional<double> growth;
  Duration time_limit{};
};

std::unexpected<Error> wrong(std::string_view option, std::string_view expected,
                             const std::string& got) {
  return fail(ErrorKind::malformed, "simulate: --" + std::string{option} + ": expected " +
                                        std::string{expected} + ", got \"" + got +
                                        "\"; see kubecliff --help");
}

std::optional<std::int64_t> integer_within(std::string_view text, std::int64_t least,
                                           std::int64_t most) {
  const auto number = parse_integer(text);
  return number && *number >= least && *number <= most ? number : std::nullopt;
}

Result<Plan> parse_plan(const SimulateWords& words) {
  Plan plan{.services = {100, 500, 1'000, 2'500, 5'000}, .backends = {}};
  if (!words.services.empty()) {
    constexpr std::size_t kMostCounts = 20;
    plan.services.clear();
    for (const std::string_view part : split(words.services, ",")) {
      const auto number = integer_within(part, 2, simulate::kMostServices);
      if (!number || plan.services.size() == kMostCounts) {
        return wrong("services", "up to 20 numbers from 2 to 44000, such as 100,1000,5000",
                     words.services);
      }
      plan.services.push_back(static_cast<int>(*number));
    }
    std::ranges::sort(plan.services);
    const auto again = std::ranges::unique(plan.services);
    plan.services.erase(again.begin(), again.end());
  }
  if (!words.endpoints.empty()) {
    const auto number = integer_within(words.endpoints, 1, simulate::kMostEndpoints);
    if (!number) {
      return wrong("endpoints", "a number from 1 to 1000", words.endpoints);
    }
    plan.endpoints = static_cast<int>(*number);
  }
  if (!words.backend.empty()) {
    for (const std::string_view part : split(words.backend, ",")) {
      const auto backend = simulate::parse_backend(part);
      if (!backend) {
        return wrong("backend", "some of iptables-legacy, iptables-nft, nftables, ipvs",
                     words.backend);
      }
      plan.backends.push_back(*backend);
    }
  }
  plan.load_modules = words.load_modules ? simulate::LoadModules::yes : simulate::LoadModules::no;
  return plan;
}

Result<Wanted> parse(const SimulateWords& words) {
  Result<Plan> plan = parse_plan(words);
  if (!plan) {
    return std::unexpected(std::move(plan.error()));
  }
  Wanted wanted{.plan = std::move(*plan),
                .services_now = std::nullopt,
                .growth = std::nullopt,
                .time_limit = std::chrono::minutes{5}};
  const auto* output = std::ranges::find(kOutputs, words.output.empty() ? "text" : words.output);
  if (output == kOutputs.end()) {
    return wrong("output", "text, json, html or svg", words.output);
  }
  wanted.output = static_cast<Output>(output - kOutputs.begin());
  if (!words.services_now.empty()) {
    constexpr std::int64_t kMost = 1'000'000;
    wanted.services_now = integer_within(words.services_now, 0, kMost);
    if (!wanted.services_now) {
      return wrong("services-now", "a number", words.services_now);
    }
  }
  if (!words.growth.empty()) {
    wanted.growth = parse_number(words.growth);
    if (!wanted.growth || *wanted.growth < 0) {
      return wrong("growth", "a number of Services a day", words.growth);
    }
  }
  if (!words.time_limit.empty()) {
    const auto limit = parse_duration(words.time_limit);
    if (!limit || *limit < std::chrono::seconds{1} || *limit > std::chrono::hours{24}) {
      return wrong("time-limit", "a duration from 1s to 1d, such as 2m", words.time_limit);
    }
    wanted.time_limit = *limit;
  }
  return wanted;
}

// Where the node stands, by what its collectors see now.
Present look_at_node(const Wanted& wanted, const Settings& settings,
                     std::span<const CollectorSpec> specs) {
  Present present{.services = wanted.services_now, .from = {}, .mode = {}, .growth = wanted.growth};
  if (present.services) {
    present.from = "as --services-now says";
    return present;
  }
  const preflight::Facts facts = preflight::gather(preflight::Target::nftables, settings, specs);
  present.mode = facts.mode.value_or("");
  if (facts.features && facts.features->services) {
    present.services = static_cast<std::int64_t>(*facts.features->services);
    present.from = "as kubecliff counts them in " + present.mode;
  } else {
    present.from = present.mode.empty() || present.mode == "none"
                       ? "nothing here carries connections to Services; --services-now says it"
                       : "they are not counted in " + present.mode + "; --services-now says it";
  }
  return present;
}

// On a terminal one line that is written anew, else a line for each point.
class ProgressLine {
 public:
  ProgressLine() = default;
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() {
    if (terminal_ && told_) {
      std::cerr << "\r\x1b[K" << std::flush;
    }
  }

  void tell(const simulate::Progress& progress) {
    std::string line = "kubecliff simulate: " + progress.doing;
    if (progress.all > 0) {
      line += " (" + std::to_string(std::min(progress.done + 1, progress.all)) + " of " +
              std::to_string(progress.all) + ")";
    }
    if (progress.left) {
      line += ", about " + to_text(Duration{*progress.left}) + " left";
    }
    if (terminal_) {
      // What is longer than a line is cut by the terminal.
      std::cerr << "\r\x1b[?7l" << line << "\x1b[K\x1b[?7h" << std::flush;
    } else if (!told_ || progress.done != last_ || progress.all != all_) {
      std::cerr << line << '\n';
    }
    told_ = true;
    last_ = progress.done;
    all_ = progress.all;
  }

 private:
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool told_ = false;
  std::size_t last_ = 0;
  std::size_t all_ = 0;
};

std::string written(Output output, const simulate::Report& report) {
  switch (output) {
    case Output::json:
      return to_json(report);
    case Output::html:
      return to_html(report);
    case Output::svg:
      return to_svg(report);
    case Output::text:
      break;
  }
  return to_text(report);
}

Result<Measured> measure(const Wanted& wanted) {
  const auto stop =
      simulate::Stop::at(handled_signals(), simulate::Stop::Clock::now() + wanted.time_limit);
  if (!stop) {
    return std::unexpected(stop.error());
  }
  ProgressLine line;
  return simulate::simulate(wanted.plan, *stop,
                            [&](const simulate::Progress& progress) { line.tell(progress); });
}

}  // namespace

int run_simulate(const CommandLine& line, const SettingTable& table,
                 std::span<const CollectorSpec> specs) {
  const auto wanted = parse(line.simulate);
  const auto settings = load_settings(line, table, specs);
  if (!wanted || !settings) {
    return refuse((wanted ? settings.error() : wanted.error()).message);
  }
  std::cerr << "kubecliff simulate: asking this node's collectors\n";
  simulate::Report report{.endpoints = wanted->plan.endpoints,
                          .measured = {},
                          .present = look_at_node(*wanted, *settings, specs),
                          .meetings = {}};
  block_signals();  // simulate::Stop takes them
  Result<Measured> measured = measure(*wanted);
  if (!measured) {
    return refuse("simulate: " + measured.error().message, kExitFailure);
  }
  report.measured = std::move(*measured);
  report.meetings =
      simulate::meetings(report.measured.points, checks_of(*settings), report.present);
  const bool whole =
      report.measured.ending == simulate::Ending::whole && !report.measured.points.empty();
  return print("simulate", written(wanted->output, report), whole ? kExitOk : kExitNotAll);
}

}  // namespace kubecliff
