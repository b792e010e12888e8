#include "exporter/report/make_report.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/collectors.h"
#include "collectors/core/samples.h"
#include "exporter/alerting/answers.h"
#include "exporter/report/facts.h"
#include "exporter/runner/self_metrics.h"

namespace kubecliff::report {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Pair;

// A node whose figures a test sets, under the names and labels that collectors declare.
class MakeReportTest : public testing::Test {
 protected:
  MakeReportTest() {
    remember_checks(default_checks(), history_);
    remember_facts(history_);
  }

  void serve(std::string_view family, std::initializer_list<std::string_view> labels,
             double value) {
    for (const CollectorSpec& spec : collector_specs()) {
      for (const FamilySpec& one : spec.families) {
        if (one.name == family) {
          samples_.add(one, labels, value);
          return;
        }
      }
    }
    FAIL() << "no collector serves " << family;
  }
  void scrape(Clock::duration at) {
    now_ = {.steady = Clock::time_point{} + at, .wall = WallClock::time_point{} + at};
    const std::vector snapshots{SnapshotPtr{std::make_shared<const Snapshot>(samples_.take())}};
    history_.take(now_.steady, snapshots);
  }
  [[nodiscard]] Report report(seconds covers, const AlertStates* alerts = nullptr) const {
    return make_report({.node = "worker-1", .kernel = "6.1.0", .version = "1"},
                       {.checks = default_checks(),
                        .history = history_,
                        .moment = now_,
                        .covers = covers,
                        .alerts = alerts});
  }
  static std::vector<std::pair<std::string, double>> facts(const Report& report,
                                                           std::string_view section) {
    std::vector<std::pair<std::string, double>> found;
    for (const Section& one : report.sections) {
      for (const Fact& fact : one.facts) {
        if (one.id == section) {
          found.emplace_back(fact.id, fact.value);
        }
      }
    }
    return found;
  }

