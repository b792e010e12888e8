#include "exporter/preflight/checks.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/collectors.h"
#include "tests/unit/preflight/facts_of.h"

namespace kubecliff::preflight {
namespace {

using testing::HasSubstr;

constexpr Target kIpvs = Target::ipvs;
constexpr Target kNftables = Target::nftables;
constexpr Target kEbpf = Target::ebpf;

const Check* find(const Checks& checks, std::string_view id) {
  const auto found = std::ranges::find(checks, id, &Check::id);
  return found == checks.end() ? nullptr : &*found;
}

// One thing that is different on the node, and what one check says of it.
struct Case {
  Target target;
  std::string_view id;
  std::function<void(Facts&)> spoil;
  Outcome expected;
  std::string_view found = {};
};

void expect(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    Facts facts = ready_for(c.target);
    c.spoil(facts);
    const Checks checks = run_checks(c.target, facts);
    const Check* check = find(checks, c.id);
    ASSERT_NE(check, nullptr) << name(c.target) << " " << c.id << " " << c.found;
    EXPECT_EQ(check->outcome, c.expected) << name(c.target) << " " << c.id << ": " << check->found;
    EXPECT_THAT(check->found, HasSubstr(std::string{c.found})) << name(c.target) << " " << c.id;
  }
}

std::function<void(Facts&)> none() {
  return [](Facts&) {};
}

TEST(RunChecks, ReadyWhereAllIsWell) {
  for (const Target target : kTargets) {
    const Checks checks = run_checks(target, ready_for(target));
    for (const Check& check : checks) {
      // That IPVS is a dead end is no fault of the node's.
      const bool warned = target == kIpvs && check.id == "kube-proxy/version";
      EXPECT_LE(check.outcome, warned ? Outcome::warning : Outcome::note) << check.id;
    }
    EXPECT_EQ(verdict_of(checks), Verdict::ready) << name(target);
  }
}

// A node on which next to every check has something to say.
Facts full_of_findings(Target target) {
  Facts facts = ready_for(target);
  facts.kernel = "5.15.0";
  facts.conflicts = {"leftovers"};
  facts.first_network_namespace = false;
  facts.features->node_ports = 3;
  facts.features->affinity = std::nullopt;
  facts.features->local_policy = 2;
  facts.kube_proxy.settings->masquerade_all = true;
  facts.unread = {"collector ipvs: denied"};
  for (auto& [module, state] : facts.modules) {
    state = ModuleState::not_installed;
  }
  return facts;
}

TEST(RunChecks, EveryCheckHasAnIdOfItsOwnAndSaysWhatToDo) {
  for (const Target target : kTargets) {
    std::set<std::string> ids;
    for (const Check& check : run_checks(target, full_of_findings(target))) {
      EXPECT_TRUE(ids.insert(check.id).second) << check.id;
      EXPECT_FALSE(check.found.empty()) << check.id;
      EXPECT_TRUE(check.outcome < Outcome::warning || !check.advice.empty()) << check.id;
    }
  }
}

TEST(RunChecks, EveryCheckIsDocumented) {
  std::ifstream file{std::string{KUBECLIFF_SOURCE_DIR} + "/docs/preflight.md"};
  const std::string page{std::istreambuf_iterator<char>{file}, {}};
  for (const Target target : kTargets) {
    Facts unread = full_of_findings(target);
    unread.features.reset();
    unread.kube_proxy.settings.reset();
    Checks checks = run_checks(target, full_of_findings(target));
    std::ranges::copy(run_checks(target, unread), std::back_inserter(checks));
    for (const Check& check : checks) {
      std::string id = check.id;
      for (const std::string_view many : {"module/NAME", "conflict/KIND"}) {
        if (id.starts_with(many.substr(0, many.find('/') + 1))) {
          id = many;
        }
      }
      EXPECT_THAT(page, HasSubstr("`" + id + "`"));
    }
  }
}

TEST(RunChecks, JudgesTheMode) {
  expect({
      {kNftables, "mode", none(), Outcome::ok, "iptables-nft"},
      {kNftables, "mode", [](Facts& f) { f.mode = "nftables"; }, Outcome::note, "already"},
      {kEbpf, "mode", [](Facts& f) { f.mode = "ebpf"; }, Outcome::note, "already"},
      {kIpvs, "mode", [](Facts& f) { f.mode = "none"; }, Outcome::note, "nothing carries"},
      {kIpvs, "mode", [](Facts& f) { f.mode.reset(); }, Outcome::unknown, "no mode is seen"},
      {kIpvs, "conflict/leftovers", [](Facts& f) { f.conflicts = {"leftovers"}; }, Outcome::warning,
       "parts of a mode are left"},
      {kIpvs, "conflict/new_kind", [](Facts& f) { f.conflicts = {"new_kind"}; }, Outcome::warning,
       "contradict"},
      {kIpvs, "network-namespace", [](Facts& f) { f.first_network_namespace = false; },
       Outcome::warning},
      {kIpvs, "unread", [](Facts& f) { f.unread = {"collector ipvs: denied"}; }, Outcome::warning,
       "collector ipvs: denied"},
  });
}

TEST(RunChecks, JudgesTheKernel) {
  const auto kernel = [](std::string_view release) {
    return [release](Facts& facts) { facts.kernel = release; };
  };
  expect({
      {kNftables, "kernel", kernel("5.13.0"), Outcome::ok},
      {kNftables, "kernel", kernel("5.10.0-28-amd64"), Outcome::blocked, "before 5.13"},
      {kNftables, "kernel", kernel("linux"), Outcome::unknown, "linux"},
      {kIpvs, "kernel", kernel("5.9.0"), Outcome::ok},
      {kIpvs, "kernel", kernel("5.4.0"), Outcome::warning, "before 5.9"},
      {kEbpf, "kernel", kernel("5.10.0"), Outcome::ok},
      {kEbpf, "kernel", kernel("5.4.0"), Outcome::warning},
      {kEbpf, "kernel", kernel("4.18.0-553.el8_10.x86_64"), Outcome::warning, "RHEL 8.10"},
      {kEbpf, "kernel", kernel("4.18.0-25-generic"), Outcome::blocked},
      {kEbpf, "kernel", kernel("4.14.0"), Outcome::blocked},
  });
}

TEST(RunChecks, JudgesModules) {
  const auto module = [](const std::string& name, ModuleState state) {
    return [name, state](Facts& facts) { facts.modules[name] = state; };
  };
  const auto forgotten = [](Facts& facts) { facts.modules.clear(); };
  expect({
      {kNftables, "module/nft_nat", none(), Outcome::ok, "can be loaded (sending"},
      {kNftables, "module/nft_nat", module("nft_nat", ModuleState::loaded), Outcome::ok, "loaded"},
      {kNftables, "module/nft_nat", module("nft_nat", ModuleState::built_in), Outcome::ok,
       "built in"},
      {kNftables, "module/nft_nat", module("nft_nat", ModuleState::not_installed), Outcome::blocked,
       "not installed"},
      {kNftables, "module/nft_nat", module("nft_nat", ModuleState::not_built), Outcome::blocked,
       "built without it"},
      {kNftables, "module/nft_nat", module("nft_nat", ModuleState::unknown), Outcome::unknown},
      {kNftables, "module/nft_nat", forgotten, Outcome::unknown},
      {kIpvs, "module/ip_vs", module("ip_vs", ModuleState::not_built), Outcome::blocked},
      {kIpvs, "module/ip_vs_rr", module("ip_vs_rr", ModuleState::not_built), Outcome::blocked},
      {kIpvs, "module/ip_vs_wrr", module("ip_vs_wrr", ModuleState::not_built), Outcome::warning},
      {kIpvs, "module/ip_vs_wrr", module("ip_vs_wrr", ModuleState::unknown), Outcome::note},
      {kEbpf, "module/cls_bpf", module("cls_bpf", ModuleState::not_built), Outcome::blocked},
      {kEbpf, "module/vxlan", module("vxlan", ModuleState::not_installed), Outcome::warning},
  });
}

TEST(RunChecks, JudgesWhatEbpfIsMountedOn) {
  expect({
      {kEbpf, "mount/bpf", none(), Outcome::ok},
      {kEbpf, "mount/bpf", [](Facts& f) { f.bpf_fs = Mount::not_there; }, Outcome::note},
      {kEbpf, "mount/bpf", [](Facts& f) { f.bpf_fs = Mount::not_in_kernel; }, Outcome::blocked},
      {kEbpf, "mount/bpf", [](Facts& f) { f.bpf_fs.reset(); }, Outcome::note, "cannot"},
      {kEbpf, "mount/cgroup2", none(), Outcome::ok},
      {kEbpf, "mount/cgroup2", [](Facts& f) { f.cgroup2 = Mount::not_there; }, Outcome::note},
      {kEbpf, "mount/cgroup2", [](Facts& f) { f.cgroup2 = Mount::not_in_kernel; },
       Outcome::blocked},
  });
}

TEST(RunChecks, JudgesTheSchedulerThatKubeProxyIsTold) {
  const auto scheduler = [](std::string_view name, ModuleState state) {
    return [name, state](Facts& facts) {
      facts.kube_proxy.settings->scheduler = name;
      facts.modules["ip_vs_" + std::string{name}] = state;
    };
  };
  expect({
      {kIpvs, "kube-proxy/scheduler", none(), Outcome::ok, "rr, kube-proxy's default"},
      {kIpvs, "kube-proxy/scheduler", scheduler("lc", ModuleState::loaded), Outcome::ok, "lc, by"},
      {kIpvs, "module/ip_vs_lc", scheduler("lc", ModuleState::not_installed), Outcome::blocked},
      {kIpvs, "module/ip_vs_wrr", scheduler("wrr", ModuleState::not_built), Outcome::blocked},
      {kIpvs, "kube-proxy/scheduler", scheduler("fastest", ModuleState::unknown), Outcome::blocked,
       "fastest"},
  });
}

TEST(RunChecks, JudgesWhetherThereIsAKubeProxy) {
  const auto presence = [](Presence is) {
    return [is](Facts& facts) { facts.kube_proxy.presence = is; };
  };
  expect({
      {kNftables, "kube-proxy", none(), Outcome::ok, "in iptables mode by its own word"},
      {kNftables, "kube-proxy", presence(Presence::absent), Outcome::unknown, "none runs"},
      {kIpvs, "kube-proxy", presence(Presence::unclear), Outcome::unknown, "neither"},
      {kEbpf, "kube-proxy", none(), Outcome::ok},
      {kEbpf, "kube-proxy", presence(Presence::runs), Outcome::note, "runs; beside"},
      {kEbpf, "kube-proxy", presence(Presence::unclear), Outcome::note},
      {kEbpf, "kube-proxy/health-port", none(), Outcome::note, "10256"},
      {kEbpf, "kube-proxy/masquerade-all",
       [](Facts& f) { f.kube_proxy.settings->masquerade_all = true; }, Outcome::note},
  });
}

TEST(RunChecks, JudgesKubeProxysVersion) {
  const auto version = [](std::string_view text) {
    return [text](Facts& facts) { facts.kube_proxy.version = text; };
  };
  const auto gate = [](std::string_view text, std::optional<bool> KubeProxySettings::* which) {
    return [text, which](Facts& facts) {
      facts.kube_proxy.version = text;
      (*facts.kube_proxy.settings).*which = true;
    };
  };
  const auto unread = [](std::string_view text) {
    return [text](Facts& facts) {
      facts.kube_proxy.version = text;
      facts.kube_proxy.settings.reset();
    };
  };
  constexpr std::string_view kId = "kube-proxy/version";
  expect({
      {kNftables, kId, version("v1.28.15"), Outcome::blocked, "begins with 1.29"},
      {kNftables, kId, version("v1.30.0"), Outcome::blocked, "alpha"},
      {kNftables, kId, gate("v1.30.0", &KubeProxySettings::nftables_gate), Outcome::warning},
      {kNftables, kId, unread("v1.30.0"), Outcome::warning},
      {kNftables, kId, version("v1.31.2-eks-7f9249a"), Outcome::note, "beta"},
      {kNftables, kId, version("v1.33.0"), Outcome::ok},
      {kNftables, kId, version(""), Outcome::unknown, "do not have it"},
      {kNftables, kId, version("devel"), Outcome::unknown, "not understood: devel"},
      {kIpvs, kId, version("v1.28.0"), Outcome::warning, "dead end"},
      {kIpvs, kId, version("v1.35.0"), Outcome::warning, "deprecated since"},
      {kIpvs, kId, version("v1.40.0"), Outcome::blocked, "off from 1.40"},
      {kIpvs, kId, gate("v1.40.0", &KubeProxySettings::ipvs_gate), Outcome::warning},
      {kIpvs, kId, unread("v1.41.0"), Outcome::warning},
      {kIpvs, kId, version("v1.43.0"), Outcome::blocked, "gone"},
  });
}

TEST(RunChecks, JudgesWhatKubeProxyIsTold) {
  const auto unread = [](Facts& facts) {
    facts.kube_proxy.settings.reset();
    facts.kube_proxy.settings_unread = "/proc/7/root: Permission denied";
  };
  const auto told = [](auto change) {
    return [change](Facts& facts) { change(*facts.kube_proxy.settings); };
  };
  expect({
      {kNftables, "kube-proxy/configuration", unread, Outcome::warning, "Permission denied"},
      {kNftables, "kube-proxy/mode", none(), Outcome::note, "iptables, by /var/lib/kube-proxy"},
      {kNftables, "kube-proxy/mode", told([](auto& s) { s.mode.reset(); }), Outcome::note,
       "not set, by"},
      {kNftables, "kube-proxy/mode", told([](auto& s) { s.mode = "nftables"; }), Outcome::warning,
       "and runs in iptables mode"},
      {kIpvs, "kube-proxy/mode",
       [](Facts& f) {
         f.kube_proxy.settings->mode = "ipvs";
         f.kube_proxy.mode = "ipvs";
       },
       Outcome::ok, "ipvs, by"},
      {kIpvs, "kube-proxy/cluster-cidr", none(), Outcome::ok, "10.244.0.0/16"},
      {kIpvs, "kube-proxy/cluster-cidr", told([](auto& s) { s.cluster_cidr.reset(); }),
       Outcome::warning, "not set"},
      {kIpvs, "kube-proxy/cluster-cidr", told([](auto& s) {
         s.cluster_cidr.reset();
         s.detect_local_mode = "NodeCIDR";
       }),
       Outcome::ok, "NodeCIDR"},
      {kIpvs, "kube-proxy/strict-arp", none(), Outcome::ok, "on"},
      {kIpvs, "kube-proxy/strict-arp", told([](auto& s) { s.strict_arp.reset(); }), Outcome::note},
  });
}

TEST(RunChecks, JudgesTools) {
  const auto has = [](const std::string& tool, bool there) {
    return [tool, there](Facts& facts) { facts.kube_proxy.tools = {{tool, there}}; };
  };
  const auto unseen = [](Facts& facts) { facts.kube_proxy.tools.clear(); };
  expect({
      {kNftables, "tool/nft", none(), Outcome::ok, "version is not seen"},
      {kNftables, "tool/nft", has("nft", false), Outcome::blocked},
      {kNftables, "tool/nft", unseen, Outcome::note, "cannot be looked at"},
      {kNftables, "tool/nft",
       [](Facts& f) {
         f.kube_proxy.tools.clear();
         f.kube_proxy.version = "v1.37.0";
       },
       Outcome::ok, "not needed"},
      {kIpvs, "tool/ipset", none(), Outcome::ok},
      {kIpvs, "tool/ipset", has("ipset", false), Outcome::blocked},
      {kIpvs, "tool/ipset", unseen, Outcome::note},
      {kNftables, "tool/host-nft", none(), Outcome::ok},
      {kNftables, "tool/host-nft", [](Facts& f) { f.host_has_nft = true; }, Outcome::note,
       "has an nft"},
      {kNftables, "tool/host-nft", [](Facts& f) { f.host_has_nft.reset(); }, Outcome::note,
       "not seen"},
  });
}

TEST(RunChecks, JudgesNodePorts) {
  const auto in_use = [](auto change) {
    return [change](Facts& facts) {
      facts.features->node_ports = 3;
      change(facts);
    };
  };
  const auto as_is = in_use([](Facts&) {});
  expect({
      {kNftables, "node-ports", none(), Outcome::ok, "none in use"},
      {kNftables, "node-ports", [](Facts& f) { f.features->node_ports.reset(); }, Outcome::note},
      {kNftables, "node-ports/source-address", as_is, Outcome::ok, "3 NodePorts"},
      {kEbpf, "node-ports/source-address", as_is, Outcome::note},
      {kNftables, "node-ports/addresses", as_is, Outcome::warning, "primary addresses only"},
      {kNftables, "node-ports/addresses", in_use([](Facts& f) { f.kube_proxy.settings.reset(); }),
       Outcome::warning},
      {kNftables, "node-ports/addresses", in_use([](Facts& f) {
         f.kube_proxy.settings->node_ports_on = {"10.0.0.0/24", "fd00::/64"};
       }),
       Outcome::ok, "10.0.0.0/24, fd00::/64"},
      {kNftables, "node-ports/firewall", as_is, Outcome::note},
      {kNftables, "node-ports/firewall", in_use([](Facts& f) { f.firewall_rules = 7; }),
       Outcome::warning, "ufw or firewalld"},
      {kNftables, "node-ports/localhost", as_is, Outcome::ok, "nobody"},
      {kIpvs, "node-ports/localhost",
       in_use([](Facts& f) { f.kube_proxy.counters.localhost_node_ports = 12; }), Outcome::warning,
       "12 packets"},
      {kIpvs, "node-ports/localhost",
       in_use([](Facts& f) { f.kube_proxy.counters.localhost_node_ports.reset(); }), Outcome::note},
      {kIpvs, "node-ports/localhost",
       in_use([](Facts& f) { f.kube_proxy.settings->localhost_node_ports = false; }), Outcome::ok,
       "before the move"},
  });
  Facts facts = ready_for(kEbpf);
  facts.features->node_ports = 3;
  EXPECT_EQ(find(run_checks(kEbpf, facts), "node-ports/localhost"), nullptr) << "Cilium has them";
}

TEST(RunChecks, JudgesOtherFeaturesInUse) {
  const auto uses = [](Count Features::* what, Count count, std::string_view kernel = "6.1.0") {
    return [what, count, kernel](Facts& facts) {
      (*facts.features).*what = count;
      facts.kernel = kernel;
    };
  };
  expect({
      {kNftables, "session-affinity", none(), Outcome::ok},
      {kNftables, "session-affinity", uses(&Features::affinity, 9), Outcome::note, "9 endpoints"},
      {kNftables, "session-affinity", uses(&Features::affinity, std::nullopt), Outcome::note,
       "not seen"},
      {kEbpf, "session-affinity", uses(&Features::affinity, 1, "5.4.0"), Outcome::warning,
       "1 endpoint with"},
      {kNftables, "source-ranges", none(), Outcome::ok},
      {kNftables, "source-ranges", uses(&Features::source_ranges, 2), Outcome::ok, "2 load"},
      {kEbpf, "source-ranges", uses(&Features::source_ranges, 2), Outcome::warning, "pods"},
      {kNftables, "traffic-policy", uses(&Features::local_policy, 2), Outcome::ok, "2 ports"},
      {kNftables, "connections", none(), Outcome::note, "go on"},
      {kEbpf, "connections", none(), Outcome::note, "may break"},
      {kEbpf, "cluster-ips", none(), Outcome::note},
      {kEbpf, "network-storage", none(), Outcome::note},
  });
}

TEST(RunChecks, JudgesConntracksBugOfOldKernels) {
  const auto old = [](auto change) {
    return [change](Facts& facts) {
      facts.kernel = "5.15.0";
      change(facts);
    };
  };
  expect({
      {kNftables, "conntrack", none(), Outcome::ok, "6.1"},
      {kNftables, "conntrack", old([](Facts&) {}), Outcome::note},
      {kNftables, "conntrack", old([](Facts& f) { f.kube_proxy.counters.invalid_dropped = 4; }),
       Outcome::warning, "4 packets"},
      {kNftables, "conntrack", old([](Facts& f) { f.tcp_be_liberal = true; }), Outcome::ok},
      {kNftables, "conntrack", old([](Facts& f) { f.kube_proxy.settings->tcp_be_liberal = true; }),
       Outcome::ok},
  });
}

TEST(RunChecks, JudgesTheSize) {
  const auto size = [](std::uint64_t services, std::uint64_t endpoints) {
    return [services, endpoints](Facts& facts) {
      facts.features->services = services;
      facts.features->endpoints = endpoints;
    };
  };
  expect({
      {kNftables, "size", size(1, 1), Outcome::ok, "1 port of Services, 1 endpoint"},
      {kNftables, "size", size(5'000, 100), Outcome::warning},
      {kNftables, "size", size(100, 50'000), Outcome::warning},
      {kIpvs, "size", size(5'000, 5'000), Outcome::ok},
      {kIpvs, "size", size(5'000, 5'001), Outcome::warning, "every two seconds"},
      {kIpvs, "size", size(65'537, 0), Outcome::blocked, "65,536"},
      {kEbpf, "size", size(30'000, 35'000), Outcome::ok},
      {kEbpf, "size", size(30'000, 36'000), Outcome::warning, "room for 65,536"},
  });
}

TEST(RunChecks, SaysWhereFeaturesAreNotSeen) {
  expect({
      {kNftables, "features", [](Facts& f) { f.features.reset(); }, Outcome::unknown},
      {kNftables, "features",
       [](Facts& f) {
         f.features.reset();
         f.mode = "ebpf";
       },
       Outcome::warning, "eBPF maps"},
  });
  Facts facts = ready_for(kNftables);
  facts.features.reset();
  for (const std::string_view mode : {"none", "nftables"}) {
    facts.mode = mode;
    EXPECT_EQ(find(run_checks(kNftables, facts), "features"), nullptr) << "nothing to compare";
  }
}

// The words in a text that are names of metrics.
std::vector<std::string> metrics_in(const std::string& text) {
  constexpr std::string_view kInNames = "abcdefghijklmnopqrstuvwxyz_0123456789";
  std::vector<std::string> names;
  for (std::size_t at = text.find_first_of(kInNames); at != std::string::npos;) {
    const std::size_t end = std::min(text.find_first_not_of(kInNames, at), text.size());
    const std::string word = text.substr(at, end - at);
    if (word.starts_with("kubecliff_") || word.starts_with("kubeproxy_")) {
      names.push_back(word);
    }
    at = text.find_first_of(kInNames, end);
  }
  return names;
}

// What dashboards are told to look for is there.
TEST(RunChecks, NamesMetricsThatAreServed) {
  std::set<std::string, std::less<>> served;
  for (const CollectorSpec& spec : collector_specs()) {
    for (const FamilySpec& family : spec.families) {
      served.emplace(family.name);
    }
  }
  std::size_t named = 0;
  for (const Target target : kTargets) {
    for (const std::string_view mode : {"iptables-legacy", "nftables", "ipvs", "ebpf"}) {
      Facts facts = ready_for(target);
      facts.mode = mode;
      const Checks checks = run_checks(target, facts);
      EXPECT_EQ(find(checks, "dashboards/lost") == nullptr, mode == name(target));
      EXPECT_EQ(find(checks, "dashboards/instead") == nullptr, mode == name(target));
      for (const Check& check : checks) {
        for (const std::string& metric : metrics_in(check.found + " " + check.advice)) {
          EXPECT_TRUE(served.contains(metric)) << metric;
          ++named;
        }
      }
    }
  }
  EXPECT_GT(named, 100U);
}

TEST(VerdictOf, IsTheWorstThatDecides) {
  const auto verdict = [](std::vector<Outcome> outcomes) {
    Checks checks;
    for (const Outcome outcome : outcomes) {
      checks.push_back({"id", outcome, "", ""});
    }
    return verdict_of(checks);
  };
  EXPECT_EQ(verdict({}), Verdict::ready);
  EXPECT_EQ(verdict({Outcome::ok, Outcome::warning, Outcome::note}), Verdict::ready);
  EXPECT_EQ(verdict({Outcome::unknown, Outcome::warning}), Verdict::unknown);
  EXPECT_EQ(verdict({Outcome::unknown, Outcome::blocked, Outcome::ok}), Verdict::blocked);
}

}  // namespace
}  // namespace kubecliff::preflight
