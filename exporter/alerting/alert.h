// Alert: what a check says of this node, as Prometheus and Alertmanager would know it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace kubecliff {

enum class Severity : std::uint8_t { info, warning, critical };
inline constexpr std::array kSeverities{Severity::info, Severity::warning, Severity::critical};

// The value of the label `severity`.
constexpr std::string_view name(Severity severity) {
  constexpr std::array<std::string_view, kSeverities.size()> kNames{"info", "warning", "critical"};
  return kNames[static_cast<std::size_t>(severity)];
}

constexpr std::optional<Severity> parse_severity(std::string_view text) {
  for (const Severity severity : kSeverities) {
    if (name(severity) == text) {
      return severity;
    }
  }
  return std::nullopt;
}

using Labels = std::map<std::string, std::string, std::less<>>;

// Empty where it has none of that name.
[[nodiscard]] inline std::string_view value_of(const Labels& labels, std::string_view name) {
  const auto found = labels.find(name);
  return found == labels.end() ? std::string_view{} : std::string_view{found->second};
}

struct Alert {
  Severity severity = Severity::warning;
  // All that tells it from others, `alertname` and `severity` among them.
  Labels labels;
  Labels annotations;  // summary, description, runbook_url
  std::chrono::system_clock::time_point began;
  std::optional<std::chrono::system_clock::time_point> ended = {};  // none while it goes on
};

}  // namespace kubecliff
