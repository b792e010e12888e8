// Routes: which path answers what.
#pragma once

#include <mutex>
#include <string>

#include "exporter/commands/node_alerts.h"
#include "exporter/commands/node_report.h"
#include "exporter/http/message.h"
#include "exporter/runner/runner.h"

namespace kubecliff {

// Any thread may call anything. What it is given must outlive it.
class Routes {
 public:
  Routes(const Runner& runner, const NodeAlerts& alerts, const NodeReport& report,
         std::string telemetry_path);

  void set_telemetry_path(std::string path);

  [[nodiscard]] http::Response answer(const http::Request& request) const;

 private:
  [[nodiscard]] http::Response metrics(const http::Request& request) const;
  [[nodiscard]] http::Response report(const http::Request& request) const;
  [[nodiscard]] http::Response ready() const;
  [[nodiscard]] http::Response page(const http::Request& request,
                                    const std::string& telemetry_path) const;

  const Runner& runner_;
  const NodeAlerts& alerts_;
  const NodeReport& report_;
  mutable std::mutex mutex_;
  std::string telemetry_path_;  // guarded by mutex_
};

}  // namespace kubecliff
