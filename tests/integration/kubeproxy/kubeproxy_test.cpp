// The collector against processes of this machine, its kernel, and what may listen at kube-proxy's
// port.
#include "collectors/kubeproxy/kubeproxy.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/kubeproxy/process.h"
#include "tests/integration/kubeproxy/stand_in.h"
#include "tests/support/figures.h"
#include "tests/support/file_tree.h"
#include "tests/support/network_namespace.h"
#include "tests/support/result_matchers.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::Not;

using Seconds = std::chrono::duration<double>;

double wall_clock() {
  return Seconds{std::chrono::system_clock::now().time_since_epoch()}.count();
}

// As a kube-proxy of 1.33 and later has it, timestamps aside.
std::string metrics(double last, double queued, int pending = 0) {
  const auto stamp = [](double value) { return std::to_string(value) + "\n"; };
  return "# HELP go_goroutines Number of goroutines that currently exist.\n"
         "# TYPE go_goroutines gauge\n"
         "go_goroutines 61\n"
         "# TYPE kubecliff_kubeproxy_restarts_total counter\n"
         "kubecliff_kubeproxy_restarts_total 99\n"
         "# TYPE kubeproxy_network_programming_duration_seconds histogram\n"
         "kubeproxy_network_programming_duration_seconds_bucket{ip_family=\"IPv4\",le=\"0.25\"} 1\n"
         "kubeproxy_network_programming_duration_seconds_bucket{ip_family=\"IPv4\",le=\"3\"} 2\n"
         "kubeproxy_network_programming_duration_seconds_bucket{ip_family=\"IPv4\",le=\"+Inf\"} 4\n"
         "kubeproxy_network_programming_duration_seconds_sum{ip_family=\"IPv4\"} 812.25\n"
         "kubeproxy_network_programming_duration_seconds_count{ip_family=\"IPv4\"} 4\n"
         "# TYPE kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds gauge\n"
         "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{ip_family=\"IPv4\"} " +
         stamp(queued) +
         "# TYPE kubeproxy_sync_proxy_rules_last_timestamp_seconds gauge\n"
         "kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family=\"IPv4\"} " +
         stamp(last) +
         "# TYPE kubeproxy_sync_proxy_rules_service_changes_pending gauge\n"
         "kubeproxy_sync_proxy_rules_service_changes_pending " +
         std::to_string(pending) +
         "\n"
         "# TYPE rest_client_requests_total counter\n"
         "rest_client_requests_total{code=\"200\",host=\"10.96.0.1:443\",method=\"GET\"} 12\n";
}

class KubeProxyTest : public NetworkNamespaceTest {
 protected:
  void SetUp() override {
    NetworkNamespaceTest::SetUp();
    stand_in_.emplace();
    collector_ = collector(stand_in_->url());
    speaks("iptables", metrics(wall_clock(), wall_clock() - 1));
  }

  [[nodiscard]] std::unique_ptr<Collector> collector(
      const std::string& url, bool own_metrics = true,
      const std::filesystem::path& procfs = "/proc") const {
    auto made = kubeproxy::spec().make(
        {.options = Options{{{"kubeproxy.url", OptionValue{url}},
                             {"kubeproxy.own-metrics", OptionValue{own_metrics}}}},
         .procfs = procfs,
         .dataplane_signs = signs_});
    EXPECT_THAT(made, has_value());
    return made ? std::move(*made) : nullptr;
  }

  void speaks(const std::string& mode, const std::string& text) {
    stand_in_->answer("/proxyMode", StandIn::text(mode));
    stand_in_->answer("/metrics", StandIn::text(text));
  }

  // `later`: than the first refresh, by the collector's clock. What it served goes on being served
  // where nothing is new.
  const Figures& refresh(std::chrono::seconds later) {
    return refresh_at(Clock::time_point{1h} + later);
  }
  const Figures& refresh_at(Clock::time_point now) {
    Samples samples;
    kind_ = collector_->refresh(now, samples);
    EXPECT_THAT(kind_, has_value());
    misses_ = samples.misses();
    if (kind_ && *kind_ != RefreshKind::unchanged) {
      figures_ = figures_of(samples, "kube");
    }
    return figures_;
  }

  double at(const std::string& series) {
    EXPECT_TRUE(figures_.contains(series)) << series;
    return figures_.contains(series) ? figures_.at(series) : -1;
  }
  [[nodiscard]] std::string why() const { return misses_.empty() ? "" : misses_.front().message; }

