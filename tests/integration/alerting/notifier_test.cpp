// Notifier against stand-ins of receivers, well-behaved or not.
#include "exporter/alerting/delivery/notifier.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/logging/log.h"
#include "tests/support/descriptors.h"
#include "tests/support/figures.h"
#include "tests/support/file_tree.h"
#include "tests/support/http_stand_in.h"
#include "tests/support/must.h"

namespace kubecliff::delivery {
namespace {

using namespace std::chrono_literals;
using test::HttpStandIn;
using test::must;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using Instead = HttpStandIn::Reply::Instead;

Alert make_alert(const std::string& alert_name, Severity severity = Severity::critical) {
  return {.severity = severity,
          .labels = {{"alertname", alert_name}, {"severity", std::string{name(severity)}}},
          .annotations = {},
          .began = WallClock::now()};
}

class NotifierTest : public testing::Test {
 protected:
  NotifierTest() { configure_logging(LogLevel::info, LogFormat::logfmt); }

  void start(Notifier::Timing timing = {
                 .open_within = 0ms, .open_again_within = 0ms, .fallback_after = 0s}) {
    notifier_ = must(Notifier::start(config_, state_, timing));
  }

  [[nodiscard]] test::Figures figures() const {
    Samples samples;
    notifier_->add(samples);
    return test::figures_of(samples, "kubecliff_");
  }
  [[nodiscard]] bool comes(const std::string& figure, double value,
                           std::chrono::milliseconds patience = 20s) const {
    for (const auto end = Clock::now() + patience; figures()[figure] != value;) {
      if (Clock::now() > end) {
        return false;
      }
      std::this_thread::sleep_for(2ms);
    }
    return true;
  }

