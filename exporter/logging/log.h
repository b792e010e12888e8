// Logs: one line on standard error for each event, as logfmt or JSON, both of which parse whatever
// bytes a message or a value holds.
//
//   log_warn("collector fails", {{"collector", "iptables"}, {"error", error.message}});
//   ts=2024-05-01T12:00:00.000Z level=warn msg="collector fails" collector=iptables error="…"
//
// The time is RFC 3339 in UTC. Any thread may log at any time, also while the format or the level
// is being changed. Bytes that are not UTF-8 come out as U+FFFD.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include <spdlog/formatter.h>

namespace kubecliff {

enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { logfmt, json };

struct LogField {
  std::string_view key;  // a plain word
  std::string value;
};
using LogFields = std::initializer_list<LogField>;

// Before the first call, spdlog's own default applies.
void configure_logging(LogLevel level, LogFormat format);

void log_debug(std::string_view message, LogFields fields = {});
void log_info(std::string_view message, LogFields fields = {});
void log_warn(std::string_view message, LogFields fields = {});
void log_error(std::string_view message, LogFields fields = {});

// What configure_logging installs; of its own for those who bring another sink.
[[nodiscard]] std::unique_ptr<spdlog::formatter> make_log_formatter(LogFormat format);

}  // namespace kubecliff
