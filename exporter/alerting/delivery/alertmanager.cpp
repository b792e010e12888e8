#include "exporter/alerting/delivery/alertmanager.h"

#include <algorithm>
#include <utility>

#include "exporter/alerting/delivery/text.h"

namespace kubecliff::delivery {
namespace {

// Of a minute, by which nodes differ.
constexpr std::chrono::milliseconds kJitter{6'000};

}  // namespace

Alertmanager::Alertmanager(std::uint32_t seed)
    : slots_{Slots::Gone::forgotten, Severity::info,
             [](const Alert& alert) { return key_of_labels(alert.labels); }},
      pacing_{seed} {}

void Alertmanager::update(std::span<const Alert> alerts, Moment now) {
  slots_.update(alerts, now.wall);
  if (slots_.empty()) {
    failing_since_.reset();  // nothing is asked of it any more
  }
}

std::optional<Message> Alertmanager::next(Moment now) {
  if (now.steady < due()) {
    return std::nullopt;
  }
  slots_.begin();
  Json alerts = Json::array();
  for (const auto& [key, slot] : slots_.all()) {
    alerts.push_back(alertmanager_alert(slot.alert, now.wall, now.wall + 4 * kResend));
  }
  return Message{.path = kAlertmanagerPath, .body = std::move(alerts)};
}

Verdict Alertmanager::answered(const Answer& answer, Moment now) {
  const Verdict verdict = usual_verdict(answer);
  slots_.end(verdict, answer.unheard ? Slots::Heard::no : Slots::Heard::maybe);
  if (verdict == Verdict::later) {
    pacing_.failed(answer.retry_after, now.steady);
  } else {
    pacing_.worked();
    resend_ = now.steady + kResend - kJitter + pacing_.below(2 * kJitter);
  }
  // Of a message that it calls wrong it has taken what was right.
  if (verdict == Verdict::taken || answer.status == 400) {
    failing_since_.reset();
  } else if (!failing_since_) {
    failing_since_ = now.steady;
  }
  return verdict;
}

Clock::time_point Alertmanager::due() const {
  if (slots_.empty()) {
    return Clock::time_point::max();
  }
  return slots_.to_tell() ? pacing_.not_before() : std::max(resend_, pacing_.not_before());
}

Json alertmanager_alert(const Alert& alert, WallClock::time_point now, WallClock::time_point ends) {
  // A clock that was set back since must not make it begin after its end: that is refused.
  const WallClock::time_point end = alert.ended.value_or(ends);
  return {{"labels", alert.labels},
          {"annotations", alert.annotations},
          {"startsAt", to_rfc3339(std::min({alert.began, now, end}))},
          {"endsAt", to_rfc3339(end)}};
}

}  // namespace kubecliff::delivery
