// `kubecliff preflight` as its user meets it, on this machine's kernel and in an emulated one:
// rules of a node, a kube-proxy, modules that are loaded, loadable and absent, exit codes and JSON.
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "collectors/kernel/procfs.h"
#include "tests/integration/kubeproxy/process.h"
#include "tests/integration/kubeproxy/stand_in.h"
#include "tests/integration/program/program.h"
#include "tests/support/file_tree.h"
#include "tests/support/network_namespace.h"
#include "tests/support/nftables_ruleset.h"
#include "tests/support/result_matchers.h"
#include "tests/support/ruleset.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

ToolRun run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {Program::path(), "preflight"});
  const auto run = run_tool(arguments, {}, 60s);
  EXPECT_THAT(run, has_value());
  return run.value_or(ToolRun{});
}

// What one run said, and that it said it in one voice.
struct Said {
  int exit_status = 0;
  json report;

  [[nodiscard]] json check(std::string_view id) const {
    for (const json& check : report["checks"]) {
      if (check["id"] == id) {
        return check;
      }
    }
    return {{"outcome", "missing"}, {"found", ""}, {"advice", ""}};
  }
  [[nodiscard]] std::string outcome(std::string_view id) const { return check(id)["outcome"]; }
  [[nodiscard]] std::string found(std::string_view id) const { return check(id)["found"]; }
};

Said ask(std::vector<std::string> arguments) {
  arguments.emplace_back("--output=json");
  const ToolRun ran = run(std::move(arguments));
  EXPECT_EQ(ran.err, "");
  Said said{.exit_status = ran.exit_status, .report = json::parse(ran.out, nullptr, false)};
  EXPECT_FALSE(said.report.is_discarded()) << ran.out;
  EXPECT_EQ(said.report.value("exit_code", -1), ran.exit_status);
  const std::string verdict = said.report.value("verdict", "");
  EXPECT_EQ(verdict, ran.exit_status == 0 ? "ready" : ran.exit_status == 1 ? "blocked" : "unknown");
  return said;
}

// A process under kube-proxy's name, with its arguments.
class KubeProxyProcess : public KubeProxy {
 public:
  // A shell that waits for input takes any further argument for its own business.
  explicit KubeProxyProcess(std::vector<std::string> arguments)
      : KubeProxy{"sh", with_script(std::move(arguments))} {}

 private:
  static std::vector<std::string> with_script(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"-c", "read line; exit"});
    return arguments;
  }
};

// The port of a kube-proxy in iptables mode.
class Port {
 public:
  explicit Port(std::string_view version, std::string_view more = {}) {
    std::string metrics =
        "# HELP kubernetes_build_info [BETA] What it was built from.\n"
        "# TYPE kubernetes_build_info gauge\n"
        "kubernetes_build_info{build_date=\"2025-04-23T13:09:13Z\",compiler=\"gc\","
        "git_commit=\"60a317eadfcb839692a68eab88b2096f4d708f4f\",git_tree_state=\"clean\","
        "git_version=\"";
    metrics.append(version).append(
        "\",go_version=\"go1.24.2\",major=\"1\",minor=\"33\",platform=\"linux/amd64\"} 1\n");
    metrics.append(more);
    stand_in_.answer("/metrics", StandIn::text(metrics));
    stand_in_.answer("/proxyMode", StandIn::text("iptables"));
  }
  [[nodiscard]] std::string flag() const { return "--collector.kubeproxy.url=" + stand_in_.url(); }

 private:
  StandIn stand_in_;
};

constexpr std::string_view kLocalhostUsed =
    "# TYPE kubeproxy_iptables_localhost_nodeports_accepted_packets_total counter\n"
    "kubeproxy_iptables_localhost_nodeports_accepted_packets_total 7\n";

// NodePorts, affinity, source ranges and policy Local, all of them.
void load_rules() {
  ASSERT_THAT(restore(Backend::nft, Family::ipv4, Ruleset{varied(40, 3)}.restore_input()),
              has_value());
}

class Preflight : public NetworkNamespaceTest {};

