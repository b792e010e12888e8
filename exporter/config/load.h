// From the command line and the file to Settings. Called at start, by check-config, and on SIGHUP.
#pragma once

#include <span>
#include <string>

#include "collectors/core/result.h"
#include "exporter/config/command_line.h"
#include "exporter/config/setting_table.h"
#include "exporter/config/settings.h"

namespace kubecliff {

// Reads the file that the command line names, if it names one; a flag wins over the file. The error
// is one line: `FILE:LINE: KEY: expected …, got …`, or `--KEY: expected …, got …`.
[[nodiscard]] Result<Settings> load_settings(const CommandLine& line, const SettingTable& table,
                                             std::span<const CollectorSpec> specs);

}  // namespace kubecliff
