// `kubecliff alert test` as a person runs it.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/alerting/delivery/receiver.h"
#include "tests/support/file_tree.h"
#include "tests/support/http_stand_in.h"
#include "tests/support/must.h"
#include "tests/support/run_tool.h"

namespace kubecliff::delivery {
namespace {

using test::HttpStandIn;
using test::ToolRun;
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

class AlertCommandTest : public testing::Test {
 protected:
  AlertCommandTest() {
    files_.file("key", "0123456789abcdef0123456789abcdef\n");
    files_.file("hook", hook_.url() + "/s3cret\n");
    files_.file("alerting.yml",
                "labels: {node: n1}\n"
                "alertmanagers: [{url: \"" +
                    alertmanager_.url() +
                    "\"}]\n"
                    "pagerduty: {routing-key-file: " +
                    (files_.path() / "key").string() + ", url: \"" + pagerduty_.url() +
                    "\"}\n"
                    "webhooks: [{url-file: " +
                    (files_.path() / "hook").string() + "}]\n");
  }

  [[nodiscard]] ToolRun run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {KUBECLIFF_BINARY, "alert"});
    return test::must(test::run_tool(arguments));
  }
  [[nodiscard]] std::string config_flag() const {
    return "--alerting.config=" + (files_.path() / "alerting.yml").string();
  }

  test::FileTree files_;
  HttpStandIn alertmanager_;
  HttpStandIn pagerduty_;
  HttpStandIn hook_;
};

TEST_F(AlertCommandTest, SendsOneToEveryReceiverAndSaysWhatTheyAnswer) {
  const ToolRun ran = run({"test", config_flag()});
  EXPECT_EQ(ran.exit_status, 0) << ran.err;
  EXPECT_THAT(ran.out, MatchesRegex("alertmanager-0: taken after [0-9]+ ms, answers 200\n"
                                    "pagerduty: taken after [0-9]+ ms, answers 200\n"
                                    "webhook-0: taken after [0-9]+ ms, answers 200\n"));

  const auto told = alertmanager_.posts(1);
  ASSERT_EQ(told.size(), 1U);
  const Json alert = Json::parse(told[0].body)[0];
  EXPECT_EQ(alert["labels"],
            (Json{{"alertname", "KubecliffTest"}, {"node", "n1"}, {"severity", "info"}}));
  const auto paged = pagerduty_.posts(2);
  ASSERT_EQ(paged.size(), 2U);
  EXPECT_EQ(Json::parse(paged[0].body)["event_action"], "trigger");
  EXPECT_EQ(Json::parse(paged[0].body)["payload"]["severity"], "info");
  EXPECT_EQ(Json::parse(paged[1].body)["event_action"], "resolve");
  EXPECT_EQ(Json::parse(paged[1].body)["routing_key"], "0123456789abcdef0123456789abcdef");
  const auto hooked = hook_.posts(2);
  ASSERT_EQ(hooked.size(), 2U);
  EXPECT_EQ(hooked[0].path, "/s3cret");
  EXPECT_EQ(Json::parse(hooked[0].body)["status"], "firing");
  EXPECT_EQ(Json::parse(hooked[1].body)["status"], "resolved");
}

TEST_F(AlertCommandTest, GoesTheWholeWayOfASeverity) {
  EXPECT_EQ(run({"test", config_flag(), "--severity=critical"}).exit_status, 0);
  EXPECT_THAT(alertmanager_.posts(1).at(0).body, HasSubstr("\"severity\":\"critical\""));
}

TEST_F(AlertCommandTest, FailsWhereOneDoesNotTakeItAndTellsNoSecret) {
  pagerduty_.always(
      {.status = 400, .headers = {}, .body = "no such key: 0123456789abcdef0123456789abcdef\n"});
  hook_.always({.status = 302, .headers = {"Location: http://127.0.0.1:1/s3cret"}, .body = {}});
  const ToolRun ran = run({"test", config_flag()});
  EXPECT_EQ(ran.exit_status, 1);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("alertmanager-0: taken"), HasSubstr("pagerduty: not taken"),
                             HasSubstr("answers 400: no such key: ***"),
                             HasSubstr("webhook-0: not taken"), HasSubstr("answers 302")));
  EXPECT_THAT(ran.out + ran.err, AllOf(Not(HasSubstr("s3cret")), Not(HasSubstr("0123456789"))));
}

TEST_F(AlertCommandTest, WrongSettingsAreExitCodeTwo) {
  EXPECT_EQ(run({}).exit_status, 2);
  EXPECT_EQ(run({"tset"}).exit_status, 2);
  EXPECT_EQ(run({"test"}).exit_status, 2);
  EXPECT_EQ(run({"test", config_flag(), "--severity=none"}).exit_status, 2);
  files_.file("alerting.yml", "labels: {node: n1}\nalertmanager: []\n");
  const ToolRun ran = run({"test", config_flag()});
  EXPECT_EQ(ran.exit_status, 2);
  EXPECT_THAT(ran.err, HasSubstr("alerting.yml:2: alertmanager: expected"));
  files_.file("alerting.yml", "labels: {node: n1}\n");
  EXPECT_THAT(run({"test", config_flag()}).err, HasSubstr("expected a receiver, got none"));
}

}  // namespace
}  // namespace kubecliff::delivery
