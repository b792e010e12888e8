// `kubecliff simulate` on this machine's kernel, and, of IPVS, in an emulated one. The shapes of
// the curves are what kube-proxy's modes are known for; no time is held to a figure.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "exporter/simulate/ipvs_ruleset.h"
#include "tests/integration/program/program.h"
#include "tests/support/file_tree.h"
#include "tests/support/network_namespace.h"
#include "tests/support/nftables_ruleset.h"
#include "tests/support/result_matchers.h"
#include "tests/support/ruleset.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using namespace std::chrono_literals;

namespace fs = std::filesystem;

ToolRun run_simulate(std::vector<std::string> arguments, std::vector<std::string> before = {}) {
  before.push_back(Program::path());
  before.emplace_back("simulate");
  std::ranges::move(arguments, std::back_inserter(before));
  const auto run = run_tool(before, {}, 4min);
  EXPECT_THAT(run, has_value());
  return run.value_or(ToolRun{});
}

json measured(std::vector<std::string> arguments) {
  arguments.emplace_back("--output=json");
  const ToolRun run = run_simulate(std::move(arguments));
  EXPECT_EQ(run.exit_status, 0) << run.err << run.out;
  json parsed = json::parse(run.out, nullptr, false);
  EXPECT_FALSE(parsed.is_discarded()) << run.out;
  return parsed;
}

json point_of(const json& run, std::string_view backend, int services) {
  for (const json& point : run["points"]) {
    if (point["backend"] == backend && point["services"] == services) {
      return point;
    }
  }
  ADD_FAILURE() << "no " << backend << " with " << services << " Services: " << run.dump(2);
  return {};
}

// What the rounds' fastest says: other work on the machine makes figures larger, never smaller.
double new_flow(const json& point, const char* position) {
  return point["services_at"][position]["new_flow_seconds"]["least"];
}
double connections(const json& point, const char* position) {
  return point["services_at"][position]["connections_per_second"]["most"];
}

// Without what packets count up, and when it was listed.
std::vector<std::string> listed_rules() {
  const std::string counters = R"(/^#/d; s/ \[[0-9]*:[0-9]*\]$//; s/packets [0-9]* bytes [0-9]*//)";
  return {must_run({"sed", counters}, save(Backend::legacy, Family::ipv4).value_or("?")),
          must_run({"sed", counters}, must_run({"nft", "list", "ruleset"}))};
}

// Tools that a simulation has started, by the lock that only it gives them.
std::vector<std::string> tools_left() {
  std::vector<std::string> left;
  std::error_code ignored;
  for (const auto& process : fs::directory_iterator{"/proc", ignored}) {
    std::ifstream file{process.path() / "environ"};
    const std::string environment{std::istreambuf_iterator<char>{file}, {}};
    if (environment.find("XTABLES_LOCKFILE=/proc/self/fd/") != std::string::npos) {
      left.push_back(process.path().filename());
    }
  }
  return left;
}

class SimulateTest : public NetworkNamespaceTest {};

TEST_F(SimulateTest, TheLastServicePaysInIptablesAndNotInNftables) {
  constexpr int kFew = 200;
  constexpr int kMany = 3'000;
  const json run = measured({"--services=200,3000", "--endpoints=2"});
  for (const std::string backend : {"iptables-legacy", "iptables-nft", "nftables"}) {
    if (std::ranges::none_of(run["machine"]["tools"],
                             [&](const json& tool) { return tool["backend"] == backend; })) {
      return skip(backend + " cannot be measured here: " + run["missing"].dump());
    }
  }
  const json nftables = point_of(run, "nftables", kMany);
  const double flat = new_flow(nftables, "last") - new_flow(nftables, "first");
  for (const std::string backend : {"iptables-legacy", "iptables-nft"}) {
    SCOPED_TRACE(backend);
    const json few = point_of(run, backend, kFew);
    const json many = point_of(run, backend, kMany);
    const double walk_of_few = new_flow(few, "last") - new_flow(few, "first");
    const double walk = new_flow(many, "last") - new_flow(many, "first");
    const double half = new_flow(many, "middle") - new_flow(many, "first");
    // The three positions are measured in turn: what else the machine does makes all of them
    // slower.
    EXPECT_GT(half, walk * 0.15);
    EXPECT_LT(half, walk * 0.85);
    EXPECT_GT(walk, 4 * walk_of_few) << "fifteen times as many";
    EXPECT_LT(flat, walk / 2);
    EXPECT_LT(connections(many, "last"), connections(many, "first"));
    EXPECT_GT(many["full_restore_seconds"]["least"].get<double>(),
              few["full_restore_seconds"]["least"].get<double>());
    // The whole table, and not what changes.
    EXPECT_GT(many["update_seconds"]["least"].get<double>(),
              2 * nftables["update_seconds"]["least"].get<double>());
  }
  // nat rules of n Services: 4 that are once a node and 4 jumps, and 2 + 3 a Service of 2
  // endpoints.
  EXPECT_EQ(point_of(run, "iptables-legacy", kFew)["rules"], 8 + (kFew * (2 + (3 * 2))));
}

