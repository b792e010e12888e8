// The collector against real servers, in network namespaces of the tests' own.
#include "collectors/probe/probe.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/probe/http_probe.h"
#include "collectors/probe/target.h"
#include "tests/integration/kubeproxy/stand_in.h"
#include "tests/integration/probe/driven.h"
#include "tests/integration/probe/spawned.h"
#include "tests/support/file_tree.h"
#include "tests/support/network_namespace.h"
#include "tests/support/result_matchers.h"
#include "tests/support/ruleset.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

using namespace std::chrono_literals;
using probe::HttpProbe;
using probe::Path;
using probe::Phase;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;

using std::chrono::microseconds;
using Seconds = std::chrono::duration<double>;

// None of those that a Ruleset has.
constexpr auto kVip = "172.30.0.1";

class ProbeTest : public NetworkNamespaceTest {
 protected:
  void SetUp() override {
    NetworkNamespaceTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) {
      server_ = std::make_unique<StandIn>();
      server_->answer("/", StandIn::text("hello"));
      ASSERT_NE(server_->port(), 0);
    }
  }

  [[nodiscard]] StandIn& server() const { return *server_; }
  [[nodiscard]] std::string direct() const { return server().url() + "/"; }
  [[nodiscard]] static std::string service() { return std::string{"http://"} + kVip + "/"; }

  // A Service as kube-proxy would have it, for connections that begin on the node.
  void program_service() const {
    must_run({"ip", "route", "add", "172.30.0.0/16", "dev", "lo", "src", "127.0.0.1"});
    must_run({"iptables-nft", "-t", "nat", "-N", "KUBE-SVC-PROBED"});
    must_run({"iptables-nft", "-t", "nat", "-A", "KUBE-SVC-PROBED", "-p", "tcp", "-j", "DNAT",
              "--to-destination", "127.0.0.1:" + std::to_string(server().port())});
    must_run({"iptables-nft", "-t", "nat", "-A", "OUTPUT", "-d", std::string{kVip} + "/32", "-p",
              "tcp", "--dport", "80", "-j", "KUBE-SVC-PROBED"});
  }

 private:
  std::unique_ptr<StandIn> server_;
};

TEST_F(ProbeTest, AsksByWayOfTheServiceAndDirect) {
  program_service();
  DrivenProbe probe{{{"probe.targets", Records{target({{"name", std::string{"web"}},
                                                       {"service", service()},
                                                       {"direct", direct()}})}},
                     {"probe.vantage", std::string{"node"}}}};
  ASSERT_TRUE(probe.until("probe_success{web,direct,node}", 1));
  EXPECT_EQ(probe.at("probe_success{web,service,node}"), 1);
  for (const std::string path : {"service", "direct"}) {
    for (const std::string phase : {"connect", "first_byte", "total"}) {
      const std::string labels = "{web," + path + "," + phase + ",node}";
      EXPECT_EQ(probe.at("probe_phase_seconds_count" + labels), 1);
      EXPECT_GT(probe.at("probe_phase_seconds_sum" + labels), 0);
    }
  }
  EXPECT_THAT(probe.remarks(), IsEmpty());
  EXPECT_THAT(probe.misses(), IsEmpty());
  // The kernel's own word that the one was translated and the other not.
  const auto listed = conntrack({"-L", "-p", "tcp"});
  ASSERT_THAT(listed, has_value());
  EXPECT_THAT(listed->out, HasSubstr("dst=172.30.0.1"));
}

