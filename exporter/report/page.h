// The node's own page: a report as HTML, for a browser. Pure functions of what they are given.
//
//   return report::page(report, {.metrics = telemetry_path,
//                                .refresh = report::refresh_asked_for(request)});
//
// Whole without scripts, of which it has none, and with nothing loaded from anywhere; its
// Content-Security-Policy allows no more than its own style. Texts of others are escaped, and every
// list and text is cut.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "exporter/http/message.h"
#include "exporter/report/report.h"

namespace kubecliff::report {

// Where the page leads to on this server, and how often a browser asks for it again.
struct PageSettings {
  std::string metrics = "/metrics";
  std::string json = "/api/v1/report";
  std::string ready = "/-/ready";
  std::string healthy = "/-/healthy";
  std::optional<std::chrono::seconds> refresh = std::nullopt;  // nothing: only when told to
};

inline constexpr std::chrono::seconds kLeastRefresh{5};
inline constexpr std::chrono::seconds kMostRefresh{3'600};

// Of /?refresh=30. Less and more than allowed become the least and the most; nothing for what is no
// number of seconds.
[[nodiscard]] std::optional<std::chrono::seconds> refresh_asked_for(const http::Request& request);

[[nodiscard]] http::Response page(const Report& report, const PageSettings& settings = {});

// The one style of the page, charts included.
[[nodiscard]] std::string_view page_style();

}  // namespace kubecliff::report
