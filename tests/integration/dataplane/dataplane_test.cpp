// The verdict on real rules, servers and maps, made by the collectors that read them, and the whole
// program while a node moves from one mode to another.
#include "collectors/dataplane/dataplane.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/core/dataplane_signs.h"
#include "collectors/dataplane/requirements.h"
#include "collectors/dataplane/service_maps.h"
#include "collectors/iptables/iptables.h"
#include "collectors/ipvs/ipvs.h"
#include "collectors/nftables/nftables.h"
#include "tests/integration/dataplane/cilium_maps.h"
#include "tests/integration/kubeproxy/stand_in.h"
#include "tests/integration/program/program.h"
#include "tests/support/fake_collector.h"
#include "tests/support/network_namespace.h"
#include "tests/support/nftables_ruleset.h"
#include "tests/support/result_matchers.h"
#include "tests/support/ruleset.h"
#include "tests/support/run_tool.h"
#include "tests/support/served_collector.h"
#include "tests/support/text.h"

namespace kubecliff::dataplane {
namespace {

using namespace std::chrono_literals;
using test::Backend;
using test::CiliumMaps;
using test::concat;
using test::fails_with;
using test::Family;
using test::has_value;
using test::must_run;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;

// All collectors that tell of a dataplane, in the test's network namespace, with a bpffs.
class Node {
 public:
  explicit Node(const CiliumMaps& maps)
      : iptables_{iptables::spec(), "kubecliff_", context({})},
        nftables_{nftables::spec(), "kubecliff_", context({})},
        // What others put addresses on is nobody's dataplane.
        ipvs_{ipvs::spec(), "kubecliff_ip",
              context(Options{{{"ipvs.devices", std::string{"lo"}}}})},
        dataplane_{spec(), "kubecliff_",
                   context(Options{{{"dataplane.bpf-fs", maps.bpf_fs().native()}}})} {}

  void kube_proxy_says(KubeProxyWord word) { word_ = word; }

  // So much later that everything is looked at again.
  void refresh() {
    constexpr auto kLater = 11min;
    now_ += kLater;
    signs_->tell(word_, now_);
    for (test::ServedCollector* collector : {&iptables_, &nftables_, &ipvs_, &dataplane_}) {
      collector->refresh(kLater);
      EXPECT_THAT(collector->misses(), IsEmpty());
    }
  }
  // The modes for which the signal is 1.
  std::vector<std::string> modes(std::string_view signal) {
    return ones("dataplane_mode{", concat(",", signal, "}"));
  }
  std::vector<std::string> conflicts() { return ones("dataplane_conflict{", "}"); }
  [[nodiscard]] const test::Figures& figures() const { return dataplane_.figures(); }

 private:
  CollectorContext context(const Options& options) {
    CollectorContext context;
    context.options = options;
    context.dataplane_signs = signs_;
    return context;
  }
  std::vector<std::string> ones(std::string_view prefix, std::string_view suffix) {
    std::vector<std::string> names;
    for (const auto& [figure, value] : dataplane_.figures()) {
      if (value == 1 && figure.starts_with(prefix) && figure.ends_with(suffix)) {
        names.push_back(
            figure.substr(prefix.size(), figure.size() - prefix.size() - suffix.size()));
      }
    }
    return names;
  }

  std::shared_ptr<DataplaneSigns> signs_ = std::make_shared<DataplaneSigns>();
  KubeProxyWord word_ = KubeProxyWord::silent;
  Clock::time_point now_ = Clock::now();
  test::ServedCollector iptables_;
  test::ServedCollector nftables_;
  test::ServedCollector ipvs_;
  test::ServedCollector dataplane_;
};

// A node of its own with a bpffs.
class NodeTest : public test::NetworkNamespaceTest {
 protected:
  void SetUp() override {
    NetworkNamespaceTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) {
      maps_.emplace();
      node_.emplace(*maps_);
    }
  }

