#include "exporter/commands/routes.h"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/http/exposition.h"
#include "exporter/http/pages.h"
#include "exporter/report/json.h"
#include "exporter/report/top.h"

namespace kubecliff {

Routes::Routes(const Runner& runner, const NodeAlerts& alerts, const NodeReport& report,
               std::string telemetry_path, std::string version)
    : runner_{runner},
      alerts_{alerts},
      report_{report},
      version_{std::move(version)},
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
    return landing(telemetry_path);
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

http::Response Routes::landing(const std::string& telemetry_path) const {
  return http::landing_page(
      {.name = "kubecliff",
       .version = version_,
       .description = "What the Service dataplane of this Kubernetes node is, costs, and how far "
                      "its cliffs are.",
       .links = {{telemetry_path, "Metrics", "for Prometheus"},
                 {"/-/ready", "Ready", "which collectors run, and why one does not"},
                 {"/-/healthy", "Healthy", "answers as long as the process serves"}}});
}

}  // namespace kubecliff