  std::shared_ptr<DataplaneSigns> signs_ = std::make_shared<DataplaneSigns>();
  std::optional<StandIn> stand_in_;
  std::unique_ptr<Collector> collector_;
  Result<RefreshKind> kind_;
  Figures figures_;
  std::vector<Error> misses_;
};

TEST_F(KubeProxyTest, ServesWhatTheProcessHasUsed) {
  const double before = wall_clock();
  const KubeProxy process{"sleep", {"1000"}};
  refresh(0s);
  EXPECT_THAT(misses_, IsEmpty());
  // Times of processes have ticks of 10 ms.
  EXPECT_THAT(at("cliff_kubeproxy_start_time_seconds"),
              AllOf(Ge(before - 0.05), Le(wall_clock() + 0.05)));
  EXPECT_EQ(at("cliff_kubeproxy_cpu_seconds_total"), 0);
  const auto ps = run_tool({"ps", "-o", "rss=", "-p", std::to_string(process.pid())});
  ASSERT_THAT(ps, has_value());
  EXPECT_EQ(at("cliff_kubeproxy_resident_memory_bytes"), 1024 * std::stod(ps->out));
}

TEST_F(KubeProxyTest, ProcessesOfOtherNamespacesAreNotThisNodes) {
  const KubeProxy outside{"sleep", {"1000"}};
  const auto inner = NetworkNamespace::enter();
  ASSERT_THAT(inner, has_value());
  refresh(0s);
  EXPECT_FALSE(figures_.contains("cliff_kubeproxy_cpu_seconds_total"));
}

TEST_F(KubeProxyTest, RestartsAreSeen) {
  KubeProxy first{"sleep", {"1000"}};
  refresh(0s);
  EXPECT_EQ(at("cliff_kubeproxy_restarts_total"), 0);
  const double start = at("cliff_kubeproxy_start_time_seconds");
  first.end();
  std::this_thread::sleep_for(20ms);
  const KubeProxy second{"sleep", {"1000"}};
  refresh(1s);
  EXPECT_EQ(at("cliff_kubeproxy_restarts_total"), 1);
  EXPECT_GT(at("cliff_kubeproxy_start_time_seconds"), start);
}

TEST_F(KubeProxyTest, ServesItsModeAndItsOwnFamilies) {
  speaks("iptables", metrics(1, 1, 17));
  refresh(0s);
  EXPECT_THAT(misses_, IsEmpty());
  EXPECT_EQ(at("cliff_kubeproxy_up"), 1);
  EXPECT_EQ(at("cliff_kubeproxy_mode{iptables}"), 1);
  EXPECT_EQ(at("cliff_kubeproxy_mode{nftables}"), 0);
  EXPECT_EQ(at("cliff_kubeproxy_mode{other}"), 0);
  EXPECT_EQ(at("proxy_sync_proxy_rules_service_changes_pending"), 17);
  EXPECT_EQ(at("proxy_network_programming_duration_seconds_count{IPv4}"), 4);
  EXPECT_EQ(at("proxy_network_programming_duration_seconds_sum{IPv4}"), 812.25);
  EXPECT_EQ(at("cliff_kubeproxy_restarts_total"), 0) << "ours, not what the port says";

  speaks("winkernel\n", metrics(1, 1));
  refresh(15s);
  EXPECT_EQ(at("cliff_kubeproxy_mode{other}"), 1);
}

TEST_F(KubeProxyTest, ItsWordIsTold) {
  auto later = 0s;
  const auto word = [&] {
    later += 30s;
    refresh(later);
    return signs_->kube_proxy(Clock::time_point{1h} + later);
  };
  EXPECT_EQ(signs_->kube_proxy(Clock::time_point{1h}), KubeProxyWord::untold);
  for (const auto& [mode, expected] :
       std::map<std::string, KubeProxyWord>{{"ipvs", KubeProxyWord::ipvs},
                                            {"iptables", KubeProxyWord::iptables},
                                            {"nftables", KubeProxyWord::nftables},
                                            {"winkernel", KubeProxyWord::other}}) {
    speaks(mode, metrics(1, 1));
    EXPECT_EQ(word(), expected) << mode;
  }
  stand_in_->answer("/metrics", StandIn::bytes(""));
  EXPECT_EQ(word(), KubeProxyWord::other) << "one answer that fails is no other word";
  stand_in_.reset();
  EXPECT_EQ(word(), KubeProxyWord::unclear) << "it may be one whom a pod does not see";
}

