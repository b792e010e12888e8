#include "exporter/commands/preflight.h"

#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include "exporter/commands/exit_code.h"
#include "exporter/commands/streams.h"
#include "exporter/config/load.h"
#include "exporter/preflight/checks.h"
#include "exporter/preflight/gather.h"
#include "exporter/preflight/report.h"
#include "exporter/preflight/target.h"

namespace kubecliff {
namespace {

using preflight::Verdict;

enum class Output : std::uint8_t { text, json };

std::optional<Output> parse_output(std::string_view text) {
  if (text == "json") {
    return Output::json;
  }
  return text.empty() || text == "text" ? std::optional{Output::text} : std::nullopt;
}

int exit_code(Verdict verdict) {
  switch (verdict) {
    case Verdict::ready:
      return kExitOk;
    case Verdict::blocked:
      return kExitBlocked;
    case Verdict::unknown:
      break;
  }
  return kExitUnknown;
}

int check_node(preflight::Target target, Output output, const Settings& settings,
               std::span<const CollectorSpec> specs) {
  preflight::Report report{
      .target = target, .facts = preflight::gather(target, settings, specs), .checks = {}};
  report.checks = preflight::run_checks(target, report.facts);
  report.exit_code = exit_code(preflight::verdict_of(report.checks));
  return print("preflight", output == Output::json ? to_json(report) : to_text(report),
               report.exit_code);
}

}  // namespace

int run_preflight(const CommandLine& line, const SettingTable& table,
                  std::span<const CollectorSpec> specs) {
  const auto target = preflight::parse_target(line.preflight.to);
  if (!target) {
    return refuse("preflight: --to: expected ipvs, nftables or ebpf, got " +
                  (line.preflight.to.empty() ? "nothing" : "\"" + line.preflight.to + "\"") +
                  "; see kubecliff --help");
  }
  const auto output = parse_output(line.preflight.output);
  if (!output) {
    return refuse("preflight: --output: expected text or json, got \"" + line.preflight.output +
                  "\"; see kubecliff --help");
  }
  const auto settings = load_settings(line, table, specs);
  if (!settings) {
    return refuse(settings.error().message);
  }
  // A failure of ours says nothing about the node.
  try {
    return check_node(*target, *output, *settings, specs);
  } catch (const std::exception& error) {
    return refuse("preflight: " + std::string{error.what()}, kExitUnknown);
  }
}

}  // namespace kubecliff
