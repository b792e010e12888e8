// Settings: everything that can be set from outside, checked. A plain value: made by load_settings
// (load.h), compared and kept by whoever needs it.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "collectors/core/options.h"
#include "exporter/logging/log.h"
#include "exporter/sandbox/system_calls.h"

namespace kubecliff {

struct Settings {
  std::vector<std::string> listen_addresses{":9909"};
  std::string telemetry_path = "/metrics";
  std::filesystem::path web_config_file;  // empty: plain HTTP without authentication
  std::filesystem::path procfs = "/proc";
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::logfmt;
  sandbox::Seccomp seccomp = sandbox::Seccomp::off;
  double cpu_budget = 0.01;  // share of one core that each background collector may use

  Records thresholds;    // what is changed of the checks: threshold_record() in alerting/checks.h
  std::string runbooks;  // where they are read; empty: where alerts/thresholds.yaml says
  std::filesystem::path alerting_config_file;  // empty: no alerts are sent from here

  // The collectors to run, by name, each with a value for every option that it declares.
  std::map<std::string, Options, std::less<>> collectors;

  friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace kubecliff
