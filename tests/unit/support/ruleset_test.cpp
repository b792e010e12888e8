#include "tests/support/ruleset.h"

#include <array>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/iptables_save.h"

namespace kubecliff::test {
namespace {

// What the oracle reads from a text, as far as the generator predicts it.
ExpectedFigures read(const std::string& text) {
  const SavedRuleset saved = parse_iptables_save(text);
  const auto table = [&](std::string_view name) {
    const SavedTable& figures = saved.tables.find(name)->second;
    return ExpectedFigures::Table{figures.rules, figures.chains};
  };
  return {.nat = table("nat"),
          .filter = table("filter"),
          .mangle = table("mangle"),
          .services = saved.services,
          .endpoints = saved.endpoints,
          .node_ports = saved.node_ports,
          .no_endpoint_rules = saved.no_endpoint_rules,
          .affinity_rules = saved.affinity_rules,
          .masquerade_rules = saved.masquerade_rules,
          .worst_case_walk = saved.worst_case_walk};
}

// The chains are named for real Services; so said a real kube-proxy.
TEST(HashedChain, EqualsKubeProxys) {
  struct Case {
    std::string_view prefix;
    std::string of;
    std::string_view chain;
  };
  for (const Case& each : {
           Case{"KUBE-SVC-", "default/kubernetes:httpstcp", "KUBE-SVC-NPX46M4PTMTKRN6Y"},
           Case{"KUBE-SVC-", "kube-system/kube-dns:dnsudp", "KUBE-SVC-TCOU7JCQXEZGVUNU"},
           Case{"KUBE-SVC-", "kube-system/kube-dns:dns-tcptcp", "KUBE-SVC-ERIFXISQEP7F7OF4"},
           Case{"KUBE-SEP-", "namespace/svc0:8080tcp172.16.0.1:8080", "KUBE-SEP-CEKR4MZD3PGPVZWT"},
       }) {
    EXPECT_EQ(hashed_chain(each.prefix, each.of), each.chain) << each.of;
  }
}

// kube-proxy's own test counts what it writes each time: 5 nat rules, 3 filter rules, 2 + 3n for a
// ClusterIP with n endpoints, 1 filter rule for one without.
TEST(Ruleset, HasAsManyRulesAsKubeProxyWrites) {
  constexpr std::int64_t kNatJumps = 3;
  constexpr std::int64_t kFilterJumpsAndKubelets = 12;
  struct Case {
    int services;
    int endpoints;
    std::int64_t nat;
    std::int64_t filter;
  };
  for (const Case& each : {Case{0, 0, 5, 3}, Case{1, 0, 5, 4}, Case{1, 1, 10, 3}, Case{1, 2, 13, 3},
                           Case{1, 10, 37, 3}, Case{10, 0, 5, 13}, Case{10, 1, 55, 3},
                           Case{10, 2, 85, 3}, Case{10, 10, 325, 3}}) {
    SCOPED_TRACE(testing::Message() << each.services << " x " << each.endpoints);
    const ExpectedFigures figures = Ruleset{plain(each.services, each.endpoints)}.expected();
    EXPECT_EQ(figures.nat.rules - kNatJumps, each.nat);
    EXPECT_EQ(figures.filter.rules - kFilterJumpsAndKubelets, each.filter);
  }
}

TEST(Ruleset, OfTenThousandServicesHasTheMeasuredSize) {
  const ExpectedFigures figures = Ruleset{plain(10'000, 5)}.expected();
  EXPECT_EQ(figures.nat, (ExpectedFigures::Table{.rules = 170'008, .chains = 60'010}));
  EXPECT_EQ(figures.services, 10'000);
  EXPECT_EQ(figures.endpoints, 50'000);
}

TEST(Ruleset, TextHasTheExpectedFigures) {
  for (const Family family : kFamilies) {
    for (const int services : {0, 1, 13, 500}) {
      for (const int endpoints : {0, 1, 2, 5}) {
        for (const Comments comments : {Comments::all, Comments::large_cluster}) {
          for (RulesetShape shape :
               {plain(services, endpoints, family), varied(services, endpoints, family)}) {
            shape.comments = comments;
            const Ruleset ruleset{shape};
            ASSERT_EQ(read(ruleset.restore_input()), ruleset.expected())
                << services << " x " << endpoints << ' ' << label(family);
          }
        }
      }
    }
  }
}

TEST(Ruleset, IsSoundInItself) {
  const SavedRuleset saved = parse_iptables_save(Ruleset{varied(500, 5)}.restore_input());
  for (const auto& [name, table] : saved.tables) {
    EXPECT_EQ(table.duplicate_rules, 0) << name;
    EXPECT_EQ(table.unbalanced_service_chains, 0) << name;
    EXPECT_EQ(table.dangling_jumps, 0) << name;
  }
}

TEST(VariedRuleset, HasEveryFeatureFromThirteenServicesOn) {
  const SavedRuleset saved = parse_iptables_save(Ruleset{varied(13, 5)}.restore_input());
  for (const std::string_view kind : {"svc", "svl", "ext", "fw", "sep"}) {
    EXPECT_TRUE(saved.tables.at("nat").classes.contains(kind)) << kind;
  }
  EXPECT_GT(saved.node_ports, 0);
  EXPECT_GT(saved.affinity_rules, 0);
  EXPECT_GT(saved.no_endpoint_rules, 0);
  const std::string text = Ruleset{varied(13, 5)}.restore_input();
  for (const std::string_view part :
       {"-p udp", "-p sctp", "REJECT", "has no local endpoints\"", "health check node port"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
}

TEST(Ruleset, WithoutCommentsIsSmallerAndHasTheSameRules) {
  RulesetShape shape = plain(200, 5);
  const Ruleset with{shape};
  shape.comments = Comments::large_cluster;
  const Ruleset without{shape};
  EXPECT_LT(without.restore_input().size(), with.restore_input().size() * 4 / 5);
  EXPECT_EQ(without.expected(), with.expected());
}

TEST(Ruleset, PartialSyncLeavesOutUnchangedServices) {
  Ruleset ruleset{plain(100, 5)};
  const std::string all = ruleset.restore_input();
  const std::string added = ruleset.add_service();
  EXPECT_LT(added.size(), all.size() / 5);

  const auto count = [&](std::string_view prefix) {
    std::int64_t lines = 0;
    for (std::size_t at = added.find(prefix); at != std::string::npos;
         at = added.find(prefix, at + 1)) {
      ++lines;
    }
    return lines;
  };
  EXPECT_EQ(count("\n:KUBE-SVC-"), 1);
  EXPECT_EQ(count("\n:KUBE-SEP-"), 5);
  EXPECT_EQ(count("\n-A KUBE-SERVICES "), 102);
}

TEST(ForeignRules, CarryTheLabelsOfTheContract) {
  std::set<std::string_view> labels;
  for (const Owner owner : kOwners) {
    labels.insert(label(owner));
  }
  EXPECT_EQ(labels,
            (std::set<std::string_view>{"antrea", "aws-cni", "calico", "cilium", "cni-plugins",
                                        "docker", "firewalld", "flannel", "ip-masq-agent", "istio",
                                        "kube-router", "libvirt", "nodelocaldns", "ufw", "weave"}));
}

}  // namespace
}  // namespace kubecliff::test
