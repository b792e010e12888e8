// DNS against Debian's dnsmasq, and against a stand-in that answers late or not at all.
#include <chrono>
#include <future>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/procfs.h"
#include "tests/integration/probe/dns_stand_in.h"
#include "tests/integration/probe/driven.h"
#include "tests/integration/probe/spawned.h"
#include "tests/support/file_tree.h"
#include "tests/support/network_namespace.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Pair;

constexpr int kAaaa = 28;
constexpr int kServfail = 2;
constexpr int kNxdomain = 3;
constexpr int kRefused = 5;

class DnsTest : public NetworkNamespaceTest {
 protected:
  // Everything at its default but these, and a resolv.conf of the test's own.
  [[nodiscard]] Named options(const std::string& names, const std::string& servers) {
    resolv_conf_.file("resolv.conf",
                      "search default.svc.cluster.local svc.cluster.local cluster.local\n"
                      "nameserver 127.0.0.1\noptions ndots:5\n");
    return {{"probe.dns-names", names},
            {"probe.dns-servers", servers},
            {"probe.vantage", std::string{"pod"}},
            {"probe.resolv-conf", (resolv_conf_.path() / "resolv.conf").string()}};
  }

 private:
  FileTree resolv_conf_;
};

std::string lookups(const std::string& server, const std::string& query) {
  return "dns_lookup_seconds_count{" + server + "," + query + ",pod}";
}

std::string failures(const std::string& server, const std::string& query,
                     const std::string& reason) {
  return "dns_lookup_failures_total{" + server + "," + query + "," + reason + ",pod}";
}

TEST_F(DnsTest, ARealServersAnswersAreCountedByWhatTheySay) {
  // An address of NodeLocal DNSCache's, so that the server needs no name in the configuration.
  must_run({"ip", "address", "add", "169.254.20.10/32", "dev", "lo"});
  const FileTree folder;
  const std::string log = folder.path() / "queries";
  const Spawned dnsmasq{{"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
                         "--no-hosts", "--listen-address=169.254.20.10", "--bind-interfaces",
                         "--user=root", "--pid-file=", "--log-queries", "--log-facility=" + log,
                         "--address=/kubernetes.default.svc.cluster.local/10.96.0.1",
                         "--address=/gone.example/"}};
  Named named = options("kubernetes.default.svc.cluster.local,gone.example", "");
  named["probe.dns-interval"] = Duration{1s};
  DrivenProbe probe{named};
  // It takes a moment to listen.
  ASSERT_TRUE(probe.until([](const Figures& figures) {
    const auto said_no = figures.find(failures("node_local", "A", "nxdomain"));
    return said_no != figures.end() && said_no->second >= 1 &&
           figures.at(lookups("node_local", "A")) > said_no->second;
  }));
  EXPECT_EQ(probe.at(failures("node_local", "AAAA", "nxdomain")),
            probe.at(failures("node_local", "A", "nxdomain")));
  EXPECT_EQ(probe.at(failures("node_local", "A", "timeout")), 0);
  EXPECT_EQ(probe.at(failures("node_local", "A", "servfail")), 0);
  EXPECT_LT(
      probe.at("dns_lookup_seconds_sum{node_local,A,pod}") / probe.at(lookups("node_local", "A")),
      0.05);
  // 4 names for each of the two, A and AAAA.
  EXPECT_EQ(probe.at("dns_search_queries{pod}"), 8);
  const std::string said = read_file(log).value_or("");
  EXPECT_THAT(said, HasSubstr("query[A] kubernetes.default.svc.cluster.local from 169.254.20.10"));
  EXPECT_THAT(said, HasSubstr("query[AAAA] gone.example from 169.254.20.10"));
}

TEST_F(DnsTest, CodesAreToldApart) {
  const DnsStandIn server{[](int type, int) {
    return DnsStandIn::Reply{.code = type == kAaaa ? kRefused : kServfail};
  }};
  const DnsStandIn other{
      [](int type, int) { return DnsStandIn::Reply{.code = type == kAaaa ? kNxdomain : 0}; }};
  DrivenProbe probe{options("a.example", server.address() + "," + other.address())};
  ASSERT_TRUE(probe.until(lookups(other.address(), "A"), 1));
  EXPECT_THAT(probe.figures(),
              IsSupersetOf({Pair(lookups(server.address(), "A"), 1.0),
                            Pair(failures(server.address(), "A", "servfail"), 1.0),
                            Pair(failures(server.address(), "AAAA", "refused"), 1.0),
                            Pair(failures(other.address(), "A", "nxdomain"), 0.0),
                            Pair(failures(other.address(), "AAAA", "nxdomain"), 1.0)}));
  EXPECT_EQ(server.queries(), 2);
  EXPECT_TRUE(server.from_one_port());
}

