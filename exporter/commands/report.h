// `kubecliff report` and `kubecliff watch`: this node on one screen, once or again and again.
#pragma once

#include <span>

#include "collectors/core/collector.h"
#include "exporter/config/command_line.h"
#include "exporter/config/setting_table.h"

namespace kubecliff {

// The exit code tells the severity of the worst finding.
[[nodiscard]] int run_report(const CommandLine& line, const SettingTable& table,
                             std::span<const CollectorSpec> specs);

// Until a signal ends it, or `q` is pressed.
[[nodiscard]] int run_watch(const CommandLine& line, const SettingTable& table,
                            std::span<const CollectorSpec> specs);

}  // namespace kubecliff
