// Alerts of one node, and a clock whose hands the test moves.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "exporter/alerting/alert.h"
#include "exporter/alerting/delivery/receiver.h"

namespace kubecliff::delivery {

// 2023-11-14T22:13:20Z.
inline constexpr WallClock::time_point kBegan{std::chrono::seconds{1'700'000'000}};

inline Labels node_labels() {
  return {{"cluster", "prod"}, {"node", "n1"}};
}

inline Alert make_alert(const std::string& alert_name, Severity severity = Severity::critical) {
  Alert alert{.severity = severity,
              .labels = node_labels(),
              .annotations = {{"summary", alert_name + " of n1"}},
              .began = kBegan};
  alert.labels["alertname"] = alert_name;
  alert.labels["severity"] = name(severity);
  return alert;
}

inline Alert ended(Alert alert) {
  alert.ended = kBegan + std::chrono::seconds{30};
  return alert;
}

class Hands {
 public:
  [[nodiscard]] Moment now() const { return now_; }
  Moment advance(std::chrono::milliseconds by) {
    now_.steady += by;
    now_.wall += by;
    return now_;
  }

 private:
  Moment now_{.steady = Clock::time_point{std::chrono::hours{1}}, .wall = kBegan};
};

inline const Answer taken_answer{.status = 202};
inline const Answer busy_answer{.status = 503};
inline const Answer unheard_answer{.status = 0, .words = "nobody listens", .unheard = true};
inline const Answer lost_answer{.status = 0, .words = "the connection ended"};
inline const Answer wrong_answer{.status = 400, .words = "wrong"};

}  // namespace kubecliff::delivery
