// `kubecliff`: serves until a signal ends it.
//
// The calling thread waits for the signals; collectors and connections have threads of their own.
#pragma once

#include <span>

#include "exporter/config/command_line.h"
#include "exporter/config/setting_table.h"

namespace kubecliff {

// To be called before the first thread: SIGTERM, SIGINT and SIGHUP are for this alone, whenever
// they come. Returns the exit code; what kept it from starting stands in one line on standard
// error. Does not return but leaves by _Exit where a collector's thread is stuck in a system call:
// it may come back while the process's static objects are being destroyed.
[[nodiscard]] int serve(const CommandLine& line, const SettingTable& table,
                        std::span<const CollectorSpec> specs);

}  // namespace kubecliff