TEST_F(DnsTest, ADelayIsInTheTimeAndANobodyIsUnreachable) {
  const DnsStandIn slow{[](int, int) { return DnsStandIn::Reply{.delay = 30ms}; }};
  DrivenProbe probe{options("a.example", slow.address() + ",127.0.0.1:1")};
  ASSERT_TRUE(probe.until(lookups(slow.address(), "AAAA"), 1));
  EXPECT_GE(probe.at("dns_lookup_seconds_sum{" + slow.address() + ",A,pod}"), 0.03);
  // One after the other.
  EXPECT_GE(probe.at("dns_lookup_seconds_sum{" + slow.address() + ",AAAA,pod}"), 0.06);
  EXPECT_LT(probe.at("dns_lookup_seconds_sum{" + slow.address() + ",AAAA,pod}"), 0.5);
  ASSERT_TRUE(probe.until(failures("127.0.0.1:1", "A", "unreachable"), 1));
  EXPECT_EQ(probe.at(lookups("127.0.0.1:1", "A")), 0);
  EXPECT_THAT(probe.misses(), IsEmpty());
}

TEST_F(DnsTest, AQueryThatIsLostIsAnsweredAfterFiveSeconds) {
  // As the race in connection tracking does: one of the two first packets is gone.
  const DnsStandIn server{
      [](int, int count) { return DnsStandIn::Reply{.code = count == 2 ? -1 : 0}; }};
  DrivenProbe probe{options("a.example", server.address())};
  ASSERT_TRUE(probe.until(lookups(server.address(), "AAAA"), 1));
  EXPECT_LT(probe.at("dns_lookup_seconds_sum{" + server.address() + ",A,pod}"), 0.5);
  EXPECT_GE(probe.at("dns_lookup_seconds_sum{" + server.address() + ",AAAA,pod}"), 4.9);
  EXPECT_LT(probe.at("dns_lookup_seconds_sum{" + server.address() + ",AAAA,pod}"), 5.5);
  EXPECT_EQ(server.queries(), 3);
  EXPECT_TRUE(server.from_one_port());
}

TEST_F(DnsTest, NoAnswerAtAllIsATimeout) {
  const DnsStandIn server{[](int, int) { return DnsStandIn::Reply{.code = -1}; }};
  DrivenProbe probe{options("a.example", server.address())};
  ASSERT_TRUE(probe.until(failures(server.address(), "A", "timeout"), 1));
  EXPECT_EQ(probe.at(failures(server.address(), "AAAA", "timeout")), 1);
  EXPECT_EQ(probe.at(lookups(server.address(), "A")), 0);
  EXPECT_EQ(server.queries(), 4);
}

// In the emulated kernel, whose loopback device can be slow and lossy.
using NetemDnsTest = DnsTest;

TEST_F(NetemDnsTest, WhatTheNetworkDelaysAndLosesIsInTheTimes) {
  must_run({"modprobe", "sch_netem"});
  const Spawned dnsmasq{{"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
                         "--no-hosts", "--listen-address=127.0.0.1", "--bind-interfaces",
                         "--user=root", "--pid-file=", "--address=/a.example/10.96.0.1"}};
  Named named = options("a.example", "127.0.0.1");
  named["probe.dns-interval"] = Duration{1s};
  DrivenProbe probe{named};
  ASSERT_TRUE(probe.until(lookups("127.0.0.1", "A"), 1));
  const auto count = [&] { return probe.at(lookups("127.0.0.1", "A")); };
  const auto sum = [&] { return probe.at("dns_lookup_seconds_sum{127.0.0.1,A,pod}"); };
  const auto answered = [&](int more) {
    const double wanted = count() + more;
    return probe.until(
        [&](const Figures& figures) { return figures.at(lookups("127.0.0.1", "A")) >= wanted; });
  };

  // The query is delayed, and so is the answer.
  must_run({"tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "50ms"});
  const double quick = sum();
  ASSERT_TRUE(answered(2));
  EXPECT_GE(sum() - quick, 0.1);
  EXPECT_LT(sum() - quick, 1);

  must_run({"tc", "qdisc", "change", "dev", "lo", "root", "netem", "loss", "100%"});
  const double slow = sum();
  const auto mended = std::async(std::launch::async, [] {
    std::this_thread::sleep_for(3s);
    must_run({"tc", "qdisc", "delete", "dev", "lo", "root"});
  });
  ASSERT_TRUE(answered(1));
  EXPECT_GE(sum() - slow, 4.9);
  EXPECT_EQ(probe.at(failures("127.0.0.1", "A", "timeout")), 0);
}

}  // namespace
}  // namespace kubecliff::test