TEST_F(Preflight, ReadyForNftables) {
  load_rules();
  const Port port{"v1.33.1", kLocalhostUsed};
  const Said said = ask({"--to=nftables", port.flag()});
  EXPECT_EQ(said.exit_status, 0) << said.report.dump(2);
  EXPECT_EQ(said.report["target"], "nftables");
  EXPECT_EQ(said.report["mode"], "iptables-nft");
  EXPECT_EQ(said.report["kube_proxy"], (json{{"version", "v1.33.1"}, {"mode", "iptables"}}));
  EXPECT_EQ(said.outcome("kernel"), "ok");
  EXPECT_EQ(said.outcome("module/nf_tables"), "ok");
  EXPECT_EQ(said.outcome("kube-proxy/version"), "ok");

  const ExpectedFigures expected = Ruleset{varied(40, 3)}.expected();
  EXPECT_THAT(said.found("node-ports/addresses"),
              StartsWith(std::to_string(expected.node_ports) + " NodePorts"));
  EXPECT_EQ(said.outcome("node-ports/addresses"), "warning");
  EXPECT_THAT(said.found("node-ports/localhost"), HasSubstr("7 packets"));
  EXPECT_EQ(said.outcome("session-affinity"), "note");
  EXPECT_THAT(said.found("session-affinity"),
              StartsWith(std::to_string(expected.affinity_rules) + " endpoint"));
  EXPECT_EQ(said.outcome("source-ranges"), "ok");
  EXPECT_THAT(said.found("source-ranges"), HasSubstr("with source ranges"));
  EXPECT_THAT(said.found("size"),
              StartsWith(std::to_string(expected.services) + " ports of Services, " +
                         std::to_string(expected.endpoints) + " endpoints"));
  EXPECT_THAT(said.found("dashboards/lost"), HasSubstr("kubecliff_iptables_services"));
  EXPECT_THAT(said.found("dashboards/instead"), HasSubstr("kubecliff_nftables_services"));
}

TEST_F(Preflight, ReadsWhatKubeProxyWasTold) {
  load_rules();
  const Port port{"v1.33.1"};
  FileTree folder;
  folder.file("data/config.conf",
              "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"
              "mode: iptables\nclusterCIDR: 10.244.0.0/16\nnodePortAddresses: [10.0.0.0/24]\n"
              "ipvs: {scheduler: lc}\n");
  std::filesystem::create_symlink("data/config.conf", folder.path() / "config.conf");
  const std::string file = folder.path() / "config.conf";
  const KubeProxyProcess kube_proxy{{"--config=" + file, "--hostname-override=worker-1"}};
  const Said said = ask({"--to", "nftables", port.flag()});
  EXPECT_EQ(said.exit_status, 0) << said.report.dump(2);
  EXPECT_EQ(said.found("kube-proxy/mode"), "iptables, by " + file);
  EXPECT_EQ(said.found("kube-proxy/cluster-cidr"), "10.244.0.0/16");
  EXPECT_THAT(said.found("node-ports/addresses"), HasSubstr("on 10.0.0.0/24"));
  EXPECT_EQ(said.outcome("tool/nft"), "ok");
  EXPECT_THAT(ask({"--to=ipvs", port.flag()}).found("kube-proxy/scheduler"), StartsWith("lc, by"));
}

TEST_F(Preflight, SaysThatItCannotReadWhatKubeProxyWasTold) {
  load_rules();
  const Port port{"v1.33.1"};
  const KubeProxyProcess kube_proxy{{"--config=/nonexistent/config.conf"}};
  const Said said = ask({"--to=nftables", port.flag()});
  EXPECT_EQ(said.exit_status, 0);
  EXPECT_EQ(said.outcome("kube-proxy/configuration"), "warning");
  EXPECT_THAT(said.found("kube-proxy/configuration"), HasSubstr("/nonexistent/config.conf"));
}

TEST_F(Preflight, BlockedByAnOldKubeProxy) {
  load_rules();
  const Port port{"v1.28.15-eks-84fd0f3"};
  const KubeProxyProcess kube_proxy{{"--proxy-mode=iptables", "--cluster-cidr", "10.0.0.0/8"}};
  const Said said = ask({"--to=nftables", port.flag()});
  EXPECT_EQ(said.exit_status, 1);
  EXPECT_EQ(said.outcome("kube-proxy/version"), "blocked");
  EXPECT_EQ(said.report["checks"].front()["id"], "kube-proxy/version") << "the worst first";
  EXPECT_EQ(said.found("kube-proxy/cluster-cidr"), "10.0.0.0/8");
  EXPECT_EQ(said.found("kube-proxy/mode"), "iptables, by its command line");
}

TEST_F(Preflight, UnknownWithoutAKubeProxy) {
  load_rules();
  const Said said = ask({"--to=nftables", "--collector.kubeproxy.url=http://127.0.0.1:" +
                                              std::to_string(free_port())});
  EXPECT_EQ(said.exit_status, 3);
  EXPECT_EQ(said.outcome("kube-proxy"), "unknown");
  EXPECT_TRUE(said.report["kube_proxy"]["version"].is_null());
}

