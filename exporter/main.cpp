#include <malloc.h>

#include <csignal>
#include <exception>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/collectors.h"
#include "exporter/commands/alert.h"
#include "exporter/commands/check_config.h"
#include "exporter/commands/evidence.h"
#include "exporter/commands/exit_code.h"
#include "exporter/commands/healthcheck.h"
#include "exporter/commands/preflight.h"
#include "exporter/commands/report.h"
#include "exporter/commands/serve.h"
#include "exporter/commands/simulate.h"
#include "exporter/commands/streams.h"
#include "exporter/commands/version.h"
#include "exporter/config/command_line.h"
#include "exporter/config/setting_table.h"

namespace {

// Commands with collectors of their own have options of their own: they are told by the first word.
std::vector<kubecliff::CollectorSpec> specs_of(std::span<const std::string> arguments) {
  const std::string_view word = arguments.empty() ? std::string_view{} : arguments.front();
  if (word == kubecliff::kCanaryCommand) {
    return kubecliff::canary_specs();
  }
  return word == kubecliff::kProbeCommand ? kubecliff::probe_specs() : kubecliff::collector_specs();
}

int run(std::span<const std::string> arguments) {
  using namespace kubecliff;
  const std::vector<CollectorSpec> specs = specs_of(arguments);
  const SettingTable table = setting_table(specs);
  const auto line = parse_command_line(arguments, table);
  if (!line) {
    return refuse(line.error().message + "; see kubecliff --help");
  }

  switch (line->command) {
    case Command::help:
      std::cout << help_text(table, build_info().version);
      return kExitOk;
    case Command::version:
      std::cout << version_line() << '\n';
      return kExitOk;
    case Command::check_config:
      if (const auto checked = check_config(*line, table, specs); !checked) {
        return refuse(checked.error().message);
      }
      std::cout << line->config_file.string() << ": ok\n";
      return kExitOk;
    case Command::preflight:
      return run_preflight(*line, table, specs);
    case Command::report:
      return run_report(*line, table, specs);
    case Command::watch:
      return run_watch(*line, table, specs);
    case Command::evidence:
      return run_evidence(*line, table, specs);
    case Command::alert:
      return run_alert(*line, table, specs);
    case Command::healthcheck:
      return run_healthcheck(*line, table, specs);
    case Command::simulate:
      return run_simulate(*line, table, specs);
    case Command::canary:
    case Command::serve:
    case Command::probe:
      break;
  }
  return serve(*line, table, specs);
}

}  // namespace

int main(int argc, char** argv) {
  // A client that closes its connection must not end the process.
  std::signal(SIGPIPE, SIG_IGN);
  // glibc gives threads heaps of their own, eight for each core, and each keeps what it once held.
  mallopt(M_ARENA_MAX, 2);  // NOLINT(concurrency-mt-unsafe): before there are threads
  // And it raises this with the first large block that is freed, and keeps those to come: here they
  // are whole tables, rarely read.
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);  // NOLINT(concurrency-mt-unsafe): the same
  try {
    const std::span words{argv, static_cast<std::size_t>(argc)};
    return run(std::vector<std::string>{words.begin() + (argc > 0 ? 1 : 0), words.end()});
  } catch (const std::exception& error) {
    return kubecliff::refuse(error.what(), kubecliff::kExitFailure);
  }
}
