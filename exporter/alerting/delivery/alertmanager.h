// Alertmanager: one replica of it, told by POST /api/v2/alerts as Prometheus tells it.
//
// Each message holds all alerts. It is sent at once where something changed, and again about every
// minute for as long as there are any, each time with an end four minutes ahead, so that alerts of
// a node that is gone end by themselves. Those that ended are among them for as long as the caller
// lists them. An answer of 4xx is not argued with: of a message that is refused, Alertmanager has
// taken what was right in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "exporter/alerting/delivery/pacing.h"
#include "exporter/alerting/delivery/receiver.h"
#include "exporter/alerting/delivery/slots.h"

namespace kubecliff::delivery {

class Alertmanager final : public Receiver {
 public:
  static constexpr std::chrono::seconds kResend{60};

  // `seed`: each node its own.
  explicit Alertmanager(std::uint32_t seed);

  void update(std::span<const Alert> alerts, Moment now) override;
  [[nodiscard]] std::optional<Message> next(Moment now) override;
  [[nodiscard]] Verdict answered(const Answer& answer, Moment now) override;
  [[nodiscard]] Clock::time_point due() const override;
  [[nodiscard]] std::size_t pending() const override { return slots_.pending(); }
  void forget_refusals() override { slots_.forget_refusals(); }

  // Since when it has taken nothing of what it was sent; nothing where it took the last.
  [[nodiscard]] std::optional<Clock::time_point> failing_since() const { return failing_since_; }

 private:
  Slots slots_;
  Pacing pacing_;
  Clock::time_point resend_;
  std::optional<Clock::time_point> failing_since_;
};

inline constexpr const char* kAlertmanagerPath = "/api/v2/alerts";

// An alert in the list that it is sent. `ends`: of one that goes on.
[[nodiscard]] Json alertmanager_alert(const Alert& alert, WallClock::time_point now,
                                      WallClock::time_point ends);

}  // namespace kubecliff::delivery
