#include "exporter/alerting/delivery/webhook.h"

#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/alerting/delivery/text.h"
#include "tests/unit/alerting/delivery/alerts.h"

namespace kubecliff::delivery {
namespace {

using namespace std::chrono_literals;

class WebhookTest : public testing::Test {
 protected:
  void update(const std::vector<Alert>& alerts) { webhook_.update(alerts, hands_.now()); }

  Hands hands_;
  Webhook webhook_{node_labels(), Severity::warning, 1};
};

TEST_F(WebhookTest, IsToldAsAlertmanagerTellsItsOwn) {
  update({make_alert("A"), make_alert("C", Severity::info)});
  const auto message = webhook_.next(hands_.now());
  ASSERT_TRUE(message);
  EXPECT_EQ(message->path, "");
  EXPECT_EQ(
      to_text(message->body),
      R"({"alerts":[{"annotations":{"summary":"A of n1"},"endsAt":"0001-01-01T00:00:00Z",)"
      R"("fingerprint":"6f80400cbeb7a919","generatorURL":"",)"
      R"("labels":{"alertname":"A","cluster":"prod","node":"n1","severity":"critical"},)"
      R"("startsAt":"2023-11-14T22:13:20.000Z","status":"firing"}],)"
      R"("commonAnnotations":{"summary":"A of n1"},)"
      R"("commonLabels":{"alertname":"A","cluster":"prod","node":"n1","severity":"critical"},)"
      R"("externalURL":"","groupKey":"{}:{cluster=\"prod\", node=\"n1\"}",)"
      R"("groupLabels":{"cluster":"prod","node":"n1"},"receiver":"kubecliff","status":"firing",)"
      R"("truncatedAlerts":0,"version":"4"})");
  EXPECT_EQ(webhook_.answered(taken_answer, hands_.now()), Verdict::taken);
  EXPECT_EQ(webhook_.due(), Clock::time_point::max()) << "nothing changed";
}

TEST_F(WebhookTest, IsToldOfWhatFiresAndWhatEndedSince) {
  update({make_alert("A"), make_alert("B")});
  ASSERT_TRUE(webhook_.next(hands_.now()));
  EXPECT_EQ(webhook_.answered(taken_answer, hands_.now()), Verdict::taken);

  update({make_alert("A"), ended(make_alert("B"))});
  auto message = webhook_.next(hands_.now());
  ASSERT_TRUE(message);
  EXPECT_EQ(message->body["status"], "firing");
  ASSERT_EQ(message->body["alerts"].size(), 2U);
  EXPECT_EQ(message->body["alerts"][1]["status"], "resolved");
  EXPECT_EQ(message->body["commonLabels"].count("alertname"), 0U);
  EXPECT_EQ(webhook_.answered(taken_answer, hands_.now()), Verdict::taken);

  update({ended(make_alert("A")), ended(make_alert("B"))});
  message = webhook_.next(hands_.now());
  ASSERT_TRUE(message);
  EXPECT_EQ(message->body["status"], "resolved");
  EXPECT_EQ(message->body["alerts"].size(), 1U);
  EXPECT_EQ(webhook_.answered(taken_answer, hands_.now()), Verdict::taken);
  EXPECT_EQ(webhook_.pending(), 0U);
}

TEST_F(WebhookTest, WhatIsRefusedIsTriedAgainAfterFiveMinutes) {
  update({make_alert("A")});
  ASSERT_TRUE(webhook_.next(hands_.now()));
  EXPECT_EQ(webhook_.answered({.status = 404}, hands_.now()), Verdict::refused);
  EXPECT_FALSE(webhook_.next(hands_.advance(299s)));
  EXPECT_TRUE(webhook_.next(hands_.advance(1s)));
}

TEST_F(WebhookTest, ABusyOneIsToldOfTheLatestStateOnly) {
  update({make_alert("A"), make_alert("B")});
  ASSERT_TRUE(webhook_.next(hands_.now()));
  EXPECT_EQ(webhook_.answered({.status = 429, .words = {}, .retry_after = 5s}, hands_.now()),
            Verdict::later);
  update({make_alert("A"), make_alert("C")});
  EXPECT_FALSE(webhook_.next(hands_.advance(4s)));
  const auto message = webhook_.next(hands_.advance(3s));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->body["alerts"].size(), 3U) << "B may have been heard of";
}

}  // namespace
}  // namespace kubecliff::delivery
