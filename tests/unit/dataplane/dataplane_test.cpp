// What the collector makes of what it is told and of /proc; real rules and maps are for
// tests/integration/dataplane.
#include "collectors/dataplane/dataplane.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/core/dataplane_signs.h"
#include "tests/support/figures.h"
#include "tests/support/file_tree.h"
#include "tests/support/served_collector.h"

namespace kubecliff::dataplane {
namespace {

using namespace std::chrono_literals;
using test::Figures;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

class DataplaneTest : public testing::Test {
 protected:
  DataplaneTest() {
    CollectorContext context;
    context.procfs = proc_.path();
    context.dataplane_signs = signs_;
    context.options = Options{{{"dataplane.bpf-fs", (proc_.path() / "bpf").native()}}};
    served_ = std::make_unique<test::ServedCollector>(spec(), "kubecliff_", context);
  }

  // There is no bpffs, and so nobody else who would tell of eBPF.
  void tell_all(Dataplane carries, KubeProxyWord word) {
    for (const Dataplane dataplane : kDataplanes) {
      signs_->tell(dataplane,
                   {.sign = dataplane == carries ? Sign::carries : Sign::absent, .services = 7},
                   Clock::now());
    }
    signs_->tell(word, Clock::now());
  }
  [[nodiscard]] bool has(const std::string& figure) const {
    return served_->figures().contains(figure);
  }
  [[nodiscard]] double at(const std::string& figure) const {
    return has(figure) ? served_->figures().at(figure) : -1;
  }

  test::FileTree proc_;
  std::shared_ptr<DataplaneSigns> signs_ = std::make_shared<DataplaneSigns>();
  std::unique_ptr<test::ServedCollector> served_;
};

TEST_F(DataplaneTest, GivesNoVerdictBeforeAllHaveLooked) {
  served_->refresh();
  EXPECT_FALSE(has("dataplane_mode{ebpf,kernel}"));
  EXPECT_FALSE(has("dataplane_mode{nftables,kernel}"));
  EXPECT_FALSE(has("dataplane_mode{nftables,kube-proxy}"));
  EXPECT_FALSE(has("dataplane_mode{none,verdict}"));
  EXPECT_FALSE(has("dataplane_conflict{leftovers}"));

  tell_all(Dataplane::nftables, KubeProxyWord::nftables);
  EXPECT_EQ(served_->refresh(), RefreshKind::full);
  EXPECT_EQ(at("dataplane_mode{nftables,kernel}"), 1);
  EXPECT_EQ(at("dataplane_mode{iptables-nft,kernel}"), 0);
  EXPECT_EQ(at("dataplane_mode{nftables,kube-proxy}"), 1);
  EXPECT_EQ(at("dataplane_mode{iptables,kube-proxy}"), 0);
  EXPECT_EQ(at("dataplane_mode{nftables,verdict}"), 1);
  EXPECT_EQ(at("dataplane_mode{none,verdict}"), 0);
  EXPECT_EQ(at("dataplane_conflict{leftovers}"), 0);
}

TEST_F(DataplaneTest, WaitsHalfAMinuteForThoseWhoNeverLook) {
  signs_->tell(Dataplane::iptables_nft, {.sign = Sign::carries, .services = 7}, Clock::now());
  served_->refresh();
  served_->refresh(29s);
  EXPECT_FALSE(has("dataplane_mode{iptables-nft,verdict}"));
  served_->refresh(1s);
  EXPECT_EQ(at("dataplane_mode{iptables-nft,verdict}"), 1);
  EXPECT_FALSE(has("dataplane_mode{ipvs,kernel}"));
}

TEST_F(DataplaneTest, WhereNobodySeesAnythingThereIsNoVerdict) {
  served_->refresh();
  served_->refresh(60s);
  EXPECT_FALSE(has("dataplane_mode{none,verdict}"));
  EXPECT_EQ(at("dataplane_conflict{kube_proxy_disagrees}"), 0);
}

// Its collector fails, or was turned off.
TEST_F(DataplaneTest, ForgetsWhatIsNotToldAgain) {
  tell_all(Dataplane::nftables, KubeProxyWord::nftables);
  served_->refresh(4min);
  EXPECT_EQ(at("dataplane_mode{nftables,verdict}"), 1);
  EXPECT_EQ(at("dataplane_mode{nftables,kube-proxy}"), 1);
  served_->refresh(2min);
  EXPECT_FALSE(has("dataplane_mode{nftables,kernel}"));
  EXPECT_FALSE(has("dataplane_mode{nftables,kube-proxy}"));
  EXPECT_FALSE(has("dataplane_mode{nftables,verdict}"));
}

TEST_F(DataplaneTest, CostsNothingWhileNothingChanges) {
  tell_all(Dataplane::ipvs, KubeProxyWord::ipvs);
  EXPECT_EQ(served_->refresh(), RefreshKind::full);
  EXPECT_EQ(served_->refresh(2s), RefreshKind::unchanged);
  signs_->tell(Dataplane::ipvs, {.sign = Sign::carries, .services = 8}, Clock::now());
  EXPECT_EQ(served_->refresh(2s), RefreshKind::unchanged) << "a Service more";
  tell_all(Dataplane::iptables_nft, KubeProxyWord::iptables);
  EXPECT_EQ(served_->refresh(2s), RefreshKind::full);
  EXPECT_EQ(at("dataplane_mode{iptables-nft,verdict}"), 1);
  EXPECT_EQ(served_->refresh(2s), RefreshKind::unchanged);
  EXPECT_EQ(served_->refresh(60s), RefreshKind::full) << "settings are read again";
}

TEST_F(DataplaneTest, ServesSettingsThatThereAre) {
  proc_.file("sys/net/ipv4/ip_local_port_range", "32768\t60999\n")
      .file("sys/net/ipv4/tcp_tw_reuse", "2\n")
      .file("sys/net/ipv4/conf/all/route_localnet", "0\n");
  served_->refresh();
  EXPECT_THAT(served_->misses(), IsEmpty());
  EXPECT_EQ(at("kernel_setting{net.ipv4.ip_local_port_range}"), 60'999 - 32'768 + 1);
  EXPECT_EQ(at("kernel_setting{net.ipv4.tcp_tw_reuse}"), 2);
  EXPECT_EQ(at("kernel_setting{net.ipv4.conf.all.route_localnet}"), 0);
  EXPECT_FALSE(has("kernel_setting{net.core.somaxconn}"));
}

TEST_F(DataplaneTest, RefusesSettingsThatAreNoNumbers) {
  for (const std::string_view range : {"32768", "60999\t32768", "1\t70000", "\t1", "1\t", ""}) {
    proc_.file("sys/net/ipv4/ip_local_port_range", range);
    served_->refresh(60s);
    EXPECT_THAT(served_->misses(),
                ElementsAre(Field(&Error::message, HasSubstr("ip_local_port_range"))))
        << range;
  }
}

TEST_F(DataplaneTest, WhatFailsGoesOnFailingUntilItIsReadAgain) {
  proc_.file("sys/net/core/somaxconn", "many\n");
  served_->refresh();
  EXPECT_EQ(served_->misses().size(), 1U);
  served_->refresh();
  EXPECT_EQ(served_->misses().size(), 1U);
  proc_.file("sys/net/core/somaxconn", "4096\n");
  served_->refresh(60s);
  EXPECT_THAT(served_->misses(), IsEmpty());
  EXPECT_EQ(at("kernel_setting{net.core.somaxconn}"), 4'096);
}

}  // namespace
}  // namespace kubecliff::dataplane
