// `kubecliff alert ACTION`.
#pragma once

#include <span>

#include "exporter/config/command_line.h"
#include "exporter/config/setting_table.h"

namespace kubecliff {

// Does what the first word says and returns the exit code that exit_code.h names. What is wrong
// with the command line or the configuration stands in one line on standard error.
[[nodiscard]] int run_alert(const CommandLine& line, const SettingTable& table,
                            std::span<const CollectorSpec> specs);

}  // namespace kubecliff
