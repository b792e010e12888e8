#include "exporter/alerting/delivery/pagerduty.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/alerting/checks.h"
#include "exporter/alerting/delivery/text.h"
#include "tests/support/file_tree.h"
#include "tests/unit/alerting/delivery/alerts.h"

namespace kubecliff::delivery {
namespace {

using namespace std::chrono_literals;
using testing::StartsWith;

class PagerDutyTest : public testing::Test {
 protected:
  static PagerDutyConfig at_once() {
    return {.when = PagerDutyConfig::When::always, .severity = Severity::warning, .spread = 0ms};
  }

  PagerDuty make(const PagerDutyConfig& config) {
    return {config, node_labels(), state_, hands_.now(), 1};
  }
  void update(PagerDuty& pagerduty, const std::vector<Alert>& alerts) {
    pagerduty.update(alerts, hands_.now());
  }
  // "trigger KEY" or "resolve KEY"; empty where nothing is to be sent.
  std::string send(PagerDuty& pagerduty, const Answer& answer = taken_answer) {
    const auto message = pagerduty.next(hands_.now());
    if (!message) {
      return {};
    }
    verdict_ = pagerduty.answered(answer, hands_.now());
    return message->body["event_action"].get<std::string>() + " " +
           message->body["dedup_key"].get<std::string>();
  }