// The node's processes, among which is no kube-proxy, and its network.
TEST_F(KubeProxyTest, ANodeThatIsSeenAndHasNoneIsSilent) {
  FileTree proc;
  proc.file("2/comm", "kthreadd\n").file("sys/net/netfilter/nf_conntrack_max", "262144\n");
  collector_ = collector(stand_in_->url(), true, proc.path());
  stand_in_.reset();
  refresh(0s);
  EXPECT_EQ(signs_->kube_proxy(Clock::time_point{1h}), KubeProxyWord::silent);
}

TEST_F(KubeProxyTest, OwnFamiliesCanBeLeftToPrometheus) {
  collector_ = collector(stand_in_->url(), false);
  refresh(0s);
  EXPECT_TRUE(figures_.contains("cliff_kubeproxy_sync_age_seconds{ipv4}"));
  for (const auto& [series, value] : figures_) {
    EXPECT_THAT(series, HasSubstr("cliff_kubeproxy_"));
  }
}

TEST_F(KubeProxyTest, TellsHowOldTheRulesAreAndWhatWaits) {
  const double now = wall_clock();
  speaks("iptables", metrics(now - 100, now - 40));
  refresh(0s);
  EXPECT_NEAR(at("cliff_kubeproxy_sync_age_seconds{ipv4}"), 100, 1);
  EXPECT_NEAR(at("cliff_kubeproxy_sync_queued_seconds{ipv4}"), 40, 1);

  // Another change comes in, nothing is written.
  speaks("iptables", metrics(now - 100, now));
  refresh(15s);
  EXPECT_NEAR(at("cliff_kubeproxy_sync_queued_seconds{ipv4}"), 40, 1);

  speaks("iptables", metrics(now + 1, now));
  refresh(30s);
  EXPECT_EQ(at("cliff_kubeproxy_sync_queued_seconds{ipv4}"), 0);
}

TEST_F(KubeProxyTest, TellsHowLongANewOneTookToItsFirstRules) {
  speaks("iptables", metrics(0, 0));
  const KubeProxy process{"sleep", {"1000"}};
  refresh(0s);
  EXPECT_FALSE(figures_.contains("cliff_kubeproxy_first_sync_seconds{ipv4}"));
  std::this_thread::sleep_for(300ms);
  const double first = wall_clock();
  speaks("iptables", metrics(first, first));
  refresh(1s);
  EXPECT_EQ(kind_, RefreshKind::full) << "asked again at once while there are no rules";
  EXPECT_NEAR(at("cliff_kubeproxy_first_sync_seconds{ipv4}"),
              first - at("cliff_kubeproxy_start_time_seconds"), 1e-3);
  refresh(2s);
  EXPECT_EQ(kind_, RefreshKind::unchanged);
}

TEST_F(KubeProxyTest, OneThatStartsLaterIsFoundByItsFirstAnswer) {
  const std::uint16_t port = stand_in_->port();
  stand_in_.reset();
  refresh(0s);
  EXPECT_EQ(at("cliff_kubeproxy_up"), 0);

  const KubeProxy process{"sleep", {"1000"}};
  stand_in_.emplace(Family::ipv4, port);
  const double first = wall_clock();
  speaks("iptables", metrics(first, first) +
                         "# TYPE kubeproxy_sync_proxy_rules_duration_seconds histogram\n"
                         "kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family=\"IPv4\","
                         "le=\"+Inf\"} 1\n"
                         "kubeproxy_sync_proxy_rules_duration_seconds_sum{ip_family=\"IPv4\"} 1\n"
                         "kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"} "
                         "1\n");
  refresh(1s);
  EXPECT_EQ(at("cliff_kubeproxy_up"), 1);
  refresh(2s);
  EXPECT_NEAR(at("cliff_kubeproxy_first_sync_seconds{ipv4}"),
              first - at("cliff_kubeproxy_start_time_seconds"), 1e-3);
  EXPECT_EQ(at("cliff_kubeproxy_restarts_total"), 0);
}

