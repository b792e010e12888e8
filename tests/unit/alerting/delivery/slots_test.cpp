#include "exporter/alerting/delivery/slots.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/alerting/delivery/alerts.h"

namespace kubecliff::delivery {
namespace {

using Heard = Slots::Heard;

class SlotsTest : public testing::Test {
 protected:
  void update(const std::vector<Alert>& alerts) { slots_.update(alerts, kBegan); }
  void send(Verdict verdict, Heard heard = Heard::maybe) {
    slots_.begin();
    slots_.end(verdict, heard);
  }

  Slots slots_{Slots::Gone::ended, Severity::info,
               [](const Alert& alert) { return key_of_labels(alert.labels); }};
};

TEST_F(SlotsTest, WhatEndedBeforeAnybodyHeardOfItIsNotTold) {
  update({make_alert("A")});
  EXPECT_EQ(slots_.pending(), 1U);
  update({ended(make_alert("A"))});
  EXPECT_EQ(slots_.pending(), 0U);
  EXPECT_TRUE(slots_.empty());
}

TEST_F(SlotsTest, WhatMayHaveBeenHeardIsEnded) {
  update({make_alert("A")});
  send(Verdict::later, Heard::maybe);
  update({ended(make_alert("A"))});
  EXPECT_EQ(slots_.pending(), 1U);
  send(Verdict::taken);
  EXPECT_EQ(slots_.pending(), 0U);
}

TEST_F(SlotsTest, WhatWasSurelyNotHeardIsNot) {
  update({make_alert("A")});
  send(Verdict::later, Heard::no);
  update({ended(make_alert("A"))});
  EXPECT_TRUE(slots_.empty());
}

TEST_F(SlotsTest, WhatEndsWhileItIsSentIsToldToHaveEnded) {
  update({make_alert("A")});
  slots_.begin();
  update({ended(make_alert("A"))});
  slots_.end(Verdict::taken, Heard::maybe);
  EXPECT_EQ(slots_.pending(), 1U);
  EXPECT_EQ(slots_.all().begin()->second.phase, Phase::ended);
}

TEST_F(SlotsTest, WhatEndsWhileItIsSentInVainIsForgotten) {
  update({make_alert("A")});
  slots_.begin();
  update({ended(make_alert("A"))});
  slots_.end(Verdict::later, Heard::no);
  EXPECT_TRUE(slots_.empty());
}

TEST_F(SlotsTest, WhatEndedAndCameBackNeedsNoWord) {
  update({make_alert("A")});
  send(Verdict::taken);
  update({ended(make_alert("A"))});
  update({make_alert("A")});
  EXPECT_EQ(slots_.pending(), 0U);
}

TEST_F(SlotsTest, WhatVanishedIsTakenForEnded) {
  update({make_alert("A")});
  send(Verdict::taken);
  update({});
  EXPECT_EQ(slots_.pending(), 1U);
  EXPECT_EQ(slots_.all().begin()->second.alert.ended, kBegan);
  send(Verdict::taken);
  update({});
  EXPECT_TRUE(slots_.empty());
}

TEST_F(SlotsTest, WhatIsRefusedStaysPendingAndIsNotToldUntilItChanges) {
  update({make_alert("A")});
  send(Verdict::refused);
  EXPECT_EQ(slots_.pending(), 1U);
  EXPECT_FALSE(slots_.to_tell());
  update({make_alert("A")});
  EXPECT_FALSE(slots_.to_tell());
  slots_.forget_refusals();
  EXPECT_TRUE(slots_.to_tell());
  send(Verdict::refused);
  update({ended(make_alert("A"))});
  EXPECT_TRUE(slots_.to_tell());
}

TEST_F(SlotsTest, NeverHoldsMoreThanItsMostAndCountsTheRest) {
  std::vector<Alert> alerts;
  for (std::size_t i = 0; i < Slots::kMost + 7; ++i) {
    alerts.push_back(make_alert("A" + std::to_string(i)));
  }
  update(alerts);
  EXPECT_EQ(slots_.all().size(), Slots::kMost);
  EXPECT_EQ(slots_.pending(), Slots::kMost + 7);
}

TEST(SlotsOfChecks, AreAsSevereAsTheWorstThatFires) {
  Slots slots{Slots::Gone::ended, Severity::warning,
              [](const Alert& alert) { return std::string{alert.labels.at("alertname")}; }};
  slots.update(std::vector{make_alert("A", Severity::warning), ended(make_alert("A")),
                           make_alert("B", Severity::info)},
               kBegan);
  ASSERT_EQ(slots.all().size(), 1U);
  EXPECT_EQ(slots.all().at("A").phase, Phase::warning);
  slots.update(std::vector{make_alert("A"), make_alert("A", Severity::warning)}, kBegan);
  EXPECT_EQ(slots.all().at("A").phase, Phase::critical);
}

}  // namespace
}  // namespace kubecliff::delivery