TEST_F(ProbeTest, WhatFailsIsToldByItsReason) {
  server().answer("/moved", StandIn::bytes("HTTP/1.1 302 Found\r\nLocation: /\r\n"
                                           "Content-Length: 0\r\n\r\n"));
  server().answer("/long", StandIn::text(std::string(5'000, 'x')));
  server().answer("/short",
                  StandIn::bytes("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot that much"));
  server().answer("/never", StandIn::stalls_after("HTTP/1.1 200 OK\r\n"));
  const std::string base = server().url();
  struct Case {
    std::string name;
    std::string url;
    std::string reason;
  };
  const std::vector<Case> cases{{"moved", base + "/moved", "status"},
                                {"gone", base + "/gone", "status"},
                                {"long", base + "/long", "body"},
                                {"short", base + "/short", "body"},
                                {"refused", "tcp://127.0.0.1:1", "connect"},
                                {"unresolved", "http://no-such-name.invalid/", "resolve"},
                                {"never", base + "/never", "timeout"}};
  Records records;
  for (const Case& c : cases) {
    records.push_back(target({{"name", c.name},
                              {"direct", c.url},
                              {"timeout", Duration{500ms}},
                              {"most-bytes", std::int64_t{1'000}}}));
  }
  DrivenProbe probe{{{"probe.targets", records}, {"probe.vantage", std::string{"pod"}}}};
  for (const Case& c : cases) {
    const std::string series = "probe_failures_total{" + c.name + ",direct," + c.reason + ",pod}";
    EXPECT_TRUE(probe.until([&](const Figures& figures) {
      const auto found = figures.find(series);
      return found != figures.end() && found->second >= 1;
    })) << c.name;
    EXPECT_EQ(probe.at("probe_success{" + c.name + ",direct,pod}"), 0) << c.name;
    EXPECT_THAT(probe.remarks(), Contains(HasSubstr("target " + c.name + ", direct path: fails (" +
                                                    c.reason + "): ")));
  }
}

TEST_F(ProbeTest, OneThatDoesNotAnswerKeepsNobodyFromAsking) {
  server().answer("/never", StandIn::stalls_after(""));
  StandIn other;
  other.answer("/", StandIn::text("hello"));
  DrivenProbe probe{{{"probe.targets", Records{target({{"name", std::string{"never"}},
                                                       {"direct", server().url() + "/never"},
                                                       {"timeout", Duration{60s}}}),
                                               target({{"name", std::string{"web"}},
                                                       {"direct", other.url() + "/"}})}},
                     {"probe.vantage", std::string{"node"}}}};
  const auto started = std::chrono::steady_clock::now();
  ASSERT_TRUE(probe.until("probe_success{web,direct,node}", 1));
  EXPECT_LT(std::chrono::steady_clock::now() - started, 2s);
  EXPECT_THAT(probe.figures(), Not(Contains(Key("probe_success{never,direct,node}"))));
}

TEST_F(ProbeTest, ACertificateIsLookedAtUnlessItIsNotToBe) {
  const FileTree folder;
  const std::string key = folder.path() / "key.pem";
  const std::string certificate = folder.path() / "certificate.pem";
  must_run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=probed", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", key, "-out", certificate});
  const Spawned tls{{"openssl", "s_server", "-accept", "127.0.0.1:8443", "-key", key, "-cert",
                     certificate, "-www"}};
  ASSERT_EQ(run_tool({"curl", "-sk", "--retry", "50", "--retry-connrefused", "--retry-delay", "0",
                      "--retry-max-time", "10", "-o", "/dev/null", "https://127.0.0.1:8443/"})
                ->exit_status,
            0);
  const std::string url = "https://127.0.0.1:8443/";
  DrivenProbe probe{
      {{"probe.targets",
        Records{
            target({{"name", std::string{"strict"}}, {"direct", url}}),
            target({{"name", std::string{"lax"}}, {"direct", url}, {"insecure", true}}),
            target({{"name", std::string{"known"}}, {"direct", url}, {"ca-file", certificate}})}},
       {"probe.vantage", std::string{"node"}}}};
  ASSERT_TRUE(probe.until("probe_success{known,direct,node}", 1));
  EXPECT_EQ(probe.at("probe_success{lax,direct,node}"), 1);
  EXPECT_EQ(probe.at("probe_failures_total{strict,direct,tls,node}"), 1);
  EXPECT_GT(probe.at("probe_phase_seconds_sum{lax,direct,tls,node}"),
            probe.at("probe_phase_seconds_sum{lax,direct,connect,node}"));
}

TEST(ProbeSpec, SaysWhichSettingIsMissing) {
  EXPECT_THAT(probe::spec().make({.options = probe_options({})}),
              fails_with(ErrorKind::unavailable, HasSubstr("collector.probe.targets")));
}

// Times, as HttpProbe and as curl tell them.
class ProbeTimes : public ProbeTest {
 protected:
  // What a phase of a URL took, at the best of a few times.
  static Seconds measured(const std::string& url, Phase phase) {
    Poller poller;
    auto http = HttpProbe::open(poller);
    EXPECT_THAT(http, has_value());
    const probe::Target target{.name = "t",
                               .urls = {probe::parse_url(url), std::nullopt},
                               .status = 200,
                               .interval = 1s,
                               .timeout = 5s,
                               .most_bytes = 10'000};
    std::vector<Seconds> times;
    for (int i = 0; i < kTimes; ++i) {
      bool done = false;
      EXPECT_THAT(
          (*http)->start(target, Path::service,
                         [&](const probe::Outcome& outcome) {
                           done = true;
                           times.push_back(outcome.phases[static_cast<std::size_t>(phase)].value_or(
                               Seconds{-1}));
                         }),
          has_value());
      while (!done) {
        pollfd waiting{.fd = poller.descriptor(), .events = POLLIN, .revents = 0};
        EXPECT_GT(::poll(&waiting, 1, 10'000), 0);
        poller.dispatch();
      }
    }
    return best(times);
  }

  // The same by curl -w, as its man page has these figures.
  static Seconds by_curl(const std::string& url, const std::string& from, const std::string& to) {
    std::vector<Seconds> times;
    for (int i = 0; i < kTimes; ++i) {
      const std::string text = must_run(
          {"curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{" + from + "} %{" + to + "}", url});
      const std::size_t space = text.find(' ');
      times.emplace_back(std::stod(text.substr(space)) - std::stod(text.substr(0, space)));
    }
    return best(times);
  }

 private:
  static constexpr int kTimes = 15;

  // Others on the machine only ever add to it.
  static Seconds best(const std::vector<Seconds>& times) {
    return *std::ranges::min_element(times);
  }
};

TEST_F(ProbeTimes, AreThoseOfCurl) {
  server().answer("/slow", [](const StandIn&, int socket) {
    std::this_thread::sleep_for(50ms);
    StandIn::text("late")(StandIn{}, socket);
  });
  const Seconds mine = measured(server().url() + "/slow", Phase::first_byte);
  const Seconds judge = by_curl(server().url() + "/slow", "time_pretransfer", "time_starttransfer");
  EXPECT_GE(mine, 50ms);
  EXPECT_GE(judge, 50ms);
  EXPECT_LT(mine, judge * 1.2);
  EXPECT_LT(judge, mine * 1.2);
}

TEST_F(ProbeTimes, RulesInFrontMakeConnectingSlowerForWhoPassesThem) {
  program_service();
  const Seconds service_before = measured(service(), Phase::connect);
  const Seconds direct_before = measured(direct(), Phase::connect);

  // In kube-proxy's iptables mode the rules stand in front of whatever connects.
  ASSERT_THAT(restore(Backend::nft, Family::ipv4, Ruleset{plain(10'000, 1)}.restore_input()),
              has_value());
  must_run({"ip", "route", "flush", "172.30.0.0/16"});
  program_service();
  const Seconds service_behind = measured(service(), Phase::connect);
  const Seconds direct_behind = measured(direct(), Phase::connect);
  const Seconds judge = by_curl(service(), "time_namelookup", "time_connect");

  // One that does not pass them is told from one that does by the two beside each other.
  must_run({"iptables-nft", "-t", "nat", "-I", "OUTPUT", "1", "-d", "127.0.0.1", "-j", "ACCEPT"});
  const Seconds direct_around = measured(direct(), Phase::connect);
  const Seconds service_beside = measured(service(), Phase::connect);

  const auto record = [](const char* name, Seconds time) {
    const auto us = std::chrono::round<microseconds>(time).count();
    RecordProperty(name, std::to_string(us));
    std::cout << name << " " << us << " us\n";
  };
  record("service_without_rules", service_before);
  record("direct_without_rules", direct_before);
  record("service_behind_rules", service_behind);
  record("service_behind_rules_by_curl", judge);
  record("direct_behind_rules", direct_behind);
  record("direct_around_rules", direct_around);
  record("service_beside_it", service_beside);

  EXPECT_GT(service_behind, service_before * 1.5);
  EXPECT_GT(direct_behind, direct_before * 1.5);
  EXPECT_GT(service_beside, direct_around * 1.5);
  EXPECT_LT(service_behind, judge * 4);
  EXPECT_LT(judge, service_behind * 4);
}

}  // namespace
}  // namespace kubecliff::test
