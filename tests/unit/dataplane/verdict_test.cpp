#include "collectors/dataplane/verdict.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff::dataplane {
namespace {

using testing::ElementsAreArray;

constexpr auto kLegacy = Dataplane::iptables_legacy;
constexpr auto kNft = Dataplane::iptables_nft;
constexpr auto kNftables = Dataplane::nftables;
constexpr auto kIpvs = Dataplane::ipvs;
constexpr auto kEbpf = Dataplane::ebpf;

struct Told {
  Dataplane dataplane;
  Sign sign = Sign::carries;
  std::uint32_t services = 100;
};

// What nobody names is absent.
Evidence evidence(const std::vector<Told>& signs, KubeProxyWord word) {
  Evidence evidence{.kube_proxy = word};
  for (Finding& finding : evidence.findings) {
    finding.sign = Sign::absent;
  }
  for (const auto& [dataplane, sign, services] : signs) {
    evidence.findings[static_cast<std::size_t>(dataplane)] = {.sign = sign, .services = services};
  }
  return evidence;
}

struct Case {
  std::string_view what;
  std::vector<Told> signs;
  KubeProxyWord word;
  std::optional<Dataplane> mode;
  std::vector<std::string_view> conflicts = {};
  bool replaces = false;  // eBPF was set up to take kube-proxy's place
  bool known = true;
};

class VerdictTest : public testing::TestWithParam<std::vector<Case>> {};

TEST_P(VerdictTest, FollowsFromTheSigns) {
  for (const Case& c : GetParam()) {
    SCOPED_TRACE(c.what);
    Evidence told = evidence(c.signs, c.word);
    told.ebpf_replaces_kube_proxy = c.replaces;
    const Verdict verdict = judge(told);
    EXPECT_EQ(verdict.mode, c.mode);
    EXPECT_EQ(verdict.known, c.known);
    std::vector<std::string_view> found;
    for (const Conflict conflict : kConflicts) {
      if (verdict.has(conflict)) {
        found.push_back(name(conflict));
      }
    }
    EXPECT_THAT(found, ElementsAreArray(c.conflicts));
  }
}

INSTANTIATE_TEST_SUITE_P(
    CleanModes, VerdictTest,
    testing::Values(std::vector<Case>{
        {"nothing at all", {}, KubeProxyWord::silent, std::nullopt},
        {"nothing, and kube-proxy says nothing", {}, KubeProxyWord::untold, std::nullopt},
        {"legacy", {{kLegacy}}, KubeProxyWord::iptables, kLegacy},
        {"nft", {{kNft}}, KubeProxyWord::iptables, kNft},
        {"nftables", {{kNftables}}, KubeProxyWord::nftables, kNftables},
        {"IPVS", {{kIpvs}}, KubeProxyWord::ipvs, kIpvs},
        {"eBPF", {{kEbpf}}, KubeProxyWord::silent, kEbpf},
        {"kube-proxy does not answer", {{kNft}}, KubeProxyWord::untold, kNft},
        {"nobody looks after the rules", {{kNft}}, KubeProxyWord::silent, kNft},
        {"a mode that is new to us", {{kNft}}, KubeProxyWord::other, kNft},
        {"Cilium beside kube-proxy", {{kNft}, {kEbpf}}, KubeProxyWord::iptables, kNft},
        {"the same, and it does not answer", {{kNft}, {kEbpf}}, KubeProxyWord::untold, kNft},
        {"untold beside what carries",
         {{kNft}, {kLegacy, Sign::untold}},
         KubeProxyWord::iptables,
         kNft},
        {"kube-proxy is down beside Cilium", {{kNft}, {kEbpf}}, KubeProxyWord::silent, kNft},
        {"nobody may look at what kube-proxy names",
         {{kNftables, Sign::untold}},
         KubeProxyWord::nftables,
         std::nullopt,
         {},
         false,
         false},
        {"nobody may look at bpffs",
         {{kEbpf, Sign::untold}},
         KubeProxyWord::silent,
         std::nullopt,
         {},
         false,
         false},
    }));

INSTANTIATE_TEST_SUITE_P(Conflicts, VerdictTest,
                         testing::Values(std::vector<Case>{
                             {"both backends: where the most Services are",
                              {{kLegacy, Sign::carries, 10}, {kNft, Sign::carries, 20}},
                              KubeProxyWord::iptables,
                              kNft,
                              {"legacy_and_nft"}},
                             {"both backends, the other way round",
                              {{kLegacy, Sign::carries, 20}, {kNft, Sign::carries, 10}},
                              KubeProxyWord::untold,
                              kLegacy,
                              {"legacy_and_nft"}},
                             {"rules of iptables after a move to IPVS, more of them than servers",
                              {{kNft, Sign::carries, 200}, {kIpvs, Sign::carries, 100}},
                              KubeProxyWord::ipvs,
                              kIpvs,
                              {"iptables_and_ipvs"}},
                             {"the device of IPVS after a move to iptables",
                              {{kNft}, {kIpvs, Sign::remains, 0}},
                              KubeProxyWord::iptables,
                              kNft,
                              {"iptables_and_ipvs", "leftovers"}},
                             {"rules of iptables beside the table",
                              {{kNft}, {kNftables}},
                              KubeProxyWord::nftables,
                              kNftables,
                              {"iptables_and_nftables"}},
                             {"the device of IPVS beside the table",
                              {{kNftables}, {kIpvs, Sign::remains, 0}},
                              KubeProxyWord::nftables,
                              kNftables,
                              {"ipvs_and_nftables", "leftovers"}},
                             {"kube-proxy says one thing and the kernel another",
                              {{kNft}},
                              KubeProxyWord::ipvs,
                              kNft,
                              {"kube_proxy_disagrees"}},
                             {"kube-proxy has written nothing",
                              {},
                              KubeProxyWord::nftables,
                              std::nullopt,
                              {"kube_proxy_disagrees"}},
                             {"what it wrote carries nothing",
                              {{kNft, Sign::remains, 100}},
                              KubeProxyWord::iptables,
                              std::nullopt,
                              {"kube_proxy_disagrees", "leftovers"}},
                             {"rules that nobody looks after beside eBPF",
                              {{kNft, Sign::carries, 500}, {kEbpf, Sign::carries, 1}},
                              KubeProxyWord::silent,
                              kEbpf,
                              {"leftovers"},
                              true},
                             {"all at once",
                              {{kLegacy}, {kNft}, {kNftables}, {kIpvs}, {kEbpf}},
                              KubeProxyWord::silent,
                              kEbpf,
                              {"legacy_and_nft", "iptables_and_ipvs", "iptables_and_nftables",
                               "ipvs_and_nftables", "leftovers"},
                              true},
                         }));

}  // namespace
}  // namespace kubecliff::dataplane
