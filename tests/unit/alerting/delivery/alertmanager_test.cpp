#include "exporter/alerting/delivery/alertmanager.h"

#include <chrono>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/alerting/delivery/text.h"
#include "tests/unit/alerting/delivery/alerts.h"

namespace kubecliff::delivery {
namespace {

using namespace std::chrono_literals;

class AlertmanagerTest : public testing::Test {
 protected:
  void update(const std::vector<Alert>& alerts) { alertmanager_.update(alerts, hands_.now()); }
  std::optional<Message> next() { return alertmanager_.next(hands_.now()); }
  Verdict answered(const Answer& answer) { return alertmanager_.answered(answer, hands_.now()); }

  Hands hands_;
  Alertmanager alertmanager_{1};
};

TEST_F(AlertmanagerTest, IsToldAtOnceOfWhatFiresAsPrometheusTellsIt) {
  EXPECT_FALSE(next());
  update({make_alert("A")});
  const auto message = next();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->path, "/api/v2/alerts");
  EXPECT_EQ(to_text(message->body),
            R"([{"annotations":{"summary":"A of n1"},"endsAt":"2023-11-14T22:17:20.000Z",)"
            R"("labels":{"alertname":"A","cluster":"prod","node":"n1","severity":"critical"},)"
            R"("startsAt":"2023-11-14T22:13:20.000Z"}])");
  EXPECT_EQ(answered({.status = 200}), Verdict::taken);
  EXPECT_EQ(alertmanager_.pending(), 0U);
}

TEST_F(AlertmanagerTest, IsToldAgainAboutEveryMinuteNodesApart) {
  std::optional<Clock::time_point> first;
  bool apart = false;
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    Alertmanager alertmanager{seed};
    alertmanager.update(std::vector{make_alert("A")}, hands_.now());
    ASSERT_TRUE(alertmanager.next(hands_.now()));
    EXPECT_EQ(alertmanager.answered(taken_answer, hands_.now()), Verdict::taken);
    EXPECT_GE(alertmanager.due(), hands_.now().steady + 54s);
    EXPECT_LE(alertmanager.due(), hands_.now().steady + 66s);
    first = first.value_or(alertmanager.due());
    apart = apart || *first != alertmanager.due();
  }
  EXPECT_TRUE(apart);
}

TEST_F(AlertmanagerTest, HearsTheEndUntilTheCallerForgetsIt) {
  update({make_alert("A")});
  ASSERT_TRUE(next());
  EXPECT_EQ(answered(taken_answer), Verdict::taken);
  update({ended(make_alert("A"))});
  const auto message = next();
  ASSERT_TRUE(message) << "at once";
  EXPECT_EQ(message->body[0]["endsAt"], "2023-11-14T22:13:50.000Z");
  EXPECT_EQ(answered(taken_answer), Verdict::taken);
  hands_.advance(66s);
  EXPECT_TRUE(next()) << "and again";
  EXPECT_EQ(answered(taken_answer), Verdict::taken);
  update({});
  hands_.advance(66s);
  EXPECT_FALSE(next());
  EXPECT_EQ(alertmanager_.due(), Clock::time_point::max());
}

TEST_F(AlertmanagerTest, ABusyOneIsTriedAgainLaterAndLater) {
  update({make_alert("A")});
  std::chrono::nanoseconds longest{};
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(next());
    EXPECT_EQ(answered(busy_answer), Verdict::later);
    const auto wait = alertmanager_.due() - hands_.now().steady;
    EXPECT_LE(wait, i == 0 ? 2s : 120s);
    longest = std::max(longest, wait);
    if (wait > 1ms) {
      EXPECT_FALSE(next());
    }
    hands_.advance(std::chrono::ceil<std::chrono::milliseconds>(wait));
  }
  EXPECT_GT(longest, 30s);
  EXPECT_EQ(alertmanager_.pending(), 1U);
  EXPECT_TRUE(alertmanager_.failing_since());
}

TEST_F(AlertmanagerTest, RetryAfterIsHonouredWithinReason) {
  update({make_alert("A")});
  ASSERT_TRUE(next());
  EXPECT_EQ(answered({.status = 429, .words = {}, .retry_after = 30s}), Verdict::later);
  EXPECT_GE(alertmanager_.due(), hands_.now().steady + 30s);
  hands_.advance(32s);
  ASSERT_TRUE(next());
  EXPECT_EQ(answered({.status = 429, .words = {}, .retry_after = 100'000s}), Verdict::later);
  EXPECT_LE(alertmanager_.due(), hands_.now().steady + 300s + 4s);
}

TEST_F(AlertmanagerTest, FailsUntilItTakesSomethingOrNothingIsAskedOfIt) {
  update({make_alert("A")});
  ASSERT_TRUE(next());
  EXPECT_EQ(answered({.status = 401}), Verdict::refused);
  EXPECT_TRUE(alertmanager_.failing_since());
  update({});
  EXPECT_FALSE(alertmanager_.failing_since()) << "the next alert, days later, begins anew";
}

TEST_F(AlertmanagerTest, NoAlertBeginsAfterItsEndThoughTheClockWasSetBack) {
  const WallClock::time_point now = hands_.now().wall;
  Alert alert = make_alert("A");
  alert.began = now + 1h;
  EXPECT_EQ(alertmanager_alert(alert, now, now + 4min)["startsAt"],
            alertmanager_alert(make_alert("A"), now, now + 4min)["startsAt"]);
  alert.ended = now - 1h;
  const Json told = alertmanager_alert(alert, now, now + 4min);
  EXPECT_EQ(told["startsAt"], told["endsAt"]);
}

TEST_F(AlertmanagerTest, WhatItRefusesIsSentAgainOnlyWithTheNextMinuteOrChange) {
  update({make_alert("A")});
  ASSERT_TRUE(next());
  EXPECT_EQ(answered(wrong_answer), Verdict::refused);
  EXPECT_EQ(alertmanager_.pending(), 1U);
  EXPECT_FALSE(alertmanager_.failing_since()) << "what was right in it was taken";
  hands_.advance(53s);
  EXPECT_FALSE(next());
  update({make_alert("A"), make_alert("B")});
  const auto message = next();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->body.size(), 2U);
  EXPECT_EQ(answered(wrong_answer), Verdict::refused);
  hands_.advance(66s);
  EXPECT_TRUE(next());
  EXPECT_EQ(answered(taken_answer), Verdict::taken);
  EXPECT_EQ(alertmanager_.pending(), 0U);
  EXPECT_FALSE(alertmanager_.failing_since());
}

}  // namespace
}  // namespace kubecliff::delivery
