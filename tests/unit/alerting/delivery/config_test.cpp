#include "exporter/alerting/delivery/config.h"

#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/file_tree.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::delivery {
namespace {

using namespace std::chrono_literals;
using test::fails_with;
using test::has_value;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

Result<DeliveryConfig> parse(std::string_view text) {
  const std::map<std::string, std::string> variables{{"NODE_NAME", "n1"},
                                                     {"KEY", "0123456789abcdef0123456789abcdef"}};
  return parse_delivery_config(text, "alerting.yml", [&](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional{found->second};
  });
}

// The block of YAML that docs/alerting.md shows.
std::string documented() {
  std::ifstream file{std::string{KUBECLIFF_SOURCE_DIR} + "/docs/alerting.md"};
  const std::string page{std::istreambuf_iterator<char>{file}, {}};
  constexpr std::string_view kBegin = "```yaml alerting.yml\n";
  const std::size_t begin = page.find(kBegin);
  if (begin == std::string::npos) {
    return "no block";
  }
  const std::size_t text = begin + kBegin.size();
  return page.substr(text, page.find("```", text) - text);
}

TEST(DeliveryConfigTest, TheOneInTheDocsLoads) {
  const auto config = parse(documented());
  ASSERT_THAT(config, has_value());
  EXPECT_THAT(config->labels, ElementsAre(Pair("cluster", "prod"), Pair("instance", "n1:9909"),
                                          Pair("job", "kubecliff"), Pair("node", "n1")));
  EXPECT_EQ(config->interval, 15s);
  EXPECT_EQ(config->state_file, "/var/lib/kubecliff/alerts.json");
  ASSERT_EQ(config->alertmanagers.size(), 2U);
  EXPECT_EQ(config->alertmanagers[0].url, "http://alertmanager-0.alertmanager:9093");
  EXPECT_EQ(config->alertmanagers[1], (Endpoint{.url = "https://alertmanager.example.com/prefix",
                                                .ca_file = "/etc/kubecliff/ca.crt",
                                                .username = "kubecliff",
                                                .password = {.file = "/etc/kubecliff/password"},
                                                .timeout = 5s}));
  ASSERT_TRUE(config->pagerduty);
  EXPECT_EQ(config->pagerduty->endpoint.routing_key.file, "/etc/kubecliff/pagerduty-key");
  EXPECT_EQ(config->pagerduty->when, PagerDutyConfig::When::fallback);
  EXPECT_EQ(config->pagerduty->severity, Severity::critical);
  EXPECT_EQ(config->pagerduty->rate_limit, 10);
  EXPECT_EQ(config->pagerduty->spread, 2min);
  ASSERT_EQ(config->webhooks.size(), 1U);
  EXPECT_EQ(config->webhooks[0].endpoint.secret_url.file, "/etc/kubecliff/webhook-url");
  EXPECT_EQ(config->webhooks[0].severity, Severity::warning);
}

TEST(DeliveryConfigTest, AnEmptyOneHasNoReceivers) {
  EXPECT_EQ(parse("").value(), DeliveryConfig{});
  EXPECT_EQ(parse("labels: {}\nalertmanagers: []\nwebhooks: []\n").value(), DeliveryConfig{});
}

TEST(DeliveryConfigTest, WhatIsLeftOutHasItsDefault) {
  const auto config = parse("pagerduty: {routing-key-env: KEY}\n");
  ASSERT_THAT(config, has_value());
  PagerDutyConfig expected;
  expected.endpoint.routing_key.variable = "KEY";
  EXPECT_EQ(config->pagerduty, expected);
  EXPECT_EQ(config->pagerduty->endpoint.url, "https://events.pagerduty.com");
}

TEST(DeliveryConfigTest, WhatIsWrongIsToldWithItsLine) {
  struct Wrong {
    std::string_view text;
    std::string_view error;
  };
  for (const auto& [text, error] : {
           Wrong{"interval: 10ms\n",
                 "alerting.yml:1: interval: expected a duration from 1s to 1m, got \"10ms\""},
           Wrong{"\ninterva: 10s\n",
                 "alerting.yml:2: interva: expected a key that docs/alerting.md lists, got an "
                 "unknown one; did you mean interval?"},
           Wrong{"alertmanager: [{url: \"http://a\"}]\n", "did you mean alertmanagers?"},
           Wrong{"alertmanagers: http://a\n",
                 "alerting.yml:1: alertmanagers: expected a list of maps, got something else"},
           Wrong{"alertmanagers:\n  - url: http://a\n    ca-fil: x\n",
                 "alerting.yml:2: alertmanagers.ca-fil: expected a key that docs/alerting.md "
                 "lists, got an unknown one; did you mean alertmanagers.ca-file?"},
           Wrong{"alertmanagers:\n  - timeout: 5s\n",
                 "alerting.yml:2: alertmanagers.url: expected http://HOST"},
           Wrong{"alertmanagers: [{url: \"http://a\", username: u}]\n",
                 "expected username and password-file together"},
           Wrong{"alertmanagers: [{url: \"http://a\", timeout: 0s}]\n",
                 "alertmanagers.timeout: expected a duration from 1s to 1m, got \"0s\""},
           Wrong{"labels: {alertname: x}\n",
                 "labels.alertname: expected the name of a label other than"},
           Wrong{"labels: {a-b: x}\n", "got \"a-b\""},
           Wrong{"labels:\n  node: ${NODE}\n",
                 "alerting.yml:2: labels.node: expected variables of the environment, got "
                 "${NODE}, which is not set"},
           Wrong{"labels: {node: [a]}\n", "labels.node: expected a text, got a list"},
           Wrong{"labels: x\n", "labels: "},
           Wrong{"interval: 15s\npagerduty:\n  severity: critical\n",
                 "alerting.yml:3: pagerduty: expected one of routing-key-file and "
                 "routing-key-env, got neither"},
           Wrong{"pagerduty: {routing-key-env: NONE}\n",
                 "alerting.yml:1: pagerduty.routing-key-env: expected a variable"},
           Wrong{"pagerduty: {routing-key-file: a, when: never}\n",
                 "pagerduty.when: expected fallback or always, got \"never\""},
           Wrong{"pagerduty: {routing-key-file: a, severity: none}\n",
                 "expected info, warning or critical, got \"none\""},
           Wrong{"pagerduty: {routing-key-file: a, rate-limit: 0}\n", "from 1 to 120, got \"0\""},
           Wrong{"pagerduty: {routing-key-file: a, spread: 1h}\n", "at most 10m, got \"1h\""},
           Wrong{"pagerduty:\n", "alerting.yml:1: pagerduty: expected a map, got nothing"},
           Wrong{"webhooks:\n  - severity: info\n",
                 "alerting.yml:2: webhooks: expected one of url and url-file, got neither"},
           Wrong{"webhooks: [{url: \"http://a\", url-file: b}]\n", "got both"},
           Wrong{"state-file: []\n", "state-file: expected a file, got a list"},
       }) {
    EXPECT_THAT(parse(text), fails_with(ErrorKind::malformed, HasSubstr(std::string{error})))
        << text;
  }
}

TEST(DeliveryConfigTest, WhatMayBeASecretIsNotRepeated) {
  for (const char* text : {
           "webhooks: [{url: \"ftp://hooks.example.com/s3cret\"}]\n",
           "webhooks: [{url: \"https://user:s3cret@hooks.example.com/\"}]\n",
           "webhooks: [{url-file: \"\", token: s3cret}]\n",
           "alertmanagers: [{url: \"http://a\", password: s3cret}]\n",
           "alertmanagers: [{url: \"http://u:s3cret@a\"}]\n",
           "pagerduty: {routing-key: s3cret}\n",
           "pagerduty: {routing-key-env: s3cret}\n",
       }) {
    EXPECT_THAT(parse(text), fails_with(ErrorKind::malformed, Not(HasSubstr("s3cret")))) << text;
  }
}

TEST(DeliveryConfigTest, ThereAreAtMostEightOfAKind) {
  std::string text = "alertmanagers:\n";
  for (int i = 0; i < 8; ++i) {
    text += "  - url: http://a" + std::to_string(i) + "\n";
  }
  EXPECT_THAT(parse(text), has_value());
  EXPECT_THAT(parse(text + "  - url: http://b\n"),
              fails_with(ErrorKind::malformed, HasSubstr("alerting.yml:10: alertmanagers: "
                                                         "expected at most 8, got more")));
}

TEST(SecretTest, IsReadAnewAndNeverToldInAnError) {
  test::FileTree files;
  const Secret secret{.file = files.path() / "key"};
  EXPECT_THAT(secret.read(), fails_with(ErrorKind::unavailable, HasSubstr("/key")));
  files.file("key", "s3cret\n");
  EXPECT_EQ(secret.read().value(), "s3cret");
  files.file("key", "another\r\n");
  EXPECT_EQ(secret.read().value(), "another");
  files.file("key", "s3cret\nHeader: x");
  EXPECT_THAT(secret.read(),
              fails_with(ErrorKind::malformed, AllOf(HasSubstr("/key"), Not(HasSubstr("s3cret")))));
  files.file("key", "\n");
  EXPECT_THAT(secret.read(), fails_with(ErrorKind::malformed, HasSubstr("got nothing")));
}

}  // namespace
}  // namespace kubecliff::delivery