TEST_F(Preflight, WhatKubeProxySaysReachesNoTerminal) {
  load_rules();
  const Port port{"v1.33.1\x1b]0;owned\x07"};
  const ToolRun ran = run({"--to=nftables", port.flag()});
  EXPECT_EQ(ran.exit_status, 3) << "that is no version";
  EXPECT_TRUE(std::ranges::all_of(
      ran.out, [](char byte) { return byte == '\n' || (byte >= ' ' && byte <= '~'); }));
}

TEST_F(Preflight, NothingIsUnreadInNftablesMode) {
  const NftablesRuleset ruleset{varied(20, 3), KubeProxyShape::from_1_36};
  ASSERT_THAT(nft({"-f", "-"}, ruleset.script()), has_value());
  const Port port{"v1.36.1"};
  const Said said = ask({"--to=ebpf", port.flag()});
  EXPECT_EQ(said.report["mode"], "nftables") << said.report.dump(2);
  EXPECT_THAT(said.outcome("session-affinity"), "note");
  const auto affine =
      std::ranges::count(ruleset.services(), Affinity::client_ip, &Service::affinity);
  EXPECT_GT(affine, 0);
  EXPECT_THAT(said.found("session-affinity"), HasSubstr(" with ClientIP"));
  EXPECT_EQ(said.outcome("source-ranges"), "warning");
  EXPECT_EQ(ask({"--to=nftables", port.flag()}).outcome("mode"), "note") << "already";
}

TEST_F(Preflight, TextEndsWithTheVerdict) {
  load_rules();
  const Port port{"v1.33.1"};
  const ToolRun ran = run({"--to=nftables", port.flag()});
  EXPECT_EQ(ran.exit_status, 0);
  EXPECT_THAT(ran.out, StartsWith("kubecliff preflight: node "));
  EXPECT_THAT(ran.out, HasSubstr("\n\nReady: this node can be moved to nftables"));
  EXPECT_EQ(ran.err, "");
}

TEST_F(Preflight, LeavesTheRulesAlone) {
  load_rules();
  const Port port{"v1.33.1"};
  const auto ruleset = [] {
    const auto listed = nft({"--stateless", "list", "ruleset"});
    return listed ? listed->out : std::string{"unread"};
  };
  const std::string before = ruleset();
  for (const std::string target : {"nftables", "ipvs", "ebpf"}) {
    (void)ask({"--to=" + target, port.flag()});
  }
  EXPECT_EQ(ruleset(), before);
}

TEST_F(Preflight, WrongUseIsRefused) {
  struct Case {
    std::vector<std::string> arguments;
    std::string_view why;
  };
  const std::vector<Case> cases{
      {{}, "preflight: --to: expected ipvs, nftables or ebpf, got nothing"},
      {{"--to=iptables"}, "--to: expected ipvs, nftables or ebpf, got \"iptables\""},
      {{"--to=ipvs", "--output=yaml"}, "--output: expected text or json, got \"yaml\""},
      {{"--to="}, "--to: expected a value, got nothing"},
      {{"--to=ipvs", "--to=ebpf"}, "--to: expected once, got it 2 times"},
      {{"--to=ipvs", "now"}, "got \"now\""},
      {{"--to=ipvs", "--log.level=loud"}, "--log.level: expected"},
      {{"--to=ipvs", "--config.file=/nonexistent"}, "/nonexistent"},
  };
  for (const Case& c : cases) {
    const ToolRun ran = run(c.arguments);
    EXPECT_EQ(ran.exit_status, 2) << c.why;
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, HasSubstr(std::string{c.why}));
    EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << ran.err;
  }
}