TEST_F(KubeProxyTest, TimesThatCannotBeReadAreNotServedAsNever) {
  const KubeProxy process{"sleep", {"1000"}};
  std::string text = metrics(wall_clock(), wall_clock() - 1);
  const std::string stamp = "kubeproxy_sync_proxy_rules_last_timestamp_seconds{";
  text.replace(text.find(stamp), stamp.size(), stamp + "zone=\"a\",");
  speaks("iptables", text);
  refresh(0s);
  EXPECT_THAT(why(), HasSubstr("zone"));
  for (const auto& [series, value] : figures_) {
    EXPECT_THAT(series, Not(HasSubstr("cliff_kubeproxy_sync_")));
  }
  EXPECT_EQ(at("proxy_sync_proxy_rules_service_changes_pending"), 0);
}

TEST_F(KubeProxyTest, TimesOfFamiliesThatAreNoneAreNotServed) {
  std::string text;
  for (const std::string line :
       {"# TYPE kubeproxy_sync_proxy_rules_last_timestamp_seconds gauge\n",
        "kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family=\"x\"} 1\n",
        "kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family=\"y\"} 1\n"}) {
    text += line;
  }
  speaks("iptables", text);
  refresh(0s);
  EXPECT_EQ(at("proxy_sync_proxy_rules_last_timestamp_seconds{x}"), 1);
  for (const auto& [series, value] : figures_) {
    EXPECT_THAT(series, Not(HasSubstr("cliff_kubeproxy_sync_")));
  }
}

TEST_F(KubeProxyTest, WithoutAModeTheRestIsServed) {
  stand_in_->answer("/proxyMode", StandIn::bytes("HTTP/1.1 404 Not Found\r\n\r\n"));
  refresh(0s);
  EXPECT_THAT(why(), AllOf(HasSubstr("/proxyMode"), HasSubstr("404")));
  EXPECT_EQ(at("cliff_kubeproxy_up"), 1);
  EXPECT_EQ(at("proxy_sync_proxy_rules_service_changes_pending"), 0);
  EXPECT_FALSE(figures_.contains("cliff_kubeproxy_mode{other}"));
}

TEST_F(KubeProxyTest, IsReachedByIpv6) {
  stand_in_.emplace(Family::ipv6);
  speaks("iptables", metrics(1, 1));
  collector_ = collector(stand_in_->url());
  refresh(0s);
  EXPECT_THAT(misses_, IsEmpty());
  EXPECT_EQ(at("cliff_kubeproxy_mode{iptables}"), 1);
}

TEST_F(KubeProxyTest, NobodyAtThePortOfANodeWithoutKubeProxyIsNoError) {
  const std::string url = stand_in_->url();
  stand_in_.reset();
  refresh(0s);
  EXPECT_EQ(at("cliff_kubeproxy_up"), 0);
  EXPECT_THAT(misses_, IsEmpty());

  const KubeProxy process{"sleep", {"1000"}};
  refresh(30s);
  EXPECT_EQ(at("cliff_kubeproxy_up"), 0);
  EXPECT_THAT(why(), AllOf(HasSubstr(url), HasSubstr("nobody listens")));
  refresh(31s);
  EXPECT_THAT(why(), HasSubstr("nobody listens")) << "for as long as it lasts";
}

TEST_F(KubeProxyTest, WhatIsBrokenIsToldAndNotServed) {
  refresh(0s);
  EXPECT_EQ(at("cliff_kubeproxy_up"), 1);
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  struct Case {
    StandIn::Answer answer;
    std::string why;
  };
  auto later = 0s;
  for (const Case& c : std::vector<Case>{
           {StandIn::bytes(""), "without an answer"},
           {StandIn::bytes("SSH-2.0-OpenSSH_9.2\r\n"), "HTTP/1"},
           {StandIn::bytes("HTTP/1.1 503 Service Unavailable\r\n\r\n"), "503"},
           {StandIn::bytes(ok + "Content-Length: 100\r\n\r\nkubeproxy_"), "in the middle"},
           {StandIn::bytes(ok + "\r\nkubeproxy_x 1"), "in the middle of it"},
           {StandIn::text("<html>\n"), "line 1"},
           {StandIn::text(metrics(1, 1) + "kubeproxy_x{ 1\n"), "line "},
           {StandIn::text("# TYPE kubeproxy_sync_proxy_rules_service_changes_pending counter\n"
                          "kubeproxy_sync_proxy_rules_service_changes_pending 1\n"),
            "left out"},
           {StandIn::endless("x"), "longer than"},
       }) {
    stand_in_->answer("/metrics", c.answer);
    refresh(later += 15s);
    EXPECT_THAT(why(), HasSubstr(c.why));
    EXPECT_FALSE(figures_.contains("proxy_sync_proxy_rules_service_changes_pending")) << c.why;
  }
}

