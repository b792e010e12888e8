#include "exporter/preflight/kube_proxy_settings.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"

namespace kubecliff::preflight {
namespace {

using test::fails_with;
using test::has_value;
using testing::ElementsAre;
using testing::HasSubstr;

std::string cmdline(const std::vector<std::string>& arguments) {
  std::string text;
  for (const std::string& argument : arguments) {
    text += argument;
    text += '\0';
  }
  return text;
}

TEST(ParseKubeProxyFlags, TakesThoseThatMatter) {
  const auto flags = parse_kube_proxy_flags(cmdline(
      {"/usr/local/bin/kube-proxy", "--v=2", "--proxy-mode", "ipvs", "--cluster_cidr=10.0.0.0/8",
       "--detect-local-mode=BridgeInterface", "--ipvs-scheduler=wrr", "--ipvs-strict-arp",
       "--nodeport-addresses=10.0.0.0/24,fd00::/64", "--masquerade-all=false",
       "--iptables-localhost-nodeports=F", "--conntrack-tcp-be-liberal=true",
       "--feature-gates=AllAlpha=maybe,NFTablesProxyMode=true,KubeProxyIPVS=false"}));
  ASSERT_THAT(flags, has_value());
  EXPECT_EQ(flags->config_file, "");
  const KubeProxySettings& told = flags->settings;
  EXPECT_EQ(told.mode, "ipvs");
  EXPECT_EQ(told.cluster_cidr, "10.0.0.0/8");
  EXPECT_EQ(told.detect_local_mode, "BridgeInterface");
  EXPECT_EQ(told.scheduler, "wrr");
  EXPECT_EQ(told.strict_arp, true);
  EXPECT_THAT(told.node_ports_on.value_or(std::vector<std::string>{}),
              ElementsAre("10.0.0.0/24", "fd00::/64"));
  EXPECT_EQ(told.masquerade_all, false);
  EXPECT_EQ(told.localhost_node_ports, false);
  EXPECT_EQ(told.tcp_be_liberal, true);
  EXPECT_EQ(told.nftables_gate, true);
  EXPECT_EQ(told.ipvs_gate, false);
}

TEST(ParseKubeProxyFlags, ToldNothingIsNothing) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"kube-proxy"},
                                                    {"hyperkube", "kube-proxy", "-v", "3"},
                                                    {"kube-proxy", "--", "--proxy-mode=ipvs"},
                                                    {"kube-proxy", "--proxy-mode-of-mine=ipvs"}}) {
    const auto flags = parse_kube_proxy_flags(cmdline(arguments));
    ASSERT_THAT(flags, has_value());
    EXPECT_EQ(flags->settings, KubeProxySettings{});
  }
}

TEST(ParseKubeProxyFlags, NamesTheConfigurationFile) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"kube-proxy", "--config=/var/lib/kube-proxy/config.conf"},
        {"kube-proxy", "--config", "/var/lib/kube-proxy/config.conf", "--hostname-override=a"}}) {
    const auto flags = parse_kube_proxy_flags(cmdline(arguments));
    ASSERT_THAT(flags, has_value());
    EXPECT_EQ(flags->config_file, "/var/lib/kube-proxy/config.conf");
  }
}

TEST(ParseKubeProxyFlags, RefusesWhatKubeProxyWould) {
  EXPECT_THAT(parse_kube_proxy_flags(cmdline({"kube-proxy", "--masquerade-all=often"})),
              fails_with(ErrorKind::malformed, HasSubstr("--masquerade-all: expected")));
  EXPECT_THAT(parse_kube_proxy_flags(cmdline({"kube-proxy", "--feature-gates=KubeProxyIPVS"})),
              fails_with(ErrorKind::malformed, HasSubstr("--feature-gates: expected")));
}

TEST(ParseKubeProxyFlags, SurvivesACutCommandLine) {
  const std::string whole = cmdline({"kube-proxy", "--proxy-mode", "ipvs", "--ipvs-strict-arp=true",
                                     "--feature-gates=KubeProxyIPVS=true", "--config"});
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    (void)parse_kube_proxy_flags(std::string_view{whole}.substr(0, size));
  }
}

// As kubeadm writes it, shortened.
constexpr std::string_view kConfig = R"(apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: 0.0.0.0
clientConnection:
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
  qps: 0
clusterCIDR: 10.244.0.0/16
conntrack:
  maxPerCore: null
  tcpBeLiberal: true
detectLocalMode: ""
featureGates:
  NFTablesProxyMode: true
  KubeProxyIPVS: false
iptables:
  localhostNodePorts: false
  masqueradeAll: true
ipvs:
  excludeCIDRs: null
  scheduler: "lc"
  strictARP: true
kind: KubeProxyConfiguration
metricsBindAddress: ""
mode: "ipvs"
nodePortAddresses: [10.0.0.0/24]
)";

TEST(ParseKubeProxyConfig, TakesWhatMatters) {
  const auto told = parse_kube_proxy_config(kConfig);
  ASSERT_THAT(told, has_value());
  const KubeProxySettings expected{.mode = "ipvs",
                                   .cluster_cidr = "10.244.0.0/16",
                                   .detect_local_mode = {},
                                   .scheduler = "lc",
                                   .node_ports_on = std::vector<std::string>{"10.0.0.0/24"},
                                   .strict_arp = true,
                                   .localhost_node_ports = false,
                                   .masquerade_all = true,
                                   .tcp_be_liberal = true,
                                   .nftables_gate = true,
                                   .ipvs_gate = false};
  EXPECT_EQ(*told, expected);
}

TEST(ParseKubeProxyConfig, NothingSetIsNothing) {
  for (const std::string_view text :
       {"", "kind: KubeProxyConfiguration\nmode: \"\"\nnodePortAddresses: null\n",
        "mode:\nnodePortAddresses: []\nipvs: {}\n", "ipvs: {strictARP: null}\n"}) {
    const auto told = parse_kube_proxy_config(text);
    ASSERT_THAT(told, has_value());
    EXPECT_EQ(*told, KubeProxySettings{}) << text;
  }
}

TEST(ParseKubeProxyConfig, RefusesWhatIsNone) {
  struct Case {
    std::string text;
    std::string_view why;
  };
  const std::vector<Case> cases{
      {"kind: KubeletConfiguration\n", "kind: expected KubeProxyConfiguration"},
      {"ipvs:\n  strictARP: often\n", "line:2: ipvs.strictARP: expected true or false"},
      {"mode: [ipvs]\n", "mode: expected one value, got a list"},
      {"nodePortAddresses: 10.0.0.0/8\n", "nodePortAddresses: expected a list"},
      {"mode: ipvs\nmode: iptables\n", "mode: expected once"},
      {"mode: ipvs\n---\nmode: iptables\n", "expected one YAML document"},
      {",", "expected one YAML document"},
      {"root:x:0:0:root:/root:/bin/bash\n", "expected a map"},
      {"mode: [ipvs\n", "expected YAML"},
      {std::string(1'000, '['), "expected YAML"},
      {"a: &a {b: 1}\nc: *a\n", "anchors"},
      {std::string(kMostConfigBytes + 1, ' '), "longer than any"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(parse_kube_proxy_config(c.text),
                fails_with(ErrorKind::malformed, HasSubstr(std::string{c.why})))
        << c.text.substr(0, 40);
  }
}

}  // namespace
}  // namespace kubecliff::preflight
