#include "exporter/logging/log.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <utility>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "collectors/core/split.h"

namespace kubecliff {
namespace {

// spdlog carries one string to the formatter: the message, then each field's key and value, a NUL
// before each. A NUL inside one of them travels as the replacement character it would end as
// anyway.
constexpr char kSeparator = '\0';
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

void append_part(std::string& payload, std::string_view part) {
  for (const char byte : part) {
    if (byte == kSeparator) {
      payload += kReplacement;
    } else {
      payload += byte;
    }
  }
}

// Length of the well-formed UTF-8 sequence that `text` begins with, 0 where it begins with none
// (The Unicode Standard, table 3-7).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t index) {
    return index < text.size() ? static_cast<unsigned char>(text[index]) : 0U;
  };
  const auto within = [&byte](std::size_t index, unsigned low, unsigned high) {
    return byte(index) >= low && byte(index) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) {
    return 1;
  }
  if (first >= 0xC2 && first <= 0xDF) {
    return within(1, 0x80, 0xBF) ? 2 : 0;
  }
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : 0xBF;
    return within(1, low, high) && within(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
    return within(1, low, high) && within(2, 0x80, 0xBF) && within(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

// A JSON string, which is also what logfmt takes between quotes.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char byte = text.front();
    if (length == 0) {
      out += kReplacement;
    } else if (length > 1) {
      out += text.substr(0, length);
    } else if (byte == '"' || byte == '\\') {
      out += '\\';
      out += byte;
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (byte < ' ' || byte == '\x7F') {
      std::array<char, 8> escape{};
      (void)std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(byte));
      out += escape.data();
    } else {
      out += byte;
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out += '"';
}

std::string logfmt_value(std::string_view text) {
  const auto plain = [](char byte) {
    return byte > ' ' && byte < '\x7F' && byte != '"' && byte != '=' && byte != '\\';
  };
  return !text.empty() && std::ranges::all_of(text, plain) ? std::string{text} : quoted(text);
}

std::string rfc3339(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time - seconds);
  const std::time_t since_epoch = std::chrono::system_clock::to_time_t(seconds);
  std::tm parts{};
  gmtime_r(&since_epoch, &parts);

  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%FT%T", &parts);
  std::array<char, 8> fraction{};
  (void)std::snprintf(fraction.data(), fraction.size(), ".%03dZ",
                      static_cast<int>(milliseconds.count()));
  return std::string{text.data(), length} + fraction.data();
}

std::string_view level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::warn:
      return "warn";
    case spdlog::level::err:
    case spdlog::level::critical:
      return "error";
    default:
      return "info";
  }
}

class LogFormatter final : public spdlog::formatter {
 public:
  explicit LogFormatter(LogFormat format) : format_{format} {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto parts = split({message.payload.data(), message.payload.size()}, {&kSeparator, 1});
    std::string line;
    add(line, "ts", rfc3339(message.time));
    add(line, "level", level_name(message.level));
    add(line, "msg", parts.front());
    for (std::size_t index = 1; index + 1 < parts.size(); index += 2) {
      add(line, parts[index], parts[index + 1]);
    }
    line += format_ == LogFormat::json ? "}\n" : "\n";
    out.append(line.data(), line.data() + line.size());
  }

  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LogFormatter>(format_);
  }

 private:
  void add(std::string& line, std::string_view key, std::string_view value) const {
    if (format_ == LogFormat::json) {
      line += line.empty() ? "{" : ",";
      line += quoted(key) + ":" + quoted(value);
    } else {
      line += line.empty() ? "" : " ";
      line.append(key).append("=").append(logfmt_value(value));
    }
  }

  LogFormat format_;
};

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::info:
      break;
  }
  return spdlog::level::info;
}

void log(LogLevel level, std::string_view message, LogFields fields) {
  spdlog::logger& logger = *spdlog::default_logger_raw();
  if (!logger.should_log(to_spdlog(level))) {
    return;
  }
  std::string payload;
  append_part(payload, message);
  for (const LogField& field : fields) {
    append_part(payload += kSeparator, field.key);
    append_part(payload += kSeparator, field.value);
  }
  logger.log(to_spdlog(level), spdlog::string_view_t{payload.data(), payload.size()});
}

}  // namespace

void configure_logging(LogLevel level, LogFormat format) {
  // Installed once: spdlog lets no one replace the default logger while others use it, but lets
  // its level and format change.
  static std::once_flag installed;
  std::call_once(installed, [] {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "kubecliff", std::make_shared<spdlog::sinks::stderr_sink_mt>()));
  });
  spdlog::default_logger_raw()->set_formatter(make_log_formatter(format));
  spdlog::default_logger_raw()->set_level(to_spdlog(level));
}

void log_debug(std::string_view message, LogFields fields) {
  log(LogLevel::debug, message, fields);
}

void log_info(std::string_view message, LogFields fields) {
  log(LogLevel::info, message, fields);
}

void log_warn(std::string_view message, LogFields fields) {
  log(LogLevel::warn, message, fields);
}

void log_error(std::string_view message, LogFields fields) {
  log(LogLevel::error, message, fields);
}

std::unique_ptr<spdlog::formatter> make_log_formatter(LogFormat format) {
  return std::make_unique<LogFormatter>(format);
}

}  // namespace kubecliff
