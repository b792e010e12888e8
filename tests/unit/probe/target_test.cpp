#include "collectors/probe/target.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff::probe {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(ParseUrl, TakesWhatCanBeAskedFor) {
  struct Case {
    std::string text;
    Scheme scheme;
    Host host;
  };
  const std::vector<Case> cases{
      {"http://10.96.0.1", Scheme::http, Host::address},
      {"https://10.96.0.1:443/healthz?a=1,b=2", Scheme::https, Host::address},
      {"https://[fd00::1]:443/", Scheme::https, Host::address},
      {"http://kubernetes.default.svc:80/", Scheme::http, Host::name},
      {"tcp://10.96.0.10:53", Scheme::tcp, Host::address},
      {"tcp://[::1]:53", Scheme::tcp, Host::address},
      {"tcp://kube-dns.kube-system:53", Scheme::tcp, Host::name},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(parse_url(c.text), (Url{.scheme = c.scheme, .host = c.host, .text = c.text}))
        << c.text;
  }
}

TEST(ParseUrl, RefusesTheRest) {
  for (const char* text :
       {"", "10.96.0.1", "http://", "http:///path", "ftp://10.96.0.1/", "file:///etc/passwd",
        "http://user:secret@10.96.0.1/", "http://10.96.0.1:0/", "http://10.96.0.1:65536/",
        "http://10.96.0.1:/", "http://[::1", "http://::1/", "http://[10.96.0.1]/",
        "http://10.96.0.1/a b", "http://10.96.0.1/\n", "tcp://10.96.0.10", "tcp://10.96.0.10:53/x",
        "HTTP://10.96.0.1/"}) {
    EXPECT_EQ(parse_url(text), std::nullopt) << text;
  }
}

TEST(WithJitter, StaysWithinATenth) {
  EXPECT_EQ(with_jitter(10s, 0), 9s);
  EXPECT_EQ(with_jitter(10s, 0.5), 10s);
  EXPECT_LE(with_jitter(10s, 0.999), 11s);
}

// A record with every field at its default but these.
Options record(std::map<std::string, OptionValue, std::less<>> values) {
  for (const OptionSpec& field : target_record().fields) {
    values.emplace(field.name, field.default_value);
  }
  return Options{std::move(values)};
}

Options named(const std::string& name) {
  return record({{"name", name}, {"direct", std::string{"http://10.0.0.1/"}}});
}

TEST(TargetRecord, SaysWhatIsWrong) {
  struct Case {
    Records records;
    std::string wrong;
  };
  Records nine;
  for (int i = 1; i <= 9; ++i) {
    nine.push_back(named("t" + std::to_string(i)));
  }
  const std::vector<Case> cases{
      {{record({})}, "expected a name"},
      {{record({{"name", std::string{"api"}}})}, "expected a service or direct URL"},
      {{named("api"), named("api")}, "expected each name once, got \"api\" twice"},
      {{record({{"name", std::string{"api"}},
                {"direct", std::string{"http://10.0.0.1/"}},
                {"status", std::int64_t{600}}})},
       "status: expected at most 599"},
      {nine, "expected at most 8 targets"}};
  for (const Case& c : cases) {
    EXPECT_THAT(target_record().wrong(c.records), HasSubstr(c.wrong));
  }
  nine.pop_back();
  EXPECT_EQ(target_record().wrong(nine), "");
}

TEST(TargetsOf, GivesWhatTheRecordsSay) {
  const std::vector<Target> targets =
      targets_of({record({{"name", std::string{"api"}},
                          {"service", std::string{"https://10.96.0.1/healthz"}},
                          {"interval", Duration{30s}},
                          {"ca-file", std::string{"/ca.crt"}},
                          {"insecure", true}})});
  ASSERT_EQ(targets.size(), 1U);
  EXPECT_EQ(targets.front(), (Target{.name = "api",
                                     .urls = {parse_url("https://10.96.0.1/healthz"), std::nullopt},
                                     .status = 200,
                                     .interval = 30s,
                                     .timeout = 5s,
                                     .most_bytes = 1'048'576,
                                     .ca_file = "/ca.crt",
                                     .cert_file = "",
                                     .key_file = "",
                                     .insecure = true}));
}

TEST(CanaryTarget, IsWhatTheEnvironmentTells) {
  const auto canary = canary_target("10.96.0.77", "80");
  ASSERT_TRUE(canary);
  EXPECT_EQ(canary->name, "canary");
  EXPECT_EQ(canary->urls[0], parse_url("tcp://10.96.0.77:80"));
  EXPECT_EQ(canary->urls[1], std::nullopt);
  EXPECT_GT(canary->timeout, Duration{});
  EXPECT_EQ(canary_target("fd00::77", "80").value_or(Target{}).urls[0],
            parse_url("tcp://[fd00::77]:80"));
  for (const auto& [host, port] : {std::pair{"", "80"}, {"10.96.0.77", ""}, {"10.96.0.77", "x"}}) {
    EXPECT_FALSE(canary_target(host, port)) << host << ":" << port;
  }
}

}  // namespace
}  // namespace kubecliff::probe