  Samples samples_;
  History history_;
  Moment now_;
};

TEST_F(MakeReportTest, FindsWhatIsExceededTheWorstFirstWithWhatToDo) {
  serve("kubecliff_iptables_services", {"nft", "ipv4"}, 2'500);
  serve("kubecliff_conntrack_entries", {}, 900);
  serve("kubecliff_conntrack_entries_limit", {}, 1'000);
  scrape(minutes{1});
  const Report made = report(seconds{2});

  ASSERT_EQ(made.findings.size(), 2U);
  const Finding& worst_one = made.findings.front();
  EXPECT_EQ(worst_one.check, "conntrack_use");
  EXPECT_EQ(worst_one.alert, "KubecliffConntrackUse");
  EXPECT_EQ(worst_one.severity, Severity::critical);
  EXPECT_EQ(worst_one.summary, "The connection tracking table of worker-1 is 90% full");
  EXPECT_FALSE(worst_one.next.empty());
  EXPECT_TRUE(worst_one.runbook.ends_with("/alerts/runbooks/KubecliffConntrackUse.md"));
  EXPECT_EQ(worst_one.firing_since, std::nullopt);
  EXPECT_EQ(made.findings.back().check, "services_in_iptables");
  EXPECT_EQ(made.findings.back().severity, Severity::warning);
  EXPECT_EQ(worst(made), Severity::critical);
}

TEST_F(MakeReportTest, PutsEachFigureBesideItsBounds) {
  serve("kubecliff_conntrack_entries", {}, 500);
  serve("kubecliff_conntrack_entries_limit", {}, 1'000);
  scrape(minutes{1});
  const Report made = report(seconds{2});
  ASSERT_FALSE(made.measures.empty());
  const Measure& use = made.measures.front();
  EXPECT_EQ(use.check, "conntrack_use");
  EXPECT_EQ(use.value, 0.5);
  EXPECT_EQ(use.bounds.size(), 2U);
  EXPECT_EQ(use.exceeded, std::nullopt);
  EXPECT_THAT(made.findings, IsEmpty());
  EXPECT_EQ(worst(made), std::nullopt);
}

TEST_F(MakeReportTest, TellsTheModeAndItsConflicts) {
  serve("kubecliff_dataplane_mode", {"iptables-nft", "verdict"}, 1);
  serve("kubecliff_dataplane_mode", {"ipvs", "verdict"}, 0);
  serve("kubecliff_dataplane_mode", {"ipvs", "kernel"}, 1);
  serve("kubecliff_kubeproxy_mode", {"ipvs"}, 1);
  serve("kubecliff_dataplane_conflict", {"leftover_ipvs"}, 1);
  serve("kubecliff_dataplane_conflict", {"both_backends"}, 0);
  scrape(minutes{1});
  const Mode mode = report(seconds{2}).mode;
  EXPECT_EQ(mode.verdict, "iptables-nft");
  EXPECT_EQ(mode.kube_proxy_mode, "ipvs");
  EXPECT_THAT(mode.conflicts, ElementsAre("leftover_ipvs"));
}

TEST_F(MakeReportTest, SaysWhenATableThatGrowsIsFull) {
  for (int minute = 0; minute <= 10; ++minute) {
    serve("kubecliff_conntrack_entries", {}, 1'000 + 100 * minute);
    serve("kubecliff_conntrack_entries_limit", {}, 5'000);
    scrape(minutes{minute});
  }
  EXPECT_THAT(facts(report(minutes{10}), "conntrack"),
              ElementsAre(Pair("conntrack_entries", 2'000), Pair("conntrack_limit", 5'000),
                          Pair("conntrack_growth", testing::DoubleNear(100, 1e-6)),
                          Pair("conntrack_full_in_seconds", testing::DoubleNear(1'800, 1e-3))));
  // Two seconds say nothing of a trend.
  EXPECT_THAT(facts(report(seconds{2}), "conntrack"),
              ElementsAre(Pair("conntrack_entries", 2'000), Pair("conntrack_limit", 5'000)));
}

// A burst: the line through the last half hour lies far from where the table is now.
TEST_F(MakeReportTest, ATableThatJumpsGrows) {
  for (int minute = 0; minute <= 10; ++minute) {
    serve("kubecliff_conntrack_entries", {}, minute < 9 ? 1'000 : 6'000);
    serve("kubecliff_conntrack_entries_limit", {}, 10'000);
    scrape(minutes{minute});
  }
  const auto made = facts(report(minutes{10}), "conntrack");
  const auto growth =
      std::ranges::find(made, "conntrack_growth", &decltype(made)::value_type::first);
  ASSERT_NE(growth, made.end());
  // By least squares: minutes 0 to 8 at 1,000, 9 and 10 at 6,000.
  EXPECT_NEAR(growth->second, 409.09, 0.01);
}

// A clash counts as a drop and as insert_failed, a chain that is too long as insert_failed alone.
TEST_F(MakeReportTest, ClashesAreNotAmongThePacketsThatCannotBeTracked) {
  for (int minute = 0; minute <= 6; ++minute) {
    serve("kubecliff_conntrack_drop_total", {}, 60 * 5 * minute);
    serve("kubecliff_conntrack_insert_failed_total", {}, 60 * 4 * minute);
    serve("kubecliff_conntrack_chain_too_long_total", {}, 60 * 1 * minute);
    scrape(minutes{minute});
  }
  EXPECT_THAT(facts(report(minutes{6}), "conntrack"),
              IsSupersetOf({Pair("conntrack_drops", testing::DoubleNear(2, 1e-6)),
                            Pair("conntrack_insert_failed", testing::DoubleNear(4, 1e-6))}));
}

TEST_F(MakeReportTest, OfManyKindsOfFlowsTellsTheFiveThatAreMost) {
  const std::vector<std::string_view> states{"established", "time_wait", "close",     "syn_sent",
                                             "fin_wait",    "last_ack",  "close_wait"};
  for (std::size_t i = 0; i < states.size(); ++i) {
    serve("kubecliff_conntrack_flows", {"tcp", states[i]}, static_cast<double>(i + 1));
  }
  scrape(minutes{1});
  EXPECT_THAT(facts(report(seconds{2}), "conntrack"),
              ElementsAre(Pair("conntrack_flows", 7), Pair("conntrack_flows", 6),
                          Pair("conntrack_flows", 5), Pair("conntrack_flows", 4),
                          Pair("conntrack_flows", 3)));
}

TEST_F(MakeReportTest, WhereSomebodyWatchesTellsSinceWhenAnAlertFires) {
  AlertStates states{default_checks(), {}};
  for (int minute = 0; minute <= 3; ++minute) {
    serve("kubecliff_conntrack_entries", {}, 900);
    serve("kubecliff_conntrack_entries_limit", {}, 1'000);
    scrape(minutes{minute});
    EXPECT_THAT(states.evaluate(history_, now_), IsEmpty());
  }
  const Report made = report(minutes{3}, &states);
  EXPECT_TRUE(made.from_daemon);
  ASSERT_EQ(made.findings.size(), 1U);
  // It holds for a minute before it fires.
  EXPECT_EQ(made.findings.front().firing_since, WallClock::time_point{} + minutes{1});
}

TEST_F(MakeReportTest, OfNothingIsEmpty) {
  const Report made = report(seconds{0});
  EXPECT_EQ(made.node, "worker-1");
  EXPECT_EQ(made.mode.verdict, "");
  EXPECT_THAT(made.findings, IsEmpty());
  EXPECT_THAT(made.sections, IsEmpty());
  EXPECT_THAT(made.failures, IsEmpty());
}

}  // namespace
}  // namespace kubecliff::report