  test::FileTree files_;
  StateFile state_{files_.path() / "state.json"};
  Hands hands_;
  Verdict verdict_ = Verdict::taken;
};

TEST(PagerDutyEvents, HoldWhatTheApiAsksFor) {
  Alert alert = make_alert("KubecliffConntrackUse");
  alert.annotations = {{"summary", "The table of n1 is 91 % full"},
                       {"description", "New connections are dropped."},
                       {"runbook_url", "https://example.com/runbook"}};
  EXPECT_EQ(
      to_text(pagerduty_trigger(alert)),
      R"({"client":"kubecliff","dedup_key":")" + dedup_key(alert) +
          R"(","event_action":"trigger","links":[{"href":"https://example.com/runbook",)"
          R"("text":"Runbook"}],"payload":{"class":"KubecliffConntrackUse",)"
          R"("component":"kube-proxy","custom_details":{"alertname":"KubecliffConntrackUse",)"
          R"("cluster":"prod","description":"New connections are dropped.","node":"n1",)"
          R"("severity":"critical"},"group":"prod","severity":"critical","source":"n1",)"
          R"("summary":"The table of n1 is 91 % full","timestamp":"2023-11-14T22:13:20.000Z"}})");
  EXPECT_EQ(to_text(pagerduty_resolve("A/1")), R"({"dedup_key":"A/1","event_action":"resolve"})");
}

TEST(PagerDutyEvents, StayWithinTheLimitsOfTheApi) {
  Alert alert = make_alert("A");
  alert.labels = {{"alertname", std::string(300, 'x')}, {"instance", "10.0.0.1:9909"}};
  std::string umlauts;
  for (int i = 0; i < 1'000; ++i) {
    umlauts += "ü";
  }
  alert.annotations = {{"summary", umlauts}, {"description", std::string(600'000, 'y')}};
  const Json event = pagerduty_trigger(alert);
  const auto summary = event["payload"]["summary"].get<std::string>();
  EXPECT_LE(summary.size(), 1'024U);
  EXPECT_THAT(summary, testing::EndsWith("ü…"));
  EXPECT_LE(event["dedup_key"].get<std::string>().size(), 255U);
  EXPECT_EQ(event["payload"]["source"], "10.0.0.1:9909");
  EXPECT_LT(to_text(event).size(), 512'000U);

  alert.labels = {{"node", " "}};
  alert.annotations = {{"summary", " \n"}};
  const Json blank = pagerduty_trigger(alert);
  EXPECT_EQ(blank["payload"]["source"], "unknown");
  EXPECT_EQ(blank["payload"]["summary"], "unknown");
}

TEST(PagerDutyEvents, KeyIsThatOfTheCheckWhateverItsSeverity) {
  EXPECT_EQ(dedup_key(make_alert("A")), dedup_key(make_alert("A", Severity::warning)));
  EXPECT_NE(dedup_key(make_alert("A")), dedup_key(make_alert("B")));
  Alert other = make_alert("A");
  other.labels["node"] = "n2";
  EXPECT_NE(dedup_key(make_alert("A")), dedup_key(other));
  EXPECT_THAT(dedup_key(make_alert("A")), StartsWith("A/"));
}

TEST_F(PagerDutyTest, OneCheckIsOneIncidentThatGrowsAndEnds) {
  PagerDuty pagerduty = make(at_once());
  const std::string key = dedup_key(make_alert("A"));
  update(pagerduty, {make_alert("A", Severity::warning)});
  EXPECT_EQ(send(pagerduty), "trigger " + key);
  update(pagerduty, {ended(make_alert("A", Severity::warning)), make_alert("A")});
  EXPECT_EQ(send(pagerduty), "trigger " + key) << "more severe";
  EXPECT_EQ(send(pagerduty), "");
  update(pagerduty, {ended(make_alert("A"))});
  EXPECT_EQ(send(pagerduty), "resolve " + key);
  EXPECT_EQ(send(pagerduty), "");
  EXPECT_EQ(pagerduty.pending(), 0U);
}

TEST_F(PagerDutyTest, WhatEndedBeforeItWasTriggeredIsNotResolved) {
  PagerDuty pagerduty = make(at_once());
  update(pagerduty, {make_alert("A")});
  EXPECT_THAT(send(pagerduty, unheard_answer), StartsWith("trigger"));
  hands_.advance(2s);
  EXPECT_THAT(send(pagerduty, {.status = 429}), StartsWith("trigger"));
  update(pagerduty, {ended(make_alert("A"))});
  hands_.advance(2min);
  EXPECT_EQ(send(pagerduty), "");

  update(pagerduty, {make_alert("A")});
  EXPECT_THAT(send(pagerduty, lost_answer), StartsWith("trigger"));
  update(pagerduty, {ended(make_alert("A"))});
  hands_.advance(2min);
  EXPECT_THAT(send(pagerduty), StartsWith("resolve")) << "its answer was lost";
}

TEST_F(PagerDutyTest, AWrongEventIsNeverSentAgainUntilTheKeyIsAnother) {
  PagerDuty pagerduty = make(at_once());
  update(pagerduty, {make_alert("A")});
  EXPECT_THAT(send(pagerduty, wrong_answer), StartsWith("trigger"));
  EXPECT_EQ(verdict_, Verdict::refused);
  for (int i = 0; i < 100; ++i) {
    hands_.advance(1min);
    update(pagerduty, {make_alert("A")});
    EXPECT_EQ(send(pagerduty), "");
  }
  EXPECT_EQ(pagerduty.pending(), 1U);
  pagerduty.forget_refusals();
  EXPECT_THAT(send(pagerduty), StartsWith("trigger"));
}

TEST_F(PagerDutyTest, OtherRefusalsMayPass) {
  PagerDuty pagerduty = make(at_once());
  for (const int status : {301, 403, 407, 429, 500, 503}) {
    update(pagerduty, {make_alert("A")});
    EXPECT_THAT(send(pagerduty, {.status = status}), StartsWith("trigger")) << status;
    EXPECT_EQ(verdict_, Verdict::later) << status;
    hands_.advance(3min);
  }
}

TEST_F(PagerDutyTest, NoMoreEventsThanTheLimit) {
  PagerDutyConfig config = at_once();
  config.rate_limit = 10;
  PagerDuty pagerduty = make(config);
  std::vector<Alert> alerts;
  for (int i = 0; i < 30; ++i) {
    alerts.push_back(make_alert("A" + std::to_string(i)));
  }
  update(pagerduty, alerts);
  int sent = 0;
  while (!send(pagerduty).empty()) {
    ++sent;
  }
  EXPECT_EQ(sent, 10);
  EXPECT_EQ(pagerduty.pending(), 20U);
  EXPECT_EQ(pagerduty.due(), hands_.now().steady + 6s);
  hands_.advance(1min);
  while (!send(pagerduty).empty()) {
    ++sent;
  }
  EXPECT_EQ(sent, 20);
}

TEST_F(PagerDutyTest, TheFirstEventWaitsForTheNodesOwnShare) {
  PagerDutyConfig config = at_once();
  config.spread = 2min;
  std::set<Clock::time_point> dues;
  for (int node = 0; node < 50; ++node) {
    PagerDuty pagerduty{config, {{"node", "n" + std::to_string(node)}}, state_, hands_.now(), 1};
    pagerduty.update(std::vector{make_alert("A")}, hands_.now());
    const bool immediate = pagerduty.next(hands_.now()).has_value();
    EXPECT_EQ(immediate, pagerduty.due() <= hands_.now().steady);
    EXPECT_LE(pagerduty.due(), hands_.now().steady + 2min);
    dues.insert(pagerduty.due());
  }
  EXPECT_GT(dues.size(), 45U);
  EXPECT_GT(*dues.rbegin() - *dues.begin(), 90s);

  PagerDuty pagerduty = make(config);
  update(pagerduty, {make_alert("A")});
  ASSERT_EQ(send(pagerduty), "");
  hands_.advance(
      std::chrono::ceil<std::chrono::milliseconds>(pagerduty.due() - hands_.now().steady));
  EXPECT_THAT(send(pagerduty), StartsWith("trigger A"));
  update(pagerduty, {make_alert("A"), make_alert("B")});
  EXPECT_THAT(send(pagerduty), StartsWith("trigger B")) << "only the first waits";
}

TEST_F(PagerDutyTest, WhatEndsWithinTheShareIsNeverSent) {
  PagerDutyConfig config = at_once();
  config.spread = 2min;
  PagerDuty pagerduty = make(config);
  update(pagerduty, {make_alert("A")});
  ASSERT_EQ(send(pagerduty), "");
  update(pagerduty, {ended(make_alert("A"))});
  hands_.advance(10min);
  EXPECT_EQ(send(pagerduty), "");
}

TEST_F(PagerDutyTest, WaitsAsLongAsAnAlertmanagerTakesAlertsAndResolvesWhatItBegan) {
  PagerDutyConfig config = at_once();
  config.when = PagerDutyConfig::When::fallback;
  PagerDuty pagerduty = make(config);
  pagerduty.set_needed(false);
  update(pagerduty, {make_alert("A")});
  EXPECT_EQ(send(pagerduty), "");
  EXPECT_EQ(pagerduty.pending(), 0U) << "it is not meant to be told";
  pagerduty.set_needed(true);
  EXPECT_EQ(pagerduty.pending(), 1U);
  EXPECT_THAT(send(pagerduty), StartsWith("trigger A"));
  pagerduty.set_needed(false);
  update(pagerduty, {ended(make_alert("A")), make_alert("B")});
  EXPECT_THAT(send(pagerduty), StartsWith("resolve A"));
  EXPECT_EQ(send(pagerduty), "");
}

TEST_F(PagerDutyTest, ATriggerWithoutAnAnswerIsKeptForTheNextProcess) {
  {
    PagerDuty pagerduty = make(at_once());
    update(pagerduty, {make_alert("A")});
    EXPECT_TRUE(pagerduty.next(hands_.now()));
  }
  const StateFile read_again{files_.path() / "state.json"};
  EXPECT_EQ(read_again.section(StateFile::kPagerDuty).size(), 1U);
}

TEST_F(PagerDutyTest, TrustsAnEarlierProcessForLongerThanAnyCriticalCheckTakesToFire) {
  for (const Check& check : default_checks().all) {
    for (const Bound& bound : check.bounds) {
      if (check.value == nullptr || bound.severity != Severity::critical) {
        continue;
      }
      Duration longest{};
      for (const Selector* selector : selectors(*check.value)) {
        longest = std::max(longest, selector->range);
      }
      EXPECT_LT(longest + bound.hold, PagerDuty::kTrustEarlier) << check.name;
    }
  }
}

TEST_F(PagerDutyTest, ARestartResolvesWhatEndedMeanwhile) {
  {
    PagerDuty pagerduty = make(at_once());
    update(pagerduty, {make_alert("A"), make_alert("B")});
    EXPECT_THAT(send(pagerduty), StartsWith("trigger"));
    EXPECT_THAT(send(pagerduty), StartsWith("trigger"));
  }
  StateFile read_again{files_.path() / "state.json"};
  EXPECT_FALSE(read_again.problem());
  PagerDuty pagerduty{at_once(), node_labels(), read_again, hands_.now(), 1};
  update(pagerduty, {make_alert("A")});
  EXPECT_EQ(send(pagerduty), "") << "A was triggered, and B may come yet";
  hands_.advance(PagerDuty::kTrustEarlier);
  update(pagerduty, {make_alert("A")});
  EXPECT_EQ(send(pagerduty), "resolve " + dedup_key(make_alert("B")));
  EXPECT_EQ(send(pagerduty), "");
  EXPECT_EQ(read_again.section(StateFile::kPagerDuty).size(), 1U);
}

}  // namespace
}  // namespace kubecliff::delivery