TEST_F(SimulateTest, HostsRulesStayAndTellWhereItStands) {
  must_run({"iptables-legacy-restore", "-w", "60"}, Ruleset{plain(20, 2)}.restore_input());
  must_run({"nft", "-f", "-"},
           "add table ip mine\nadd chain ip mine c\nadd rule ip mine c counter\n");
  const auto before = listed_rules();
  const json run = measured({"--services=50", "--endpoints=2", "--growth=10"});
  EXPECT_EQ(listed_rules(), before);
  EXPECT_EQ(run["now"]["services"], 20);
  EXPECT_EQ(run["now"]["growth_per_day"], 10);
  const auto bound = std::ranges::find_if(run["bounds"], [](const json& each) {
    return each["backend"] == "iptables-legacy" && each["check"] == "services_in_iptables" &&
           each["severity"] == "warning";
  });
  ASSERT_NE(bound, run["bounds"].end()) << run.dump(2);
  EXPECT_EQ((*bound)["above"], 2'000);
  EXPECT_THAT(tools_left(), IsEmpty());
}

TEST_F(SimulateTest, TextHasTheRulesThatWereCounted) {
  const ToolRun run = run_simulate({"--services=50,80", "--endpoints=3", "--backend=iptables-nft"});
  ASSERT_EQ(run.exit_status, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("iptables-nft"));
  EXPECT_THAT(run.out, HasSubstr("       558 ")) << "8 + 50 * (2 + 3 * 3)";
  EXPECT_THAT(run.out, HasSubstr("       888 "));
  EXPECT_THAT(run.err, HasSubstr("iptables-nft, 80 Services: full restore (2 of 2), about "));
}

TEST_F(SimulateTest, CtrlCPrintsWhatThereIsAndLeavesNothing) {
  for (const std::string signal : {"INT", "TERM"}) {
    SCOPED_TRACE(signal);
    const auto before = listed_rules();
    const FileTree tree;
    const std::string log = tree.path() / "log";
    const ToolRun run = run_simulate(
        {"--services=50,10000", "--endpoints=4", "--backend=iptables-legacy", "--output=json"},
        {"sh", "-c",
         "\"$0\" \"$@\" 2>" + log + " & until grep -q '10000 Services' " + log +
             " || ! kill -0 $!; do sleep 0.05; done; sleep 0.2; kill -" + signal + " $!; wait $!"});
    EXPECT_EQ(run.exit_status, 1) << run.err;
    const json parsed = json::parse(run.out, nullptr, false);
    ASSERT_FALSE(parsed.is_discarded()) << run.out;
    EXPECT_EQ(parsed["ending"], "signal");
    EXPECT_EQ(parsed["points"].size(), 1U);
    EXPECT_EQ(parsed["missing"][0]["from_services"], 10'000);
    EXPECT_THAT(tools_left(), IsEmpty());
    EXPECT_EQ(listed_rules(), before);
  }
}

// By SIGKILL it has no time for tidying: the kernel does it.
TEST_F(SimulateTest, ToolsDieWithIt) {
  const auto program = Program::start(
      {"simulate", "--services=30000", "--endpoints=4", "--backend=iptables-legacy"});
  ASSERT_THAT(program, has_value());
  EXPECT_NE((*program)->line_with("30000 Services: full restore"), "");
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (tools_left().empty() && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_FALSE(tools_left().empty()) << "the test looks for the wrong thing";
  (*program)->signal(SIGKILL);
  EXPECT_EQ((*program)->exit_within(5s), 128 + SIGKILL);
  while (!tools_left().empty() && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_THAT(tools_left(), IsEmpty());
}

TEST_F(SimulateTest, TheTimeLimitHolds) {
  const auto started = std::chrono::steady_clock::now();
  const ToolRun run =
      run_simulate({"--services=50,44000", "--backend=nftables", "--time-limit=20s"});
  EXPECT_LT(std::chrono::steady_clock::now() - started, 40s);
  EXPECT_EQ(run.exit_status, 1);
  EXPECT_THAT(run.out, AllOf(HasSubstr("Not measured: nftables, from 44,000 Services on: "),
                             HasSubstr("time limit.")));
}

TEST_F(SimulateTest, MissingToolsAreNamedWithTheirPackage) {
  const std::vector<std::string> without_tools{
      "unshare", "--mount", "sh", "-c", "mount -t tmpfs none /usr/sbin && exec \"$0\" \"$@\""};
  const ToolRun run = run_simulate({"--services=50"}, without_tools);
  EXPECT_EQ(run.exit_status, 1);
  EXPECT_THAT(run.out, AllOf(HasSubstr("iptables-legacy: not found: iptables-legacy-restore"),
                             HasSubstr("package iptables"), HasSubstr("nft (Debian's package")));
}

TEST_F(SimulateTest, RulesThatAreNotAllThereAreNotMeasured) {
  FileTree tree;
  tree.file("iptables-legacy-restore",
            "#!/bin/sh\n# hands on XTABLES_LOCKFILE\ncase $1 in --version) echo v1; exit;; esac\n"
            "grep -v -- '-d 10.96.0.7/32' | /usr/sbin/iptables-legacy-restore \"$@\"\n");
  fs::permissions(tree.path() / "iptables-legacy-restore", fs::perms::owner_all);
  tree.file("iptables-legacy-save", "#!/bin/sh\n");
  fs::permissions(tree.path() / "iptables-legacy-save", fs::perms::owner_all);
  // Nobody has asked for it by name, and still it is missed.
  const ToolRun run =
      run_simulate({"--services=50"}, {"env", "PATH=" + tree.path().string() + ":/usr/bin:/bin"});
  EXPECT_EQ(run.exit_status, 1);
  EXPECT_THAT(run.out, HasSubstr("what was read back is not what was written: nat rules "));
}

TEST_F(SimulateTest, TakesNoMoreThanHalfOfWhatItsContainerHasLeft) {
  const std::vector<std::string> in_a_container{
      "unshare", "--mount", "sh", "-c",
      "mount -t tmpfs none /sys/fs/cgroup && echo 400000000 >/sys/fs/cgroup/memory.max &&"
      " echo 200000000 >/sys/fs/cgroup/memory.current && exec \"$0\" \"$@\""};
  const ToolRun run = run_simulate({"--services=50,3000", "--backend=nftables"}, in_a_container);
  EXPECT_EQ(run.exit_status, 1);
  EXPECT_THAT(run.out, HasSubstr("Not measured: nftables, from 3,000 Services on: would take more "
                                 "than half of the memory that is free"));
}

TEST_F(SimulateTest, WithoutPrivilegeSaysWhichItTakes) {
  for (const auto& [capability, name] :
       {std::pair{"-sys_admin", "CAP_SYS_ADMIN"}, std::pair{"-net_admin", "CAP_NET_ADMIN"}}) {
    const ToolRun run = run_simulate(
        {"--services=50"}, {"setpriv", "--bounding-set", capability, "--inh-caps", capability});
    EXPECT_EQ(run.exit_status, 1);
    EXPECT_THAT(run.err, HasSubstr(name));
    EXPECT_EQ(run.out, "");
  }
}

TEST_F(SimulateTest, WrongOptionsAreRefused) {
  for (const std::string option :
       {"--services=1", "--services=10,x", "--services=44001", "--endpoints=0",
        "--backend=iptables", "--output=yaml", "--services-now=-1", "--growth=fast", "--growth=-1",
        "--time-limit=1ms", "--time-limit=soon"}) {
    const ToolRun run = run_simulate({option});
    EXPECT_EQ(run.exit_status, 2) << option;
    EXPECT_THAT(run.err, HasSubstr(option.substr(0, option.find('=')) + ": expected "));
  }
}

// In a kernel of its own, with ip_vs as a module.
class SimulateIpvs : public NetworkNamespaceTest {
 protected:
  static bool loaded() { return fs::exists("/sys/module/ip_vs"); }
};

TEST_F(SimulateIpvs, LoadsNoModuleUnasked) {
  const ToolRun run = run_simulate({"--services=10", "--backend=ipvs"});
  EXPECT_EQ(run.exit_status, 1);
  EXPECT_THAT(run.out, HasSubstr("ipvs: not loaded: ip_vs, ip_vs_rr; --load-modules"));
  EXPECT_FALSE(loaded());
}

TEST_F(SimulateIpvs, LastServiceCostsWhatTheFirstDoes) {
  const json run =
      measured({"--services=20,400", "--endpoints=2", "--backend=ipvs", "--load-modules"});
  EXPECT_TRUE(loaded());
  const json many = point_of(run, "ipvs", 400);
  EXPECT_EQ(many["rules"], 400 * (1 + 2));
  EXPECT_LT(new_flow(many, "last"), 2 * new_flow(many, "first"));
  EXPECT_GT(connections(many, "last"), 0);
  EXPECT_GT(many["full_restore_seconds"]["least"].get<double>(),
            point_of(run, "ipvs", 20)["full_restore_seconds"]["least"].get<double>());
}

// The generator's figures are ipvsadm's, before and after changes.
TEST_F(SimulateIpvs, ServersAreThoseThatIpvsadmLists) {
  RulesetShape shape = plain(30, 3);
  shape.udp_one_in = 2;
  simulate::IpvsRuleset ruleset{shape};
  const auto expect_listed = [&] {
    std::istringstream lines{must_run({"ipvsadm", "-Sn"})};
    simulate::IpvsFigures listed;
    for (std::string line; std::getline(lines, line);) {
      listed.virtual_servers += line.starts_with("-A ") ? 1 : 0;
      listed.real_servers += line.starts_with("-a ") ? 1 : 0;
    }
    EXPECT_EQ(listed, ruleset.expected());
  };
  must_run({"ipvsadm", "-R"}, ruleset.restore_input());
  expect_listed();
  must_run({"ipvsadm", "-R"}, ruleset.add_service());
  expect_listed();
  must_run({"ipvsadm", "-R"}, ruleset.remove_service(4));
  expect_listed();
  EXPECT_EQ(ruleset.expected().real_servers, 90);
}

}  // namespace
}  // namespace kubecliff::test
