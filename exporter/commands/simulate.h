// `kubecliff simulate`.
#pragma once

#include <span>

#include "collectors/core/collector.h"
#include "exporter/config/command_line.h"
#include "exporter/config/setting_table.h"

namespace kubecliff {

// Prints what was measured on standard output, tells how far it is on standard error, and returns
// the exit code that exit_code.h names. What is wrong with the command line or the configuration
// stands in one line on standard error. SIGINT, SIGTERM and SIGHUP stay
// blocked.
[[nodiscard]] int run_simulate(const CommandLine& line, const SettingTable& table,
                               std::span<const CollectorSpec> specs);

}  // namespace kubecliff
