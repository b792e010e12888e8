// `kubecliff evidence`: the incident bundle.
#pragma once

#include <span>

#include "exporter/config/command_line.h"
#include "exporter/config/setting_table.h"

namespace kubecliff {

// Writes the bundle and returns the exit code that exit_code.h names; what is done, and what could
// not be had, stands on standard error. Does not return where a source hangs: then the process ends
// with that code.
[[nodiscard]] int run_evidence(const CommandLine& line, const SettingTable& table,
                               std::span<const CollectorSpec> specs);

}  // namespace kubecliff
