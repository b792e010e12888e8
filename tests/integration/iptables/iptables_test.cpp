// The iptables collector against the real kernel, judged by iptables-save on the same state.
#include "collectors/iptables/iptables.h"

#include <linux/capability.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/procfs.h"
#include "collectors/kernel/unique_fd.h"
#include "tests/support/backend.h"
#include "tests/support/figures.h"
#include "tests/support/iptables_save.h"
#include "tests/support/network_namespace.h"
#include "tests/support/ruleset.h"
#include "tests/support/run_tool.h"
#include "tests/support/service_keys.h"

namespace kubecliff::iptables {
namespace {

using test::Backend;
using test::Family;
using test::Figures;
using test::Flush;
using test::label;
using test::Ruleset;

using namespace std::chrono_literals;

constexpr Duration kFullInterval = 10min;

std::string key(std::string_view name, const std::vector<std::string>& label_values) {
  std::string text{name};
  char separator = '{';
  for (const std::string& value : label_values) {
    text += separator;
    text += value;
    separator = ',';
  }
  return text + '}';
}

// A collector and what it serves, with time in the test's hands.
class Served {
 public:
  explicit Served(
      std::shared_ptr<ServiceEndpoints> endpoints = std::make_shared<ServiceEndpoints>()) {
    const CollectorContext context{.options = Options{{{"iptables.full-interval", kFullInterval}}},
                                   .service_endpoints = std::move(endpoints)};
    collector_ = *spec().make(context);
  }

  RefreshKind refresh(Duration later = 1s) {
    now_ += later;
    Samples samples;
    const Result<RefreshKind> kind = collector_->refresh(now_, samples);
    if (!kind) {
      throw std::runtime_error{kind.error().message};
    }
    misses_ = samples.misses();
    EXPECT_EQ(samples.dropped(), 0U);
    if (*kind == RefreshKind::unchanged && misses_.empty()) {
      return *kind;
    }
    figures_ = test::figures_of(samples, "kubecliff_iptables_");
    return *kind;
  }

  [[nodiscard]] const Figures& figures() const { return figures_; }
  [[nodiscard]] const std::vector<Error>& misses() const { return misses_; }
  // -1 where there is no such series.
  [[nodiscard]] double at(std::string_view name, const std::vector<std::string>& labels) const {
    const auto found = figures_.find(key(name, labels));
    return found == figures_.end() ? -1 : found->second;
  }
  [[nodiscard]] std::string state(std::string_view backend, std::string_view family) const {
    std::string states;
    for (const std::string_view state :
         {"rules", "empty", "no_table", "not_loaded", "not_built", "denied"}) {
      if (at("backend_state", {std::string{backend}, std::string{family}, std::string{state}}) ==
          1) {
        states += state;
      }
    }
    return states;
  }

