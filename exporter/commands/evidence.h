// `kubecliff evidence`: the incident bundle.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "exporter/config/command_line.h"
#include "exporter/config/setting_table.h"
#include "exporter/config/settings.h"
#include "exporter/evidence/file.h"

namespace kubecliff {

// The report in its forms, each a file below `report/`, and the names that stand in it, for the
// redaction. Called on a thread of its own, which may outlast run_evidence().
using ReportForms = std::function<evidence::Gathered(const Settings& settings)>;

// Writes the bundle and returns the exit code that exit_code.h names; what is done, and what could
// not be had, stands on standard error. Does not return where a source hangs: then the process ends
// with that code.
[[nodiscard]] int run_evidence(const CommandLine& line, const SettingTable& table,
                               std::span<const CollectorSpec> specs,
                               const ReportForms& report = nullptr);

}  // namespace kubecliff
