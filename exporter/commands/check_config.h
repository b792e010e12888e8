// `kubecliff check-config FILE`.
#pragma once

#include <span>

#include "collectors/core/result.h"
#include "exporter/config/command_line.h"
#include "exporter/config/setting_table.h"

namespace kubecliff {

// Reads the file, and those of web and alerts that it names, as a start would. The error is the
// line that a start would print.
[[nodiscard]] Result<void> check_config(const CommandLine& line, const SettingTable& table,
                                        std::span<const CollectorSpec> specs);

}  // namespace kubecliff
