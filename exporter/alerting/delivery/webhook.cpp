#include "exporter/alerting/delivery/webhook.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "exporter/alerting/delivery/text.h"

namespace kubecliff::delivery {
namespace {

// What Go's zero time is written as: no end yet.
constexpr const char* kNoTime = "0001-01-01T00:00:00Z";

// What all alerts have alike.
Labels common(std::span<const Alert> alerts, Labels Alert::* member) {
  if (alerts.empty()) {
    return {};
  }
  Labels alike = alerts.front().*member;
  for (const Alert& alert : alerts) {
    std::erase_if(alike, [&](const auto& label) {
      const auto found = (alert.*member).find(label.first);
      return found == (alert.*member).end() || found->second != label.second;
    });
  }
  return alike;
}

const char* status(bool ended) {
  return ended ? "resolved" : "firing";
}

// As Alertmanager writes a group: {}:{cluster="prod", node="a"}.
std::string group_key(const Labels& node) {
  std::string key;
  for (const auto& [name, value] : node) {
    key += (key.empty() ? "" : ", ") + name + '=' + to_text(Json(value));
  }
  return "{}:{" + key + "}";
}

}  // namespace

Webhook::Webhook(Labels node, Severity least, std::uint32_t seed)
    : node_{std::move(node)},
      slots_{Slots::Gone::ended, least,
             [](const Alert& alert) { return key_of_labels(alert.labels); }},
      pacing_{seed} {}

void Webhook::update(std::span<const Alert> alerts, Moment now) {
  slots_.update(alerts, now.wall);
}

std::optional<Message> Webhook::next(Moment now) {
  if (now.steady >= refused_again_) {
    refused_again_ = Clock::time_point::max();
    slots_.forget_refusals();
  }
  if (!slots_.to_tell() || now.steady < pacing_.not_before()) {
    return std::nullopt;
  }
  slots_.begin();
  std::vector<Alert> alerts;
  for (const auto& [key, slot] : slots_.all()) {
    if (slot.fires() || slot.pending()) {
      alerts.push_back(slot.alert);
    }
  }
  return Message{.path = "", .body = webhook_body(node_, alerts)};
}

Verdict Webhook::answered(const Answer& answer, Moment now) {
  const Verdict verdict = usual_verdict(answer);
  slots_.end(verdict, answer.unheard ? Slots::Heard::no : Slots::Heard::maybe);
  if (verdict == Verdict::later) {
    pacing_.failed(answer.retry_after, now.steady);
    return verdict;
  }
  pacing_.worked();
  refused_again_ =
      verdict == Verdict::refused ? now.steady + kRefusedAgain : Clock::time_point::max();
  return verdict;
}

Clock::time_point Webhook::due() const {
  return slots_.to_tell() ? pacing_.not_before() : refused_again_;
}

Json webhook_body(const Labels& node, std::span<const Alert> alerts) {
  Json list = Json::array();
  for (const Alert& alert : alerts) {
    list.push_back({{"status", status(alert.ended.has_value())},
                    {"labels", alert.labels},
                    {"annotations", alert.annotations},
                    {"startsAt", to_rfc3339(alert.began)},
                    {"endsAt", alert.ended ? to_rfc3339(*alert.ended) : kNoTime},
                    {"generatorURL", ""},
                    {"fingerprint", to_hex(fingerprint(alert.labels))}});
  }
  const bool all_ended =
      std::ranges::all_of(alerts, [](const Alert& alert) { return alert.ended.has_value(); });
  return {{"version", "4"},
          {"groupKey", group_key(node)},
          {"truncatedAlerts", 0},
          {"status", status(all_ended)},
          {"receiver", "kubecliff"},
          {"groupLabels", node},
          {"commonLabels", common(alerts, &Alert::labels)},
          {"commonAnnotations", common(alerts, &Alert::annotations)},
          {"externalURL", ""},
          {"alerts", std::move(list)}};
}

}  // namespace kubecliff::delivery