// Capabilities are a thread's, and those of what it starts.
TEST_F(Preflight, WithoutPrivilegeSaysWhatItDoesNotKnow) {
  load_rules();
  const Port port{"v1.33.1"};
  std::thread{[&] {
    for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
      ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
    ASSERT_EQ(::syscall(SYS_setresuid, 65'534, 65'534, 65'534), 0);
    const Said said = ask({"--to=nftables", port.flag()});
    EXPECT_EQ(said.exit_status, 3) << said.report.dump(2);
    EXPECT_THAT(said.outcome("mode"), AnyOf("unknown", "ok"));
    EXPECT_NE(said.outcome("unread"), "missing");
    EXPECT_EQ(said.outcome("kernel"), "ok");
    EXPECT_EQ(said.outcome("kube-proxy/version"), "ok") << "its port takes no privilege";
  }}.join();
}

// In an emulated kernel: the tests build on one another.
class PreflightOfModules : public testing::Test {
 protected:
  static void must_run(const std::vector<std::string>& argv, std::string_view input = {}) {
    const auto run = run_tool(argv, input);
    ASSERT_THAT(run, has_value());
    ASSERT_EQ(run->exit_status, 0) << argv.front() << ": " << run->err;
  }
  static std::vector<std::string> loaded() {
    std::vector<std::string> modules;
    for (const auto& module : std::filesystem::directory_iterator{"/sys/module"}) {
      if (std::filesystem::exists(module.path() / "initstate")) {
        modules.push_back(module.path().filename());
      }
    }
    std::ranges::sort(modules);
    return modules;
  }

  Port port_{"v1.31.4"};
};

TEST_F(PreflightOfModules, LoadableIsReady) {
  const auto before = loaded();
  const Said said = ask({"--to=ipvs", port_.flag()});
  for (const std::string module : {"ip_vs", "ip_vs_rr", "dummy", "xt_set", "ip_set_hash_ipport"}) {
    EXPECT_EQ(said.outcome("module/" + module), "ok") << module;
    EXPECT_THAT(said.found("module/" + module), StartsWith("can be loaded")) << module;
  }
  EXPECT_EQ(said.outcome("kube-proxy/version"), "warning") << "a dead end";
  EXPECT_NE(said.exit_status, 1) << said.report.dump(2);
  EXPECT_EQ(loaded(), before) << "nothing is loaded by looking";
}

TEST_F(PreflightOfModules, LoadedIsReady) {
  must_run({"modprobe", "ip_vs"});
  must_run({"modprobe", "ip_vs_rr"});
  const Said said = ask({"--to=ipvs", port_.flag()});
  EXPECT_THAT(said.found("module/ip_vs"), StartsWith("loaded"));
  EXPECT_THAT(said.found("module/ip_vs_rr"), StartsWith("loaded"));
  EXPECT_THAT(said.found("module/dummy"), StartsWith("can be loaded"));
}

TEST_F(PreflightOfModules, ReadyForNftablesOutOfIpvs) {
  must_run({"ip", "link", "add", "kube-ipvs0", "type", "dummy"});
  must_run({"ipvsadm", "-A", "-t", "10.96.0.1:443", "-s", "rr"});
  must_run({"ipset", "create", "KUBE-NODE-PORT-TCP", "bitmap:port", "range", "0-65535"});
  must_run({"ipset", "add", "KUBE-NODE-PORT-TCP", "30080"});
  const Said said = ask({"--to=nftables", port_.flag()});
  EXPECT_EQ(said.exit_status, 0) << said.report.dump(2);
  EXPECT_EQ(said.report["mode"], "ipvs");
  EXPECT_THAT(said.found("node-ports/addresses"), StartsWith("1 NodePort;"));
  EXPECT_THAT(said.found("dashboards/lost"), HasSubstr("kubecliff_ipvs_virtual_servers"));
}

TEST_F(PreflightOfModules, AbsentIsBlocked) {
  // As where the package with most of a kernel's modules was left out.
  const std::string release = read_file("/proc/sys/kernel/osrelease").value_or("");
  const std::filesystem::path list =
      std::filesystem::path{"/lib/modules"} / release.substr(0, release.find('\n')) / "modules.dep";
  const std::string kept = read_file(list, std::size_t{8} << 20U).value_or("");
  std::string without;
  for (std::size_t at = 0; at < kept.size();) {
    const std::size_t end = std::min(kept.find('\n', at), kept.size());
    const std::string line = kept.substr(at, end - at);
    at = end + 1;
    if (line.find("/nft_numgen.ko:") == std::string::npos) {
      without += line + "\n";
    }
  }
  ASSERT_LT(without.size(), kept.size());
  std::ofstream{list} << without;
  const Said said = ask({"--to=nftables", port_.flag()});
  std::ofstream{list} << kept;
  EXPECT_EQ(said.exit_status, 1) << said.report.dump(2);
  EXPECT_EQ(said.outcome("module/nft_numgen"), "blocked");
  EXPECT_EQ(said.outcome("module/nft_masq"), "ok");

  std::filesystem::rename("/lib/modules", "/lib/taken-away");
  const Said unseen = ask({"--to=nftables", port_.flag()});
  std::filesystem::rename("/lib/taken-away", "/lib/modules");
  EXPECT_EQ(unseen.exit_status, 3) << unseen.report.dump(2);
  EXPECT_EQ(unseen.outcome("module/nft_numgen"), "unknown");
}

}  // namespace
}  // namespace kubecliff::test