TEST_F(KubeProxyTest, TextWithoutAnEndIsNotReadToIt) {
  stand_in_->answer("/metrics", StandIn::endless("x 1\n"));
  const auto began = Clock::now();
  refresh(0s);
  EXPECT_LT(Clock::now() - began, 8s);
  EXPECT_THAT(why(), AnyOf(HasSubstr("longer than"), HasSubstr("deadline")));
  EXPECT_EQ(at("cliff_kubeproxy_up"), 0);
}

TEST_F(KubeProxyTest, OneThatSaysNothingMoreIsNotWaitedForForever) {
  stand_in_->answer("/metrics", StandIn::stalls_after("HTTP/1.1 200 OK\r\n\r\nx 1\n"));
  const auto began = Clock::now();
  refresh(0s);
  EXPECT_LT(Clock::now() - began, 8s);
  EXPECT_THAT(why(), HasSubstr("deadline"));
  EXPECT_EQ(at("cliff_kubeproxy_up"), 0);
}

// nft, kept running and fed line by line, is what kube-proxy is from 1.37 on: one process that
// writes nftables over netlink, again and again.
class RulesetBusyTest : public KubeProxyTest {
 protected:
  // A transaction of that many rules, in a file.
  std::string transaction(int rules) {
    const std::string path = files_.path() / "rules.nft";
    std::ofstream out{path};
    out << "table ip kube-proxy\ndelete table ip kube-proxy\n"
           "table ip kube-proxy {\nchain services {\n";
    for (int i = 0; i < rules; ++i) {
      out << "ip daddr 10." << i / 65'536 << "." << i / 256 % 256 << "." << i % 256
          << " tcp dport 80 counter accept\n";
    }
    out << "}\n}\n";
    return path;
  }

  // As a worker's thread would, four times as often.
  void watch(std::chrono::milliseconds time) {
    for (const auto end = Clock::now() + time; Clock::now() < end;) {
      refresh_at(Clock::now());
      EXPECT_EQ(why(), "");
      longest_running_ = std::max(longest_running_, at("cliff_ruleset_busy_running_seconds"));
      std::this_thread::sleep_for(250ms);
    }
  }

  // Watches from before the process hears the line until it has been still for a while; for how
  // long it was at work, in seconds.
  double watch_at_work(const KubeProxy& process, const std::string& line) {
    const auto began = Clock::now();
    process.say(line);
    auto work = std::async(std::launch::async, [&] {
      process.wait_until_still();
      return Clock::now() - began;
    });
    while (work.wait_for(0s) != std::future_status::ready) {
      watch(250ms);
    }
    watch(1s);
    return Seconds{work.get()}.count();
  }

  FileTree files_;
  double longest_running_ = 0;
};

TEST_F(RulesetBusyTest, TellsWhenAProcessThatSpeaksNetlinkWasAtWork) {
  const std::string rules = transaction(60'000);
  speaks("nftables", metrics(wall_clock(), 1));
  const KubeProxy process{"nft", {"-i"}};
  watch(1s);
  EXPECT_EQ(at("cliff_ruleset_busy_seconds_count"), 0);
  const double took = watch_at_work(process, "include \"" + rules + "\"\n");

  EXPECT_EQ(at("cliff_ruleset_busy_seconds_count"), 1);
  EXPECT_NEAR(at("cliff_ruleset_busy_seconds_sum"), took, 0.3 * took + 0.1);
  EXPECT_GT(longest_running_, took / 4) << "seen while it went on";
  EXPECT_EQ(at("cliff_ruleset_busy_running_seconds"), 0);
}

TEST_F(RulesetBusyTest, WorkOfOthersOnTheRulesetIsNotKubeProxys) {
  speaks("nftables", metrics(wall_clock(), 1));
  const KubeProxy process{"nft", {"-i"}};
  watch(500ms);
  ASSERT_THAT(nft({"-f", transaction(20'000)}), has_value());
  watch(1s);
  EXPECT_EQ(at("cliff_ruleset_busy_seconds_count"), 0);
}

}  // namespace
}  // namespace kubecliff::test