  std::optional<CiliumMaps> maps_;
  std::optional<Node> node_;
};

class DataplaneOfRules : public NodeTest {
 protected:
  static void load(Backend backend, int services, Family family = Family::ipv4) {
    ASSERT_THAT(test::restore(backend, family,
                              test::Ruleset{test::varied(services, 3, family)}.restore_input()),
                has_value());
  }
  static void load_nftables(test::KubeProxyShape shape) {
    const test::NftablesRuleset ruleset{test::varied(20, 3), shape};
    ASSERT_THAT(test::nft({"-f", "-"}, ruleset.script()), has_value());
  }
  void expect(const std::vector<std::string>& kernel, std::string_view verdict,
              const std::vector<std::string>& conflicts = {}) {
    node_->refresh();
    EXPECT_THAT(node_->modes("kernel"), ElementsAreArray(kernel));
    EXPECT_THAT(node_->modes("verdict"), ElementsAre(verdict));
    EXPECT_THAT(node_->conflicts(), ElementsAreArray(conflicts));
  }
};

TEST_F(DataplaneOfRules, NoneWithoutAny) {
  expect({}, "none");
  // Others' rules and the kubelet's chains are no dataplane for Services.
  must_run({"iptables-nft-restore"},
           "*nat\n:KUBE-KUBELET-CANARY - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n"
           ":CNI-HOSTPORT-DNAT - [0:0]\n-A PREROUTING -j CNI-HOSTPORT-DNAT\nCOMMIT\n");
  must_run({"nft", "add table ip firewall"});
  expect({}, "none");
}

TEST_F(DataplaneOfRules, LegacyAndNftAreToldApart) {
  node_->kube_proxy_says(KubeProxyWord::iptables);
  load(Backend::nft, 20);
  load(Backend::nft, 20, Family::ipv6);
  expect({"iptables-nft"}, "iptables-nft");

  load(Backend::legacy, 60);
  expect({"iptables-legacy", "iptables-nft"}, "iptables-legacy", {"legacy_and_nft"});

  must_run({"iptables-nft-restore"}, "*nat\nCOMMIT\n*filter\nCOMMIT\n");
  expect({"iptables-legacy", "iptables-nft"}, "iptables-legacy", {"legacy_and_nft"});
  must_run({"ip6tables-nft-restore"}, "*nat\nCOMMIT\n*filter\nCOMMIT\n");
  expect({"iptables-legacy"}, "iptables-legacy");
}

TEST_F(DataplaneOfRules, ChainsThatNothingLeadsToAreLeftovers) {
  node_->kube_proxy_says(KubeProxyWord::nftables);
  load(Backend::legacy, 20);
  must_run({"iptables-legacy", "-t", "nat", "-F", "PREROUTING"});
  must_run({"iptables-legacy", "-t", "nat", "-F", "OUTPUT"});
  load_nftables(test::KubeProxyShape::from_1_36);
  expect({"nftables"}, "nftables", {"iptables_and_nftables", "leftovers"});
}

TEST_F(DataplaneOfRules, NftablesInBothShapes) {
  node_->kube_proxy_says(KubeProxyWord::nftables);
  load_nftables(test::KubeProxyShape::up_to_1_35);
  expect({"nftables"}, "nftables");
  load_nftables(test::KubeProxyShape::from_1_36);
  expect({"nftables"}, "nftables");

  node_->kube_proxy_says(KubeProxyWord::iptables);
  expect({"nftables"}, "nftables", {"kube_proxy_disagrees"});
  must_run({"nft", "flush ruleset"});
  must_run({"nft", "add table ip kube-proxy"});
  expect({}, "none", {"kube_proxy_disagrees", "leftovers"});
}

class DataplaneOfMaps : public NodeTest {
 protected:
  // Entries of the map as bpftool dumps it.
  [[nodiscard]] double dumped(std::string_view name) const {
    const auto run = test::run_tool({"bpftool", "map", "dump", "pinned", maps_->pin(name)});
    EXPECT_THAT(run, has_value());
    const std::string& text = run->out;  // ends with "Found 3 elements"
    const std::size_t at = text.rfind("Found ");
    EXPECT_NE(at, std::string::npos) << text << run->err;
    return at == std::string::npos ? -1 : std::stod(text.substr(at + 6));
  }
};

TEST_F(DataplaneOfMaps, CountsAsBpftoolDoes) {
  maps_->add("cilium_lb4_services_v2", 9'000);
  maps_->add("cilium_lb4_backends_v3", 5'000, 5'000);
  maps_->add("cilium_lb4_backends_v2", 1);
  maps_->add("cilium_lb6_services_v2", 0);
  maps_->add("cilium_lb6_backends_v2", 3);
  node_->refresh();
  const auto at = [&](std::string_view figure) { return node_->figures().at(std::string{figure}); };
  EXPECT_EQ(at("dataplane_map_entries{lb4_services}"), dumped("cilium_lb4_services_v2"));
  EXPECT_EQ(at("dataplane_map_entries{lb4_services}"), 9'000);
  EXPECT_EQ(at("dataplane_map_max_entries{lb4_services}"), 65'536);
  EXPECT_EQ(at("dataplane_map_entries{lb4_backends}"), dumped("cilium_lb4_backends_v3"));
  EXPECT_EQ(at("dataplane_map_max_entries{lb4_backends}"), 5'000) << "full";
  EXPECT_EQ(at("dataplane_map_entries{lb6_services}"), 0);
  EXPECT_EQ(at("dataplane_map_entries{lb6_backends}"), dumped("cilium_lb6_backends_v2"));

  EXPECT_THAT(node_->modes("kernel"), ElementsAre("ebpf"));
  EXPECT_THAT(node_->modes("verdict"), ElementsAre("ebpf"));
  EXPECT_THAT(node_->conflicts(), IsEmpty());

  maps_->fill("cilium_lb4_services_v2", 65'536);
  node_->refresh();
  EXPECT_EQ(node_->figures().at("dataplane_map_entries{lb4_services}"), 65'536);
}

TEST_F(DataplaneOfMaps, RulesBesideThemAreLeftoversOnceCiliumReplacesKubeProxy) {
  maps_->add("cilium_lb4_services_v2", 10);
  ASSERT_THAT(
      test::restore(Backend::nft, Family::ipv4, test::Ruleset{test::varied(20, 3)}.restore_input()),
      has_value());
  for (const KubeProxyWord word : {KubeProxyWord::iptables, KubeProxyWord::silent}) {
    node_->kube_proxy_says(word);
    node_->refresh();
    EXPECT_THAT(node_->modes("kernel"), ElementsAre("ebpf", "iptables-nft"));
    EXPECT_THAT(node_->modes("verdict"), ElementsAre("iptables-nft"));
    EXPECT_THAT(node_->conflicts(), IsEmpty())
        << "Cilium runs beside kube-proxy, which may be down";
  }
  maps_->add("cilium_nodeport_neigh4", 0);
  node_->refresh();
  EXPECT_THAT(node_->modes("verdict"), ElementsAre("ebpf"));
  EXPECT_THAT(node_->conflicts(), ElementsAre("leftovers"));
}

TEST_F(DataplaneOfMaps, EmptyMapsCarryNothing) {
  maps_->add("cilium_lb4_services_v2", 0);
  node_->refresh();
  EXPECT_THAT(node_->modes("kernel"), IsEmpty());
  EXPECT_THAT(node_->modes("verdict"), ElementsAre("none"));
}

TEST_F(DataplaneOfMaps, WithoutABpffsNothingIsKnown) {
  for (const std::string none : {"/proc", "/nonexistent"}) {
    const auto maps = read_service_maps(none);
    ASSERT_THAT(maps, has_value());
    EXPECT_FALSE(maps->has_value());
  }
}

TEST_F(DataplaneOfMaps, RefusesAMapThatIsNone) {
  maps_->add_array("cilium_lb4_services_v2");
  EXPECT_THAT(
      read_service_maps(maps_->bpf_fs()),
      fails_with(ErrorKind::malformed, HasSubstr("cilium_lb4_services_v2: not a map of Services")));
}

// Before Linux 5.19 it takes CAP_BPF to look into them; here, as always, the right to read the pin.
// Capabilities are a thread's.
TEST_F(DataplaneOfMaps, WithoutPrivilegeSeesThatTheyAreThere) {
  maps_->add("cilium_lb4_services_v2", 10);
  std::filesystem::permissions(maps_->pin("cilium_lb4_services_v2"), std::filesystem::perms::none);
  std::thread{[&] {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, 2> data{};
    ASSERT_EQ(::syscall(SYS_capget, &header, data.data()), 0);
    data[0].effective &= ~(CAP_TO_MASK(CAP_DAC_OVERRIDE) | CAP_TO_MASK(CAP_DAC_READ_SEARCH));
    ASSERT_EQ(::syscall(SYS_capset, &header, data.data()), 0);
    const auto maps = read_service_maps(maps_->bpf_fs());
    ASSERT_THAT(maps, has_value());
    ASSERT_TRUE(maps->has_value());
    const ServiceMap unknown{.name = "lb4_services", .entries = {}, .max_entries = {}};
    EXPECT_THAT((*maps)->maps, ElementsAre(unknown));
  }}.join();
}

class DataplaneOfProgram : public test::NetworkNamespaceTest {};

// As when kube-proxy is started anew with another --proxy-mode, with rules being changed all the
// time.
TEST_F(DataplaneOfProgram, FollowsAMoveWithinSeconds) {
  test::StandIn kube_proxy;
  kube_proxy.answer("/metrics", test::StandIn::text(""));
  kube_proxy.answer("/proxyMode", test::StandIn::text("iptables"));
  test::Ruleset ruleset{test::varied(200, 3)};
  ASSERT_THAT(test::restore(Backend::nft, Family::ipv4, ruleset.restore_input()), has_value());
  // Sanitizers make reading ten times as dear, and the budget would put off the next look.
  auto program =
      test::Program::start({"--web.listen-address=127.0.0.1:0", "--collector.cpu-budget=1",
                            "--collector.kubeproxy.url=" + kube_proxy.url()});
  ASSERT_THAT(program, has_value());
  const std::uint16_t port = (*program)->port_served();
  const auto is_one = [port](std::string_view family, std::string_view labels) {
    const std::string text = test::http_get(port, "/metrics?collect[]=dataplane");
    return text.find(concat("\nkubecliff_dataplane_", family, "{", labels, "} 1\n")) !=
           std::string::npos;
  };
  const auto follows = [&](std::string_view family, std::string_view labels) {
    EXPECT_TRUE(test::eventually([&] { return is_one(family, labels); })) << labels;
  };
  follows("mode", R"(mode="iptables-nft",signal="verdict")");

  std::atomic<bool> done = false;
  std::thread writer{[&] {
    while (!done) {
      std::ignore =
          test::restore(Backend::nft, Family::ipv4, ruleset.add_service(), test::Flush::none);
      std::this_thread::sleep_for(500ms);  // kube-proxy writes once a second at the most
    }
  }};
  const test::NftablesRuleset table{test::varied(200, 3), test::KubeProxyShape::from_1_36};
  EXPECT_THAT(test::nft({"-f", "-"}, table.script()), has_value());
  follows("conflict", R"(kind="iptables_and_nftables")");
  kube_proxy.answer("/proxyMode", test::StandIn::text("nftables"));
  done = true;
  writer.join();
  must_run({"nft", "delete table ip nat"});
  must_run({"nft", "delete table ip filter"});
  follows("mode", R"(mode="nftables",signal="verdict")");
  EXPECT_TRUE(
      test::eventually([&] { return !is_one("conflict", R"(kind="iptables_and_nftables")"); }));
}

// In an emulated kernel: the tests build on one another.
class DataplaneOfIpvs : public testing::Test {
 protected:
  CiliumMaps maps_;
  Node node_{maps_};
};

TEST_F(DataplaneOfIpvs, ModulesAreReadyBeforeTheyAreLoaded) {
  node_.refresh();
  EXPECT_THAT(node_.modes("verdict"), ElementsAre("none"));
  // Each is judged by modprobe, which only says what it would do.
  for (const Feature& feature : required_features()) {
    const std::string module{feature.module};
    const auto known = test::run_tool({"modprobe", "--dry-run", "--quiet", module});
    ASSERT_THAT(known, has_value());
    const std::string figure = concat("kernel_module_ready{", module, "}");
    ASSERT_TRUE(node_.figures().contains(figure));
    EXPECT_EQ(node_.figures().at(figure), known->exit_status == 0 ? 1 : 0) << module;
  }
}

TEST_F(DataplaneOfIpvs, DeviceAndServersTogetherAreTheMode) {
  must_run({"modprobe", "ip_vs"});
  must_run({"modprobe", "ip_vs_rr"});
  must_run({"ipvsadm", "-A", "-t", "10.96.0.1:443", "-s", "rr"});
  node_.refresh();
  EXPECT_THAT(node_.modes("verdict"), ElementsAre("none")) << "servers of somebody else";

  must_run({"ip", "link", "add", "kube-ipvs0", "type", "dummy"});
  node_.kube_proxy_says(KubeProxyWord::ipvs);
  node_.refresh();
  EXPECT_THAT(node_.modes("kernel"), ElementsAre("ipvs"));
  EXPECT_THAT(node_.modes("verdict"), ElementsAre("ipvs"));
  EXPECT_THAT(node_.conflicts(), IsEmpty());
}

TEST_F(DataplaneOfIpvs, FindsWhatAMoveLeftBehind) {
  node_.kube_proxy_says(KubeProxyWord::ipvs);
  ASSERT_THAT(
      test::restore(Backend::nft, Family::ipv4, test::Ruleset{test::plain(5, 2)}.restore_input()),
      has_value());
  node_.refresh();
  EXPECT_THAT(node_.modes("verdict"), ElementsAre("ipvs"));
  EXPECT_THAT(node_.conflicts(), ElementsAre("iptables_and_ipvs"));

  // KUBE-SERVICES is IPVS mode's by now, and leads to no Service's chain.
  must_run({"nft", "flush chain ip nat KUBE-SERVICES"});
  node_.refresh();
  EXPECT_THAT(node_.modes("kernel"), ElementsAre("ipvs"));
  EXPECT_THAT(node_.conflicts(), ElementsAre("iptables_and_ipvs", "leftovers"));

  must_run({"nft", "flush ruleset"});
  must_run({"ipvsadm", "-C"});
  const test::NftablesRuleset table{test::plain(5, 2), test::KubeProxyShape::from_1_36};
  ASSERT_THAT(test::nft({"-f", "-"}, table.script()), has_value());
  node_.kube_proxy_says(KubeProxyWord::nftables);
  node_.refresh();
  EXPECT_THAT(node_.modes("verdict"), ElementsAre("nftables"));
  EXPECT_THAT(node_.conflicts(), ElementsAre("ipvs_and_nftables", "leftovers"));

  must_run({"ip", "link", "delete", "kube-ipvs0"});
  node_.refresh();
  EXPECT_THAT(node_.conflicts(), IsEmpty());
}

}  // namespace
}  // namespace kubecliff::dataplane
