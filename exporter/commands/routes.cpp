#include "exporter/commands/routes.h"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/http/exposition.h"
#include "exporter/report/json.h"
#include "exporter/report/page.h"
#include "exporter/report/top.h"

namespace kubecliff {

Routes::Routes(const Runner& runner, const NodeAlerts& alerts, const NodeReport& report,
               std::string telemetry_path)
    : runner_{runner},
      alerts_{alerts},
      report_{report},
      telemetry_path_{std::move(telemetry_path)} {}

void Routes::set_telemetry_path(std::string path) {
  const std::lock_guard lock{mutex_};
  telemetry_path_ = std::move(path);
}

http::Response Routes::answer(const http::Request& request) const {
  std::unique_lock lock{mutex_};
  const std::string telemetry_path = telemetry_path_;
  lock.unlock();

  if (request.path == telemetry_path) {
    return metrics(request);
  }
  if (request.path == "/") {
    return page(request, telemetry_path);
  }
  if (request.path == "/api/v1/report") {
    return report(request);
  }
  if (request.path == "/-/healthy") {
    return {.body = "healthy\n"};
  }
  if (request.path == "/-/ready") {
    return ready();
  }
  return http::plain_response(404);
}

http::Response Routes::metrics(const http::Request& request) const {
  const std::vector<std::string_view> collect = request.parameters("collect[]");
  auto snapshots = runner_.scrape(collect);
  if (!snapshots) {
    return {.status = 400, .body = snapshots.error().message + "\n"};
  }
  snapshots->push_back(alerts_.snapshot(*snapshots));
  const http::Format format = http::negotiate(request.header("Accept"));
  return {.content_type = std::string{http::content_type(format)},
          .body = http::render(format, *snapshots)};
}

http::Response Routes::report(const http::Request& request) const {
  const auto wanted = request.parameters("top");
  const auto top = wanted.empty() ? std::optional{report::kTop} : report::parse_top(wanted.front());
  if (!top) {
    return {.status = 400, .body = "top: expected a number from 0 to 100\n"};
  }
  return {.content_type = "application/json",
          .body = report::to_json(report_.report(request.asker, *top)),
          .headers = {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}}};
}

http::Response Routes::ready() const {
  const Runner::Readiness readiness = runner_.readiness();
  std::string text = readiness.ready ? "ready\n" : "not ready\n";
  for (const std::string& remark : readiness.remarks) {
    text += remark + "\n";
  }
  return {.status = readiness.ready ? 200 : 503, .body = std::move(text)};
}

http::Response Routes::page(const http::Request& request, const std::string& telemetry_path) const {
  return report::page(report_.report(request.asker, report::kTop),
                      {.metrics = telemetry_path, .refresh = report::refresh_asked_for(request)});
}

}  // namespace kubecliff
