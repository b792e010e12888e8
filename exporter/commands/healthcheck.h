// `kubecliff healthcheck`.
#pragma once

#include <span>

#include "exporter/config/command_line.h"
#include "exporter/config/setting_table.h"

namespace kubecliff {

// Asks the daemon that runs with the same options whether it serves, at its first address and
// within three seconds; says what came of it in one line and returns the exit code that exit_code.h
// names.
[[nodiscard]] int run_healthcheck(const CommandLine& line, const SettingTable& table,
                                  std::span<const CollectorSpec> specs);

}  // namespace kubecliff