 private:
  std::unique_ptr<Collector> collector_;
  Clock::time_point now_ = Clock::now();
  Figures figures_;
  std::vector<Error> misses_;
};

// Everything that must be served of one backend and family, as iptables-save has it.
Figures expected_figures(Backend backend, Family family, const test::SavedRuleset& saved) {
  Figures expected;
  const std::string b{label(backend)};
  const std::string f{label(family)};
  const auto put = [&](std::string_view name, const std::vector<std::string>& labels,
                       std::int64_t value) {
    expected[key(name, labels)] = static_cast<double>(value);
  };
  for (const auto& [table, figures] : saved.tables) {
    put("rules", {b, f, table}, figures.rules);
    put("chains", {b, f, table}, figures.chains);
    put("duplicate_rules", {b, f, table}, figures.duplicate_rules);
    if (table == "nat") {
      put("unbalanced_service_chains", {b, f, table}, figures.unbalanced_service_chains);
      put("dangling_jumps", {b, f, table}, figures.dangling_jumps);
    }
    for (const auto& [chain_class, count] : figures.classes) {
      constexpr std::array<std::string_view, 6> kOneOfAKind{"services",    "nodeports", "mark",
                                                            "postrouting", "firewall",  "canary"};
      if (std::ranges::find(kOneOfAKind, chain_class) == kOneOfAKind.end()) {
        put("kube_chains", {b, f, table, chain_class}, count.chains);
      }
      put("kube_rules", {b, f, table, chain_class}, count.rules);
    }
  }
  if (saved.tables.contains("nat")) {
    put("services", {b, f}, saved.services);
    put("endpoints", {b, f}, saved.endpoints);
    put("nodeports", {b, f}, saved.node_ports);
    put("affinity_rules", {b, f}, saved.affinity_rules);
    put("masquerade_rules", {b, f}, saved.masquerade_rules);
    put("worst_case_walk_rules", {b, f}, saved.worst_case_walk);
  }
  if (saved.tables.contains("filter")) {
    put("no_endpoint_rules", {b, f}, saved.no_endpoint_rules);
  }
  if (saved.rules_before_services_in_prerouting) {
    put("rules_before_services", {b, f, "prerouting"}, *saved.rules_before_services_in_prerouting);
  }
  if (saved.rules_before_services_in_output) {
    put("rules_before_services", {b, f, "output"}, *saved.rules_before_services_in_output);
  }
  return expected;
}

// The same selection of what is served.
Figures comparable(const Figures& figures, Backend backend, Family family) {
  static const std::set<std::string, std::less<>> others{
      "backend_state", "owner_rules", "new_flows_total", "table_bytes", "ruleset_changes_total"};
  const std::string labels = '{' + std::string{label(backend)} + ',' + std::string{label(family)};
  Figures selected;
  for (const auto& [name, value] : figures) {
    const std::size_t brace = name.find('{');
    if (!others.contains(std::string_view{name}.substr(0, brace)) &&
        name.compare(brace, labels.size(), labels) == 0) {
      selected.emplace(name, value);
    }
  }
  return selected;
}

void must_restore(Backend backend, Family family, std::string_view input,
                  Flush flush = Flush::all) {
  const Result<test::ToolRun> run = test::restore(backend, family, input, flush);
  ASSERT_TRUE(run) << run.error().message;
}

void expect_as_saved(const Served& served, Backend backend, Family family) {
  const Result<std::string> text = test::save(backend, family);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_THAT(
      comparable(served.figures(), backend, family),
      ::testing::ContainerEq(expected_figures(backend, family, test::parse_iptables_save(*text))));
  EXPECT_THAT(served.misses(), ::testing::IsEmpty());
}

class Iptables : public test::NetworkNamespaceTest {};

class IptablesBackend : public test::NetworkNamespaceTest,
                        public ::testing::WithParamInterface<std::tuple<Backend, Family>> {
 protected:
  [[nodiscard]] static Backend backend() { return std::get<Backend>(GetParam()); }
  [[nodiscard]] static Family family() { return std::get<Family>(GetParam()); }
  [[nodiscard]] static std::string b() { return std::string{label(backend())}; }
  [[nodiscard]] static std::string f() { return std::string{label(family())}; }

  static void load(const Ruleset& ruleset) {
    must_restore(backend(), family(), ruleset.restore_input());
  }
};

INSTANTIATE_TEST_SUITE_P(, IptablesBackend,
                         ::testing::Combine(::testing::ValuesIn(test::kBackends),
                                            ::testing::ValuesIn(test::kFamilies)),
                         [](const auto& param) {
                           return std::string{label(std::get<Backend>(param.param))} + "_" +
                                  std::string{label(std::get<Family>(param.param))};
                         });

TEST_P(IptablesBackend, FiguresEqualIptablesSaveAtEverySize) {
  for (const int services : {0, 1, 100, 5'000}) {
    SCOPED_TRACE(services);
    const Ruleset ruleset{test::varied(services, 5, family())};
    load(ruleset);
    Served served;
    EXPECT_EQ(served.refresh(), RefreshKind::full);
    expect_as_saved(served, backend(), family());
    EXPECT_EQ(served.at("services", {b(), f()}), ruleset.expected().services);
    EXPECT_EQ(served.at("endpoints", {b(), f()}), ruleset.expected().endpoints);
    EXPECT_EQ(served.state(b(), f()), "rules");
  }
}

TEST_P(IptablesBackend, FiguresOfALargeClusterNeedNoComments) {
  test::RulesetShape shape = test::varied(100, 5, family());
  shape.comments = test::Comments::large_cluster;
  load(Ruleset{shape});
  Served served;
  served.refresh();
  expect_as_saved(served, backend(), family());
}

TEST_P(IptablesBackend, AnUnchangedRulesetIsNotReadAgain) {
  load(Ruleset{test::varied(20, 3, family())});
  Served served;
  EXPECT_EQ(served.refresh(), RefreshKind::full);
  EXPECT_EQ(served.refresh(), RefreshKind::unchanged);
  EXPECT_EQ(served.refresh(), RefreshKind::unchanged);
}

TEST_P(IptablesBackend, EveryChangeIsFollowed) {
  Ruleset ruleset{test::varied(100, 5, family())};
  load(ruleset);
  Served served;
  served.refresh();

  must_restore(backend(), family(), ruleset.add_service(), Flush::none);
  EXPECT_NE(served.refresh(), RefreshKind::unchanged);
  expect_as_saved(served, backend(), family());
  EXPECT_EQ(served.at("services", {b(), f()}), ruleset.expected().services);
  EXPECT_EQ(served.at("ruleset_changes_total", {b(), f()}), 1);

  must_restore(backend(), family(), ruleset.remove_service(3), Flush::none);
  served.refresh();
  expect_as_saved(served, backend(), family());
  EXPECT_EQ(served.at("ruleset_changes_total", {b(), f()}), 2);

  for (const std::string_view table : {"nat", "filter"}) {
    const std::string tool =
        std::string{family() == Family::ipv4 ? "iptables-" : "ip6tables-"} + b();
    const auto run = test::run_tool({tool, "-w", "60", "-t", std::string{table}, "-F"});
    ASSERT_TRUE(run);
    ASSERT_EQ(run->exit_status, 0) << run->err;
  }
  served.refresh();
  expect_as_saved(served, backend(), family());
  EXPECT_EQ(served.at("rules", {b(), f(), "nat"}), 0);
}

TEST_P(IptablesBackend, ARuleReplacedByAnotherShowsAtTheNextFullPass) {
  load(Ruleset{test::plain(3, 3, family())});
  Served served;
  served.refresh();
  ASSERT_EQ(served.at("unbalanced_service_chains", {b(), f(), "nat"}), 0);

  // The same number of rules in the same number of bytes, with another probability.
  const std::string chain = test::hashed_chain("KUBE-SVC-", "one");
  const std::string endpoint = test::hashed_chain("KUBE-SEP-", "one");
  const auto input = [&](std::string_view probability) {
    return "*nat\n:" + chain + " -\n:" + endpoint + " -\n-A " + chain +
           " -m statistic --mode random --probability " + std::string{probability} + " -j " +
           endpoint + "\n-A " + chain + " -j " + endpoint + "\n-A " + endpoint +
           " -j ACCEPT\nCOMMIT\n";
  };
  must_restore(backend(), family(), input("0.5"), Flush::none);
  served.refresh();
  ASSERT_EQ(served.at("unbalanced_service_chains", {b(), f(), "nat"}), 0);

  must_restore(backend(), family(), input("0.9"), Flush::none);
  served.refresh();
  served.refresh(kFullInterval);
  EXPECT_EQ(served.at("unbalanced_service_chains", {b(), f(), "nat"}), 1);
  expect_as_saved(served, backend(), family());
}

TEST_P(IptablesBackend, EachFlawIsCounted) {
  for (const auto flaw : {test::Flaw::duplicate_rules, test::Flaw::unbalanced_service,
                          test::Flaw::jump_to_empty_chain, test::Flaw::service_without_endpoints}) {
    SCOPED_TRACE(static_cast<int>(flaw));
    load(Ruleset{test::plain(10, 3, family())});
    must_restore(backend(), family(), test::flawed_rules(flaw, family()), Flush::none);
    Served served;
    served.refresh();
    for (const auto& [name, expected] :
         {std::pair{"duplicate_rules", flaw == test::Flaw::duplicate_rules ? 2 : 0},
          std::pair{"unbalanced_service_chains", flaw == test::Flaw::unbalanced_service ? 1 : 0},
          std::pair{"dangling_jumps", flaw == test::Flaw::jump_to_empty_chain ||
                                              flaw == test::Flaw::service_without_endpoints
                                          ? 1
                                          : 0}}) {
      EXPECT_EQ(served.at(name, {b(), f(), "nat"}), expected) << name;
    }
  }
}

TEST_P(IptablesBackend, ChainsOfOldReleasesAreKnown) {
  load(Ruleset{test::plain(3, 3, family())});
  must_restore(backend(), family(), test::old_release_rules(family()), Flush::none);
  Served served;
  served.refresh();
  EXPECT_EQ(served.at("kube_chains", {b(), f(), "nat", "xlb"}), 1);
  expect_as_saved(served, backend(), family());
}

TEST_P(IptablesBackend, EveryOwnersRulesAreItsOwn) {
  for (const test::Owner owner : test::kOwners) {
    SCOPED_TRACE(test::label(owner));
    const std::string rules = test::foreign_rules(owner, family());
    must_restore(backend(), family(),
                 "*raw\nCOMMIT\n*mangle\nCOMMIT\n*nat\nCOMMIT\n*filter\nCOMMIT\n");
    must_restore(backend(), family(), rules, Flush::none);
    Served served;
    served.refresh();
    const std::string suffix = std::string{','} + std::string{test::label(owner)} + '}';
    double owned = 0;
    double all = 0;
    for (const auto& [name, value] : served.figures()) {
      if (name.starts_with("owner_rules{" + b() + ',' + f())) {
        all += value;
        owned += name.ends_with(suffix) ? value : 0;
      }
    }
    EXPECT_GT(all, 0);
    if (owner == test::Owner::nodelocaldns) {
      EXPECT_GT(owned, 0);  // what it accepts in the filter table looks like anybody's
    } else {
      EXPECT_EQ(owned, all);
    }
  }
}

TEST_P(IptablesBackend, LongNamesAndOddCommentsAreCountedLikeAnyOther) {
  const std::string chain(28, 'X');
  const std::string comment = std::string(200, 'c') + " \xff\xfe \xc3\x28 'quoted' ";
  must_restore(
      backend(), family(),
      "*nat\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n:" + chain +
          " -\n[18446744073709551615:18446744073709551615] -A " + chain +
          " -m comment --comment \"" + comment + "\" -j RETURN\n-A " + chain + "\nCOMMIT\n");
  Served served;
  served.refresh();
  expect_as_saved(served, backend(), family());
  EXPECT_EQ(served.at("rules", {b(), f(), "nat"}), 2);
}

TEST_P(IptablesBackend, NewFlowsAreThoseThatKubeServicesSaw) {
  load(Ruleset{test::plain(3, 3, family())});
  Served served;
  served.refresh();
  ASSERT_EQ(served.at("new_flows_total", {b(), f(), "output"}), 0);

  constexpr int kFlows = 50;
  for (int i = 0; i < kFlows; ++i) {
    // Two datagrams to a port of its own are one flow; the port is closed, and nobody minds.
    const std::uint16_t port = htons(static_cast<std::uint16_t>(20'000 + i));
    const int domain = family() == Family::ipv4 ? AF_INET : AF_INET6;
    const UniqueFd socket{::socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ASSERT_TRUE(socket.valid());
    const sockaddr_in ipv4{.sin_family = AF_INET,
                           .sin_port = port,
                           .sin_addr = {htonl(INADDR_LOOPBACK)},
                           .sin_zero = {}};
    const sockaddr_in6 ipv6{.sin6_family = AF_INET6,
                            .sin6_port = port,
                            .sin6_flowinfo = 0,
                            .sin6_addr = in6addr_loopback,
                            .sin6_scope_id = 0};
    const auto* address = family() == Family::ipv4 ? reinterpret_cast<const sockaddr*>(&ipv4)
                                                   : reinterpret_cast<const sockaddr*>(&ipv6);
    const socklen_t size = family() == Family::ipv4 ? sizeof(ipv4) : sizeof(ipv6);
    for (int datagram = 0; datagram < 2; ++datagram) {
      std::ignore = ::sendto(socket.get(), "x", 1, 0, address, size);
    }
  }
  served.refresh(backend() == Backend::nft ? Duration{15s} : kFullInterval);
  EXPECT_EQ(served.at("new_flows_total", {b(), f(), "output"}), kFlows);

  // The counters start again with the rules; the total goes on.
  load(Ruleset{test::plain(3, 3, family())});
  served.refresh(kFullInterval);
  EXPECT_EQ(served.at("new_flows_total", {b(), f(), "output"}), kFlows);
}

void expect_told(const ServiceEndpoints& endpoints, Backend backend, const Ruleset& ruleset,
                 Family family) {
  test::expect_told(endpoints,
                    backend == Backend::legacy ? ServiceEndpoints::Source::iptables_legacy
                                               : ServiceEndpoints::Source::iptables_nft,
                    ruleset.services(), family);
}

TEST_P(IptablesBackend, ServicesAndTheirEndpointsAreTold) {
  Ruleset ruleset{test::varied(60, 4, family())};
  load(ruleset);
  const auto endpoints = std::make_shared<ServiceEndpoints>();
  Served served{endpoints};
  served.refresh();
  expect_told(*endpoints, backend(), ruleset, family());
  for (const std::string& change :
       {ruleset.add_service(), ruleset.remove_service(7), ruleset.remove_service(30)}) {
    must_restore(backend(), family(), change, Flush::none);
  }
  served.refresh();
  expect_told(*endpoints, backend(), ruleset, family());

  // One for another: in the legacy backend nothing but a copy of the table can show it.
  must_restore(backend(), family(), ruleset.remove_service(0), Flush::none);
  must_restore(backend(), family(), ruleset.add_service(), Flush::none);
  endpoints->ask_for_look_after(endpoints->begin(Clock::now()));
  served.refresh();
  expect_told(*endpoints, backend(), ruleset, family());
}

TEST_P(IptablesBackend, NothingWrongIsServedWhileRestoresRunInALoop) {
  constexpr int kRestores = 20;
  const Ruleset small{test::varied(300, 3, family())};
  const Ruleset large{test::varied(400, 3, family())};
  load(small);
  Served served;
  served.refresh();

  std::atomic<bool> done = false;
  std::thread writer{[&] {
    for (int i = 0; i < kRestores; ++i) {
      const Ruleset& ruleset = i % 2 == 0 ? large : small;
      const auto run = test::restore(backend(), family(), ruleset.restore_input());
      EXPECT_TRUE(run) << run.error().message;
    }
    done = true;
  }};
  std::set<double> seen;
  std::size_t torn = 0;
  while (!done) {
    served.refresh();
    torn += served.misses().size();
    for (const Error& miss : served.misses()) {
      EXPECT_EQ(miss.kind, ErrorKind::torn) << miss.message;
    }
    seen.insert(served.at("rules", {b(), f(), "nat"}));
  }
  writer.join();
  EXPECT_THAT(seen, ::testing::IsSubsetOf({static_cast<double>(small.expected().nat.rules),
                                           static_cast<double>(large.expected().nat.rules)}));
  RecordProperty("torn", static_cast<int>(torn));

  served.refresh();
  served.refresh();
  expect_as_saved(served, backend(), family());
}

TEST_F(Iptables, LookingCreatesNoTable) {
  Served served;
  for (int i = 0; i < 5; ++i) {
    served.refresh(kFullInterval);
  }
  for (const char* path : {"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"}) {
    const auto tables = read_file(path);
    ASSERT_TRUE(tables);
    EXPECT_EQ(*tables, "");
  }
  const auto listed = test::nft({"list", "tables"});
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->out, "");
  for (const std::string_view backend : {"legacy", "nft"}) {
    EXPECT_EQ(served.state(backend, "ipv4"), "no_table");
    EXPECT_EQ(served.state(backend, "ipv6"), "no_table");
  }
}

TEST_F(Iptables, ATableWithoutRulesIsNotTheSameAsNoTable) {
  must_restore(Backend::legacy, Family::ipv4, "*nat\nCOMMIT\n");
  must_restore(Backend::nft, Family::ipv6, "*filter\n:INPUT ACCEPT\nCOMMIT\n");
  Served served;
  served.refresh();
  EXPECT_EQ(served.state("legacy", "ipv4"), "empty");
  EXPECT_EQ(served.at("rules", {"legacy", "ipv4", "nat"}), 0);
  EXPECT_EQ(served.state("legacy", "ipv6"), "no_table");
  EXPECT_EQ(served.state("nft", "ipv6"), "empty");
}

TEST_F(Iptables, BothBackendsAndFamiliesAreServedSideBySide) {
  for (const Backend backend : test::kBackends) {
    for (const Family family : test::kFamilies) {
      must_restore(backend, family, Ruleset{test::varied(30, 2, family)}.restore_input());
    }
  }
  Served served;
  served.refresh();
  for (const Backend backend : test::kBackends) {
    for (const Family family : test::kFamilies) {
      expect_as_saved(served, backend, family);
    }
  }
}

TEST_F(Iptables, NoPermissionIsSaidSo) {
  must_restore(Backend::legacy, Family::ipv4, Ruleset{test::plain(3, 1)}.restore_input());
  must_restore(Backend::nft, Family::ipv4, Ruleset{test::plain(3, 1)}.restore_input());
  Served served;
  // Capabilities are a thread's own: this one gives up all of them.
  std::thread unprivileged{[&] {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    const std::array<__user_cap_data_struct, 2> none{};
    ASSERT_EQ(::syscall(SYS_capset, &header, none.data()), 0);
    served.refresh();
  }};
  unprivileged.join();
  EXPECT_EQ(served.state("legacy", "ipv4"), "denied");
  EXPECT_EQ(served.state("nft", "ipv4"), "denied");
  EXPECT_THAT(served.misses(), ::testing::Each(::testing::Field(&Error::kind, ErrorKind::denied)));
  EXPECT_EQ(served.at("rules", {"legacy", "ipv4", "nat"}), -1);
}

TEST_F(Iptables, NativeNftTablesAreNotIptables) {
  const auto loaded = test::nft({"-f", "-"},
                                "add table ip kube-proxy\n"
                                "add chain ip kube-proxy services\n"
                                "add rule ip kube-proxy services counter\n"
                                "add table inet filter\n"
                                "add chain inet filter input\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  Served served;
  served.refresh();
  EXPECT_EQ(served.state("nft", "ipv4"), "no_table");
}

TEST_F(Iptables, ATableThatVerdictMapsPointIntoStillCostsNothingUnchanged) {
  must_restore(Backend::nft, Family::ipv4, Ruleset{test::plain(20, 2)}.restore_input());
  const auto loaded =
      test::nft({"-f", "-"},
                "add map ip nat ports { type inet_service : verdict; }\n"
                "add element ip nat ports { 80 : jump KUBE-SERVICES, 81 : jump KUBE-SERVICES }\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  Served served;
  served.refresh();
  served.refresh();
  EXPECT_EQ(served.refresh(), RefreshKind::unchanged);
  EXPECT_EQ(served.at("services", {"nft", "ipv4"}), 20);
}

}  // namespace
}  // namespace kubecliff::iptables
