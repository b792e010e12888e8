#include "exporter/alerting/delivery/test_alert.h"

#include <poll.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <random>
#include <tuple>
#include <utility>

#include "collectors/kernel/poller.h"
#include "exporter/alerting/delivery/alertmanager.h"
#include "exporter/alerting/delivery/line.h"
#include "exporter/alerting/delivery/notifier.h"
#include "exporter/alerting/delivery/pagerduty.h"
#include "exporter/alerting/delivery/webhook.h"

namespace kubecliff::delivery {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::minutes kEndsIn{5};

// One receiver, and what it is still to be sent.
struct Course {
  TestOutcome outcome;
  std::unique_ptr<Line> line;
  std::deque<Message> messages;
  Clock::time_point began;

  void send_next() {
    if (messages.empty()) {
      return;
    }
    const Message message = std::move(messages.front());
    messages.pop_front();
    line->send(message, [this](const Answer& answer) {
      outcome.taken = usual_verdict(answer) == Verdict::taken;
      outcome.words = answer.status == 0 ? answer.words
                                         : "answers " + std::to_string(answer.status) +
                                               (answer.words.empty() ? "" : ": " + answer.words);
      outcome.took = std::chrono::ceil<std::chrono::milliseconds>(Clock::now() - began);
      if (!outcome.taken) {
        messages.clear();
      }
      send_next();
    });
  }
};

Alert test_alert(const DeliveryConfig& config, Severity severity, WallClock::time_point now) {
  Alert alert{
      .severity = severity,
      .labels = config.labels,
      .annotations = {{"summary", "A test of kubecliff's alerts: nothing is wrong"},
                      {"description", "Sent by `kubecliff alert test`. It ends by itself."}},
      .began = now};
  alert.labels["alertname"] = "KubecliffTest";
  alert.labels["severity"] = name(severity);
  return alert;
}

}  // namespace

Result<std::vector<TestOutcome>> send_test_alert(const DeliveryConfig& config, Severity severity) {
  const WallClock::time_point now = WallClock::now();
  const Alert alert = test_alert(config, severity, now);
  Alert ended = alert;
  ended.ended = now;

  Poller poller;
  std::vector<std::unique_ptr<Course>> courses;
  const auto add = [&](std::string name, const Endpoint& endpoint,
                       std::deque<Message> messages) -> Result<void> {
    auto line = Line::open(poller, endpoint, {}, std::random_device{}());
    if (!line) {
      return std::unexpected(line.error());
    }
    courses.push_back(
        std::make_unique<Course>(Course{.outcome = {.receiver = std::move(name), .words = {}},
                                        .line = std::move(*line),
                                        .messages = std::move(messages),
                                        .began = Clock::now()}));
    return {};
  };

  Result<void> added;
  for (std::size_t i = 0; added && i < config.alertmanagers.size(); ++i) {
    added = add(alertmanager_name(i), config.alertmanagers[i],
                {{.path = kAlertmanagerPath,
                  .body = Json::array({alertmanager_alert(alert, now, now + kEndsIn)})}});
  }
  if (added && config.pagerduty) {
    added = add(kPagerDutyName, config.pagerduty->endpoint,
                {{.path = kPagerDutyPath, .body = pagerduty_trigger(alert)},
                 {.path = kPagerDutyPath, .body = pagerduty_resolve(dedup_key(alert))}});
  }
  for (std::size_t i = 0; added && i < config.webhooks.size(); ++i) {
    added = add(webhook_name(i), config.webhooks[i].endpoint,
                {{.path = {}, .body = webhook_body(config.labels, {{alert}})},
                 {.path = {}, .body = webhook_body(config.labels, {{ended}})}});
  }
  if (!added) {
    return std::unexpected(added.error());
  }

  for (const auto& course : courses) {
    course->send_next();
  }
  const auto busy = [](const auto& course) { return course->line->busy(); };
  while (std::ranges::any_of(courses, busy)) {
    pollfd ready{.fd = poller.descriptor(), .events = POLLIN, .revents = 0};
    std::ignore = ::poll(&ready, 1, -1);
    poller.dispatch();
  }
  std::vector<TestOutcome> outcomes;
  outcomes.reserve(courses.size());
  for (const auto& course : courses) {
    outcomes.push_back(course->outcome);
  }
  return outcomes;
}

}  // namespace kubecliff::delivery
