#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/core/samples.h"
#include "exporter/preflight/figures.h"
#include "exporter/preflight/gather.h"

namespace kubecliff::preflight {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FeaturesTest : public testing::Test {
 protected:
  void serve(const FamilySpec& family, std::initializer_list<std::string_view> labels,
             double value) {
    samples_.add(family, labels, value);
  }
  std::optional<Features> features(std::string_view mode) {
    figures_.take({.families = samples_.take()});
    return features_of(mode, figures_);
  }

  Samples samples_;
  Figures figures_;
};

FamilySpec of_iptables(std::string_view name) {
  return {.name = name, .help = "", .labels = {"backend", "family"}, .max_series = 4};
}

TEST_F(FeaturesTest, OfIptablesAreThoseOfTheModesBackend) {
  const FamilySpec chains{.name = "kubecliff_iptables_kube_chains",
                          .help = "",
                          .labels = {"backend", "family", "table", "class"},
                          .max_series = 9};
  for (const auto& [backend, factor] : {std::pair{"nft", 1}, std::pair{"legacy", 10}}) {
    for (const std::string_view family : {"ipv4", "ipv6"}) {
      serve(of_iptables("kubecliff_iptables_services"), {backend, family}, 3 * factor);
      serve(of_iptables("kubecliff_iptables_endpoints"), {backend, family}, 6 * factor);
      serve(of_iptables("kubecliff_iptables_nodeports"), {backend, family}, 2 * factor);
      serve(of_iptables("kubecliff_iptables_affinity_rules"), {backend, family}, 4 * factor);
    }
    serve(chains, {backend, "ipv4", "nat", "fw"}, 5 * factor);
    serve(chains, {backend, "ipv4", "filter", "fw"}, 100);
  }
  const auto nft = features("iptables-nft");
  ASSERT_TRUE(nft);
  EXPECT_EQ(nft->services, 3U) << "of one address family";
  EXPECT_EQ(nft->endpoints, 6U);
  EXPECT_EQ(nft->node_ports, 2U);
  EXPECT_EQ(nft->affinity, 4U);
  EXPECT_EQ(nft->source_ranges, 5U);
  EXPECT_EQ(nft->local_policy, 0U) << "no such chains beside others";
  EXPECT_EQ(features_of("iptables-legacy", figures_)->services, 30U);
}

TEST_F(FeaturesTest, OfNftablesTellAffinityByTheSetsThatHaveNoFixedName) {
  const FamilySpec by_family{.name = "", .help = "", .labels = {"family"}, .max_series = 2};
  FamilySpec services = by_family;
  services.name = "kubecliff_nftables_services";
  const FamilySpec sets{.name = "kubecliff_nftables_sets",
                        .help = "",
                        .labels = {"family", "table"},
                        .max_series = 2};
  const FamilySpec elements{.name = "kubecliff_nftables_elements",
                            .help = "",
                            .labels = {"family", "table", "set"},
                            .max_series = 16};
  serve(services, {"ipv4"}, 7);
  serve(services, {"ipv6"}, 7);
  serve(sets, {"ipv4", "kube-proxy"}, 5);
  serve(sets, {"ipv6", "kube-proxy"}, 1);
  for (const std::string_view set : {"cluster-ips", "nodeport-ips"}) {
    serve(elements, {"ipv4", "kube-proxy", set}, 1);
  }
  serve(elements, {"ipv6", "kube-proxy", "cluster-ips"}, 1);
  serve(elements, {"ipv4", "kube-proxy", "service-nodeports"}, 9);
  const auto found = features("nftables");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->services, 7U);
  EXPECT_EQ(found->affinity, 3U);
  EXPECT_EQ(found->node_ports, 9U);
  EXPECT_EQ(found->source_ranges, 0U);
  EXPECT_EQ(found->local_policy, std::nullopt);
}

TEST_F(FeaturesTest, OfIpvsComeFromItsSets) {
  serve({.name = "kubecliff_ipvs_virtual_servers",
         .help = "",
         .labels = {"family", "protocol", "scheduler"},
         .max_series = 4},
        {"ipv4", "tcp", "rr"}, 12);
  const FamilySpec entries{
      .name = "kubecliff_ipset_entries", .help = "", .labels = {"set"}, .max_series = 9};
  serve(entries, {"KUBE-NODE-PORT-TCP"}, 3);
  serve(entries, {"KUBE-6-NODE-PORT-UDP"}, 1);
  serve(entries, {"KUBE-CLUSTER-IP"}, 100);
  serve(entries, {"KUBE-LOAD-BALANCER-FW"}, 2);
  const auto found = features("ipvs");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->services, 12U);
  EXPECT_EQ(found->node_ports, 3U);
  EXPECT_EQ(found->source_ranges, 2U);
  EXPECT_EQ(found->affinity, std::nullopt) << "not seen";
}

TEST_F(FeaturesTest, AreNothingWhereTheModesCollectorFoundNone) {
  for (const std::string_view mode : {"iptables-nft", "nftables", "ipvs", "ebpf", "none", ""}) {
    EXPECT_EQ(features(mode).has_value(), false) << mode;
  }
}

TEST_F(FeaturesTest, FiguresAreFoundByLabels) {
  const FamilySpec mode{.name = "mode", .help = "", .labels = {"mode", "signal"}, .max_series = 4};
  serve(mode, {"ipvs", "verdict"}, 0);
  serve(mode, {"nftables", "verdict"}, 1);
  serve(mode, {"ipvs", "kernel"}, 1);
  figures_.take({.families = samples_.take()});
  EXPECT_THAT(figures_.ones("mode", "mode", {{"signal", "verdict"}}), ElementsAre("nftables"));
  EXPECT_THAT(figures_.ones("mode", "mode", {{"signal", "told"}}), IsEmpty());
  EXPECT_EQ(figures_.sum("mode", {{"mode", "ipvs"}}), 1U);
  EXPECT_EQ(figures_.sum("mode", {{"mode", "ebpf"}}), std::nullopt);
  EXPECT_EQ(figures_.sum("other"), std::nullopt);
}

}  // namespace
}  // namespace kubecliff::preflight