  test::FileTree files_;
  StateFile state_{{}};
  DeliveryConfig config_;
  HttpStandIn server_;
  std::unique_ptr<Notifier> notifier_;
};

TEST_F(NotifierTest, TellsEveryReplicaOverAConnectionThatStoodBefore) {
  HttpStandIn other;
  config_.alertmanagers = {{.url = server_.url()}, {.url = other.url() + "/prefix"}};
  start();
  ASSERT_TRUE(comes("notification_connection_open{alertmanager-0}", 1));
  ASSERT_TRUE(comes("notification_connection_open{alertmanager-1}", 1));
  notifier_->update({make_alert("A")});
  for (HttpStandIn* const replica : {&server_, &other}) {
    const auto requests = replica->requests(2);
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_EQ(requests[0].method, "GET");
    EXPECT_THAT(requests[0].path, testing::EndsWith("/-/healthy"));
    EXPECT_THAT(requests[1].path, testing::EndsWith("/api/v2/alerts"));
    EXPECT_EQ(requests[1].headers.at("content-type"), "application/json");
    EXPECT_EQ(requests[1].connection, 1U);
  }
  EXPECT_EQ(other.posts(1).at(0).path, "/prefix/api/v2/alerts");
  EXPECT_TRUE(comes("notifications_pending{alertmanager-0}", 0));
  EXPECT_TRUE(comes("notifications_total{alertmanager-1,ok}", 1));
}

TEST_F(NotifierTest, OpensAConnectionAgainThatThePeerClosed) {
  config_.webhooks = {{.endpoint = {.url = server_.url() + "/hook"}}};
  start();
  for (std::size_t times = 1; times <= 3; ++times) {
    const auto requests = server_.requests(times);
    ASSERT_EQ(requests.size(), times);
    EXPECT_EQ(requests.back().method, "HEAD");
    EXPECT_EQ(requests.back().path, "/");
    EXPECT_EQ(requests.back().connection, times);
    ASSERT_TRUE(comes("notification_connection_open{webhook-0}", 1));
    server_.close_connections();
  }
}

TEST_F(NotifierTest, AsksForNothingWhileAConnectionStands) {
  config_.alertmanagers = {{.url = server_.url()}};
  start();
  ASSERT_TRUE(comes("notification_connection_open{alertmanager-0}", 1));
  EXPECT_EQ(server_.requests(2, 1s).size(), 1U);
}

TEST_F(NotifierTest, SendsAgainWhatABusyOneDidNotTake) {
  for (const int status : {500, 503}) {
    server_.answer({.status = status});
  }
  config_.alertmanagers = {{.url = server_.url()}};
  start();
  notifier_->update({make_alert("A")});
  EXPECT_EQ(server_.posts(3).size(), 3U);
  EXPECT_TRUE(comes("notifications_total{alertmanager-0,ok}", 1));
  EXPECT_THAT(figures(), AllOf(Contains(Pair("notifications_total{alertmanager-0,retried}", 2)),
                               Contains(Pair("notifications_pending{alertmanager-0}", 0))));
}

TEST_F(NotifierTest, WaitsForAsLongAsItIsAskedTo) {
  server_.answer({.status = 429, .headers = {"Retry-After: 2"}, .body = "slow down"});
  config_.alertmanagers = {{.url = server_.url()}};
  start();
  notifier_->update({make_alert("A")});
  ASSERT_EQ(server_.posts(1).size(), 1U);
  EXPECT_EQ(server_.posts(2, 1'800ms).size(), 1U);
  EXPECT_EQ(server_.posts(2).size(), 2U);
}

TEST_F(NotifierTest, DoesNotInsistWhereItIsRefused) {
  server_.always({.status = 400, .headers = {}, .body = "bad"});
  config_.alertmanagers = {{.url = server_.url()}};
  testing::internal::CaptureStderr();
  start();
  for (int i = 0; i < 20; ++i) {
    notifier_->update({make_alert("A")});
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_TRUE(comes("notifications_total{alertmanager-0,refused}", 1));
  EXPECT_EQ(server_.posts(2, 1s).size(), 1U);
  EXPECT_THAT(figures(), Contains(Pair("notifications_pending{alertmanager-0}", 1)));
  notifier_.reset();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("it answers 400: bad"));
  EXPECT_EQ(log.find("400"), log.rfind("400")) << "said once";
}

TEST_F(NotifierTest, GivesUpOnSilenceAndTriesAgain) {
  server_.answer({.instead = Instead::silence});
  config_.alertmanagers = {{.url = server_.url(), .timeout = 300ms}};
  start();
  notifier_->update({make_alert("A")});
  EXPECT_EQ(server_.posts(2).size(), 2U);
  EXPECT_TRUE(comes("notifications_total{alertmanager-0,ok}", 1));
}

TEST_F(NotifierTest, SendsAgainWhatAConnectionTookWithIt) {
  server_.answer({.instead = Instead::close});
  config_.webhooks = {{.endpoint = {.url = server_.url()}}};
  start();
  ASSERT_TRUE(comes("notification_connection_open{webhook-0}", 1));
  notifier_->update({make_alert("A")});
  EXPECT_EQ(server_.posts(2).size(), 2U);
  EXPECT_TRUE(comes("notifications_total{webhook-0,ok}", 1));
}

TEST_F(NotifierTest, OneThatIsSilentHoldsUpNoOther) {
  HttpStandIn silent;
  silent.always({.instead = Instead::silence});
  config_.alertmanagers = {{.url = silent.url()}, {.url = server_.url()}};
  start();
  const auto began = Clock::now();
  notifier_->update({make_alert("A")});
  EXPECT_EQ(server_.posts(1).size(), 1U);
  EXPECT_LT(Clock::now() - began, 5s);
  EXPECT_EQ(silent.posts(1).size(), 1U);
  const auto stopping = Clock::now();
  notifier_.reset();
  EXPECT_LT(Clock::now() - stopping, 1s) << "nor the end";
}

TEST_F(NotifierTest, FollowsNoRedirect) {
  const HttpStandIn elsewhere;
  server_.always({.status = 307, .headers = {"Location: " + elsewhere.url() + "/"}, .body = {}});
  config_.webhooks = {{.endpoint = {.url = server_.url()}}};
  start();
  notifier_->update({make_alert("A")});
  EXPECT_TRUE(comes("notifications_total{webhook-0,refused}", 1));
  EXPECT_EQ(elsewhere.connections(), 0U);
}

TEST_F(NotifierTest, AnEndlessAnswerIsCutOff) {
  server_.always({.status = 200, .headers = {}, .body = std::string(std::size_t{8} << 20U, 'x')});
  config_.webhooks = {{.endpoint = {.url = server_.url()}}};
  start();
  notifier_->update({make_alert("A")});
  EXPECT_TRUE(comes("notifications_total{webhook-0,ok}", 1));
}

TEST_F(NotifierTest, TrustsTheAuthorityThatItIsGivenAndNoOther) {
  HttpStandIn secure{HttpStandIn::Scheme::https};
  config_.alertmanagers = {{.url = secure.url(), .ca_file = secure.ca_file()},
                           {.url = secure.url()}};
  testing::internal::CaptureStderr();
  start();
  ASSERT_TRUE(comes("notification_connection_open{alertmanager-0}", 1));
  notifier_->update({make_alert("A")});
  EXPECT_EQ(secure.posts(1).size(), 1U);
  EXPECT_TRUE(comes("notifications_total{alertmanager-0,ok}", 1));
  EXPECT_TRUE(comes("notifications_pending{alertmanager-1}", 1));
  EXPECT_TRUE(comes("notification_connection_open{alertmanager-0}", 1));
  const auto connections = secure.connections();
  secure.close_connections();
  EXPECT_EQ(secure.requests(3).size(), 3U) << "opened again, over TLS too";
  EXPECT_GT(secure.connections(), connections);
  notifier_.reset();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("receiver=alertmanager-1"), HasSubstr("certificate")));
}

TEST_F(NotifierTest, ReadsASecretAnewForEachRequest) {
  files_.file("token", "one\n").file("password", "two\n");
  config_.webhooks = {
      {.endpoint = {.url = server_.url(), .token = {.file = files_.path() / "token"}}}};
  config_.alertmanagers = {{.url = server_.url(),
                            .username = "kubecliff",
                            .password = {.file = files_.path() / "password"}}};
  start();
  notifier_->update({make_alert("A")});
  std::vector<std::string> seen;
  for (const auto& post : server_.posts(2)) {
    seen.push_back(post.headers.at("authorization"));
  }
  EXPECT_THAT(seen, testing::UnorderedElementsAre("Bearer one", "Basic a3ViZWNsaWZmOnR3bw=="));
  files_.file("token", "three\n").file("password", "four\n");
  notifier_->update({make_alert("A"), make_alert("B")});
  seen.clear();
  for (const auto& post : server_.posts(4)) {
    seen.push_back(post.headers.at("authorization"));
  }
  EXPECT_THAT(seen, AllOf(Contains("Bearer three"), Contains("Basic a3ViZWNsaWZmOmZvdXI=")));
}

TEST_F(NotifierTest, WhatWasRefusedIsToldOnceTheSecretIsAnother) {
  files_.file("key", "0123456789abcdef0123456789abcdef");
  server_.answer({.status = 400, .headers = {}, .body = "Invalid routing key"});
  config_.pagerduty = PagerDutyConfig{
      .endpoint = {.url = server_.url(), .routing_key = {.file = files_.path() / "key"}},
      .spread = 0ms};
  start();
  notifier_->update({make_alert("A")});
  ASSERT_TRUE(comes("notifications_total{pagerduty,refused}", 1));
  files_.file("key", "fedcba9876543210fedcba9876543210");
  notifier_->update({make_alert("A")});
  EXPECT_TRUE(comes("notifications_total{pagerduty,ok}", 1));
  EXPECT_EQ(Json::parse(server_.posts(2).at(1).body)["routing_key"],
            "fedcba9876543210fedcba9876543210");
}

TEST_F(NotifierTest, PagerDutyIsToldWhereNoAlertmanagerTakesAlerts) {
  HttpStandIn alertmanager;
  files_.file("key", "0123456789abcdef0123456789abcdef");
  config_.alertmanagers = {{.url = alertmanager.url()}};
  config_.pagerduty = PagerDutyConfig{
      .endpoint = {.url = server_.url(), .routing_key = {.file = files_.path() / "key"}},
      .spread = 0ms};
  start();
  notifier_->update({make_alert("A")});
  ASSERT_EQ(alertmanager.posts(1).size(), 1U);
  EXPECT_TRUE(server_.posts(1, 500ms).empty());

  alertmanager.always({.status = 503});
  notifier_->update({make_alert("A"), make_alert("B")});
  EXPECT_EQ(server_.posts(2).size(), 2U) << "of both: nobody keeps A up any more";

  alertmanager.always({.status = 200});
  ASSERT_TRUE(comes("notifications_pending{alertmanager-0}", 0));
  Alert ended = make_alert("A");
  ended.ended = WallClock::now();
  notifier_->update({ended, make_alert("B"), make_alert("C")});
  const auto posts = server_.posts(3);
  ASSERT_EQ(posts.size(), 3U);
  EXPECT_EQ(Json::parse(posts[2].body)["event_action"], "resolve");
  EXPECT_EQ(server_.posts(4, 300ms).size(), 3U) << "C is the Alertmanager's";
}

TEST_F(NotifierTest, TellsNoSecretInItsLog) {
  files_.file("url", server_.url() + "/services/s3cret-path?t=s3cret-query\n")
      .file("token", "s3cret-token\n");
  server_.answer({.status = 500,
                  .headers = {},
                  .body = "/services/s3cret-path?t=s3cret-query with Bearer s3cret-token"});
  server_.answer({.status = 404, .headers = {}, .body = "no s3cret-token"});
  config_.webhooks = {{.endpoint = {.secret_url = {.file = files_.path() / "url"},
                                    .token = {.file = files_.path() / "token"}}}};
  testing::internal::CaptureStderr();
  start();
  notifier_->update({make_alert("A")});
  ASSERT_TRUE(comes("notifications_total{webhook-0,refused}", 1));
  files_.file("url", "http://127.0.0.1:1/s3cret-path");
  notifier_->update({make_alert("A"), make_alert("B")});
  ASSERT_TRUE(comes("notifications_total{webhook-0,retried}", 2));
  files_.file("url", "hooks.example.com/s3cret-path");
  ASSERT_TRUE(comes("notifications_total{webhook-0,retried}", 3));
  files_.remove("url");
  ASSERT_TRUE(comes("notifications_total{webhook-0,retried}", 4));
  notifier_.reset();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("it answers 500: *** with Bearer ***"), HasSubstr("404"),
                    Not(HasSubstr("s3cret"))));
}

TEST_F(NotifierTest, RestartsOfAReceiverLeaveNothingBehind) {
  config_.alertmanagers = {{.url = server_.url()}};
  start();
  ASSERT_EQ(server_.requests(1).size(), 1U);
  const std::size_t before = test::open_descriptors();
  for (std::size_t times = 2; times <= 20; ++times) {
    ASSERT_TRUE(comes("notification_connection_open{alertmanager-0}", 1));
    server_.close_connections();
    ASSERT_EQ(server_.requests(times).size(), times);
  }
  EXPECT_LE(test::open_descriptors(), before + 4);
}

}  // namespace
}  // namespace kubecliff::delivery
