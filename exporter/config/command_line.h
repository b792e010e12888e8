// The command line, read into what is to be done and the flags as they were written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"
#include "exporter/config/setting_table.h"

namespace kubecliff {

enum class Command : std::uint8_t {
  serve,
  canary,
  probe,
  alert,
  check_config,
  preflight,
  report,
  watch,
  evidence,
  healthcheck,
  simulate,
  help,
  version,
};

// The first word of those that have collectors of their own, and so options of their own.
inline constexpr std::string_view kCanaryCommand = "canary";
inline constexpr std::string_view kProbeCommand = "probe";

// Of preflight, as they were written; empty where they were not.
struct PreflightWords {
  std::string to;
  std::string output;
};

// Of alert, the same.
struct AlertWords {
  std::string action;
  std::string severity;
};

// Of report and watch, the same.
struct ReportWords {
  std::string output;  // report only
  std::string url;
  std::string top;
  std::string every;  // watch only
};

// Of simulate, the same.
struct SimulateWords {
  std::string services;
  std::string endpoints;
  std::string backend;
  std::string output;
  std::string services_now;
  std::string growth;
  std::string time_limit;
  bool load_modules = false;
};

// Of evidence, the same.
struct EvidenceWords {
  std::string output_file;
  std::string url;
  bool full = false;
  bool redact = false;
};

struct CommandLine {
  Command command = Command::serve;
  std::filesystem::path config_file;  // of --config.file, or the file to check; may be empty
  PreflightWords preflight = {};
  AlertWords alert = {};
  ReportWords report = {};
  SimulateWords simulate = {};
  EvidenceWords evidence = {};
  std::map<std::string, std::vector<std::string>, std::less<>> flags;  // by key, values unchecked
};

// `arguments` without the program's name; `probe` only as the first of them, so that who calls
// knows which table it takes. The error is one line.
[[nodiscard]] Result<CommandLine> parse_command_line(std::span<const std::string> arguments,
                                                     const SettingTable& table);

[[nodiscard]] std::string help_text(const SettingTable& table, std::string_view version);

}  // namespace kubecliff
