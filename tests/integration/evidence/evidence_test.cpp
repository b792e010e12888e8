// `kubecliff evidence` as its user meets it, on the real kernel: the archive is read by tar, Python
// and sha256sum, and what is in it held to the reference tools on the same state.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "collectors/kernel/procfs.h"
#include "tests/integration/evidence/bundle.h"
#include "tests/integration/kubeproxy/stand_in.h"
#include "tests/integration/program/program.h"
#include "tests/support/file_tree.h"
#include "tests/support/iptables_save.h"
#include "tests/support/must.h"
#include "tests/support/nft_list.h"
#include "tests/support/nftables_ruleset.h"
#include "tests/support/result_matchers.h"
#include "tests/support/ruleset.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

TEST_F(Evidence, IsAnArchiveThatOthersRead) {
  must(restore(Backend::nft, Family::ipv4, Ruleset{varied(20, 3)}.restore_input()));
  const Bundle bundle;
  EXPECT_EQ(std::filesystem::status(bundle.archive()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  // Every name is below one folder, a file, and nobody else's to read.
  const std::string listed = must_run({"tar", "-tvzf", bundle.archive()});
  const std::string folder = bundle.root().filename();
  EXPECT_THAT(folder, StartsWith("kubecliff-evidence-"));
  for (const std::string& line : lines_of(listed)) {
    EXPECT_THAT(line, StartsWith("-rw------- 0/0 "));
    EXPECT_THAT(line, HasSubstr(" " + folder + "/"));
  }
  const std::string seen_by_python =
      must_run({"python3", "-c",
                "import sys, tarfile\n"
                "for member in tarfile.open(sys.argv[1]):\n"
                "    assert member.isfile() and member.mode == 0o600, member\n"
                "    print(member.name, member.size)\n",
                bundle.archive()});
  EXPECT_THAT(lines_of(seen_by_python), SizeIs(lines_of(listed).size()));
  EXPECT_THAT(lines_of(listed), SizeIs(bundle.manifest()["files"].size() + 1));

  std::string sums;
  for (const json& file : bundle.manifest()["files"]) {
    const std::filesystem::path path = bundle.root() / file["name"].get<std::string>();
    sums += file["sha256"].get<std::string>() + "  " + path.native() + "\n";
    EXPECT_EQ(std::filesystem::file_size(path), file["bytes"]) << path;
  }
  must_run({"sha256sum", "--check", "--strict", "--quiet"}, sums);
  for (const std::string_view name :
       {"README.txt", "metrics.txt", "conntrack/summary.json", "conntrack/flows.txt",
        "rules/classes.jsonl", "rules/nft-tables.jsonl", "network/links.jsonl",
        "network/routes.jsonl", "network/addresses.jsonl", "network/sockets.json",
        "network/stat/netstat.txt", "kernel/settings.jsonl", "kernel/versions.json",
        "kernel/load.txt", "kube-proxy/health.jsonl", "kube-proxy/settings.json"}) {
    EXPECT_TRUE(std::filesystem::exists(bundle.root() / name) || !bundle.missed(name).empty())
        << name;
  }
}

struct SavedRule {
  std::string chain;
  std::string target;  // empty: none
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;

  friend bool operator==(const SavedRule&, const SavedRule&) = default;
};

// By gtest.
void PrintTo(const SavedRule& rule, std::ostream* out) {
  *out << rule.chain << " " << rule.target << " [" << rule.packets << ":" << rule.bytes << "]";
}

// Rules of iptables-save -c, in their order, chain by chain.
std::map<std::string, std::vector<SavedRule>> saved_rules(Backend backend, Family family) {
  std::map<std::string, std::vector<SavedRule>> tables;
  std::string table;
  for (const std::string& line : lines_of(must_run({tool_name(backend, family, "save"), "-c"}))) {
    if (line.starts_with('*')) {
      table = line.substr(1);
    }
    if (!line.starts_with('[')) {
      continue;
    }
    SavedRule rule;
    char skipped = 0;
    std::string word;
    std::istringstream words{line};
    words >> skipped >> rule.packets >> skipped >> rule.bytes >> skipped >> word >> rule.chain;
    while (words >> word) {
      if (word == "-j" || word == "-g") {
        words >> rule.target;
      }
    }
    tables[table].push_back(rule);
  }
  return tables;
}

TEST_F(Evidence, LegacyRulesAreThoseOfIptablesSave) {
  for (const Family family : kFamilies) {
    must(restore(Backend::legacy, family, Ruleset{varied(40, 3, family)}.restore_input()));
  }
  // Packets, so that counters are not all 0.
  const StandIn listener;
  EXPECT_THAT(connect_to(listener.port()), has_value());
  const Bundle bundle{{"--full"}};
  std::map<std::pair<std::string, std::string>, std::vector<SavedRule>> listed;
  for (const json& rule : bundle.lines("rules/legacy.jsonl")) {
    listed[{rule["family"], rule["table"]}].push_back(
        {.chain = rule["chain"],
         .target = rule.contains("jump") ? rule["jump"] : rule.value("target", json("")),
         .packets = rule["packets"],
         .bytes = rule["bytes"]});
  }
  for (const Family family : kFamilies) {
    for (const auto& [table, rules] : saved_rules(Backend::legacy, family)) {
      EXPECT_EQ((listed[{std::string{label(family)}, table}]), rules) << table;
    }
  }
  const std::string text = bundle.text("rules/legacy.jsonl");
  const Ruleset ruleset{varied(40, 3)};
  EXPECT_THAT(text, HasSubstr(service_name(ruleset.services()[0])));
  EXPECT_THAT(text, HasSubstr("\"to\":\"" + endpoint_ip(ruleset.services()[0], 0, Family::ipv4) +
                              ":" + std::to_string(kEndpointPort) + "\""));
}

TEST_F(Evidence, RulesByClassAreThoseOfIptablesSave) {
  for (const Backend backend : kBackends) {
    for (const Family family : kFamilies) {
      must(restore(backend, family, Ruleset{varied(20, 2, family)}.restore_input()));
    }
  }
  const Bundle bundle;
  std::size_t seen = 0;
  for (const Backend backend : kBackends) {
    for (const Family family : kFamilies) {
      const SavedRuleset saved = parse_iptables_save(must(save(backend, family)));
      for (const json& row : bundle.lines("rules/classes.jsonl")) {
        if (row["backend"] != label(backend) || row["family"] != label(family)) {
          continue;
        }
        const SavedTable& table = saved.tables.at(row["table"]);
        EXPECT_EQ(row["rules"], table.rules) << row;
        EXPECT_EQ(row["chains"], table.chains) << row;
        EXPECT_EQ(row["classes"].size(), table.classes.size()) << row;
        for (const auto& [chain_class, counts] : table.classes) {
          EXPECT_EQ(row["classes"][chain_class]["rules"], counts.rules) << chain_class;
          EXPECT_EQ(row["classes"][chain_class]["chains"], counts.chains) << chain_class;
        }
        ++seen;
      }
    }
  }
  EXPECT_EQ(seen, 12) << "nat, filter and mangle of each";
}

// `nft -j list ruleset`, counted.
struct NftCounts {
  std::map<std::string, std::size_t> rules;     // by table and chain
  std::map<std::string, std::size_t> elements;  // by named set
};
NftCounts listed_by_nft() {
  NftCounts counts;
  const json listed = json::parse(must_run({"nft", "-j", "list", "ruleset"}));
  for (const json& object : listed["nftables"]) {
    if (object.contains("rule")) {
      const json& rule = object["rule"];
      ++counts.rules[rule["table"].get<std::string>() + " " + rule["chain"].get<std::string>()];
    }
    for (const auto* kind : {"set", "map"}) {
      if (object.contains(kind) && object[kind].contains("elem")) {
        counts.elements[object[kind]["name"]] = object[kind]["elem"].size();
      }
    }
  }
  return counts;
}

TEST_F(Evidence, NftablesRulesAndElementsAreThoseOfNft) {
  const NftablesRuleset ruleset{varied(40, 3), KubeProxyShape::up_to_1_35};
  must(nft({"-f", "-"}, ruleset.script()));
  must(nft({"-f", "-"},
           "table inet acme-firewall { chain in { type filter hook input priority 0; "
           "tcp dport 22 counter accept comment \"let acme in\"; }; }"));
  const Bundle bundle{{"--full"}};
  NftCounts counts;
  for (const json& rule : bundle.lines("rules/nft.jsonl")) {
    ++counts.rules[rule["table"].get<std::string>() + " " + rule["chain"].get<std::string>()];
  }
  for (const json& element : bundle.lines("rules/nft-elements.jsonl")) {
    if (!element["set"].get<std::string>().starts_with("__")) {
      ++counts.elements[element["set"]];
    }
  }
  const NftCounts expected = listed_by_nft();
  EXPECT_EQ(counts.rules, expected.rules);
  EXPECT_EQ(counts.elements, expected.elements);
  EXPECT_THAT(bundle.text("rules/nft.jsonl"), HasSubstr("let acme in"));
  const Service& service = ruleset.services()[0];
  EXPECT_THAT(bundle.text("rules/nft-elements.jsonl"),
              HasSubstr(cluster_ip(service, Family::ipv4) + " . tcp . 80"));
  for (const json& table : bundle.lines("rules/nft-tables.jsonl")) {
    if (table["table"] == "kube-proxy") {
      EXPECT_EQ(table["chains"], ruleset.expected().chains);
      EXPECT_EQ(table["sets"], ruleset.expected().sets);
      EXPECT_EQ(table["maps"], ruleset.expected().maps);
    }
  }
}

// Of a key or value in `nft -j`.
std::string value_text(const json& value) {
  if (value.is_string()) {
    return value;
  }
  if (!value.contains("concat")) {
    return value.dump();
  }
  std::string text;
  for (const json& part : value["concat"]) {
    text += (text.empty() ? "" : " . ") + value_text(part);
  }
  return text;
}

TEST_F(Evidence, KeysAndValuesOfElementsAreThoseOfNft) {
  must(nft({"-f", "-"}, R"(table inet acme {
    set pairs { type ipv4_addr . ipv4_addr; elements = { 10.1.2.3 . 10.4.5.6 }; }
    set owners { type ipv4_addr . ether_addr; elements = { 10.1.2.3 . 02:11:22:33:44:55 }; }
    set taps { type ifname . ipv4_addr . inet_service; elements = { acme0 . 10.1.2.3 . 80 }; }
    set six { type ipv6_addr . inet_proto . inet_service; elements = { fd00::1 . udp . 53 }; }
    set macs { type ether_addr; elements = { 02:11:22:33:44:55 }; }
    set nics { type ifname; elements = { "acme0", "a-name-of-15-by" }; }
    set l4 { type inet_proto; elements = { tcp, 47 }; }
    map targets { type ipv4_addr : ipv4_addr . inet_service; elements = { 10.1.2.3 : 10.4.5.6 . 80 }; }
    map six_to { type inet_service : ipv6_addr; elements = { 80 : fd00::1 }; }
    set marks { type mark; elements = { 0x0a010203 }; }
    set nested { type ipv4_addr . mark; elements = { 10.1.2.3 . 0x0a010203 }; }
    chain in {
      ip saddr vmap { 10.1.2.3 : drop }
      @nh,96,32 vmap { 0x0a010203 : drop }
    }
  })"));
  const Bundle bundle{{"--full"}};
  std::map<std::string, std::vector<std::string>> listed;
  for (const json& element : bundle.lines("rules/nft-elements.jsonl")) {
    const std::string value = element.value("value", "");
    listed[element["set"]].push_back(element["key"].get<std::string>() +
                                     (value.empty() ? "" : " : " + value));
  }
  std::map<std::string, std::vector<std::string>> expected;
  const json ruleset = json::parse(must_run({"nft", "-j", "list", "ruleset"}));
  for (const json& object : ruleset["nftables"]) {
    for (const auto* kind : {"set", "map"}) {
      for (const json& element : object.value(kind, json::object()).value("elem", json::array())) {
        expected[object[kind]["name"]].push_back(
            object.contains("map") ? value_text(element[0]) + " : " + value_text(element[1])
                                   : value_text(element));
      }
    }
  }
  expected["l4"] = {"tcp", "47"};  // which nft calls gre
  // A number may be an address.
  expected["marks"] = {"4 bytes"};
  expected["nested"] = {"8 bytes"};
  expected["__map0"] = {"10.1.2.3"};
  expected["__map1"] = {"4 bytes"};
  for (auto* sets : {&listed, &expected}) {
    for (auto& [set, elements] : *sets) {
      std::ranges::sort(elements);
    }
  }
  EXPECT_EQ(listed, expected);
}

TEST_F(Evidence, FlowsAreThoseOfConntrack) {
  must(nft({"-f", "-"},
           "table ip t { chain c { type filter hook output priority 0; "
           "ct state new counter; }; }"));
  for (int port = 1; port <= 25; ++port) {
    must(conntrack({"-I", "-p", "tcp", "--state", "ESTABLISHED", "-t", "60", "-s", "192.0.2.1",
                    "-d", "192.0.2.2", "--sport", std::to_string(port), "--dport", "80"}));
  }
  must(conntrack({"-I", "-p", "udp", "-t", "60", "-s", "2001:db8::1", "-d", "2001:db8::2",
                  "--sport", "7", "--dport", "53"}));
  const Bundle bundle;
  const json summary = bundle.object("conntrack/summary.json");
  EXPECT_EQ(summary["entries"], 26);
  EXPECT_EQ(std::to_string(summary["entries"].get<int>()) + "\n", must(conntrack({"-C"})).out);
  EXPECT_EQ(summary["flows"], (json{{{"protocol", "tcp"}, {"state", "established"}, {"flows", 25}},
                                    {{"protocol", "udp"}, {"state", "unreplied"}, {"flows", 1}}}));
  const std::string listed =
      must(conntrack({"-L"})).out + must(conntrack({"-L", "-f", "ipv6"})).out;
  const std::vector<std::string> flows = lines_of(bundle.text("conntrack/flows.txt"));
  EXPECT_THAT(flows, SizeIs(26));
  for (const std::string& flow : flows) {
    // "tcp 6 src=192.0.2.1 dst=192.0.2.2 sport=1 dport=80 src=…"
    const std::size_t begin = flow.find("src=");
    const std::string original = flow.substr(begin, flow.find(" src=", begin + 1) - begin);
    EXPECT_THAT(listed, HasSubstr(original)) << flow;
  }
}

TEST_F(Evidence, LinksRoutesAndAddressesAreThoseOfIp) {
  must_run({"ip", "link", "add", "up0", "mtu", "1500", "type", "veth", "peer", "name", "up1"});
  must_run({"ip", "link", "set", "up1", "up"});
  must_run({"ip", "addr", "add", "192.0.2.1/24", "dev", "up0"});
  must_run({"ip", "-6", "addr", "add", "2001:db8::1/64", "dev", "up0", "nodad"});
  must_run({"ip", "link", "set", "up0", "up"});
  must_run({"ip", "link", "add", "vxlan7", "type", "vxlan", "id", "7", "dstport", "4789", "local",
            "192.0.2.1", "dev", "up0"});
  must_run({"ip", "link", "set", "vxlan7", "up"});
  must_run({"ip", "link", "set", "up0", "mtu", "1400"});
  must_run({"ip", "route", "add", "198.51.100.0/24", "nexthop", "via", "192.0.2.7", "nexthop",
            "via", "192.0.2.8", "weight", "3"});
  must_run(
      {"ip", "route", "add", "203.0.113.0/24", "via", "192.0.2.9", "mtu", "1400", "table", "77"});
  const Bundle bundle;

  std::map<std::string, int> mtus;
  for (const json& link : json::parse(must_run({"ip", "-j", "link"}))) {
    mtus[link["ifname"]] = link["mtu"];
  }
  std::map<std::string, int> listed;
  for (const json& link : bundle.lines("network/links.jsonl")) {
    listed[link["name"]] = link["mtu"];
  }
  EXPECT_EQ(listed, mtus);
  const auto tunnels = bundle.lines("network/tunnels.jsonl");
  ASSERT_THAT(tunnels, SizeIs(1));
  EXPECT_EQ(tunnels[0]["device"], "vxlan7");
  EXPECT_EQ(tunnels[0]["headroom_bytes"], 1400 - 50 - mtus["vxlan7"]);
  EXPECT_EQ(tunnels[0]["fragments"], true);

  std::size_t addresses = 0;
  for (const json& link : json::parse(must_run({"ip", "-j", "addr"}))) {
    addresses += link["addr_info"].size();
  }
  EXPECT_THAT(bundle.lines("network/addresses.jsonl"), SizeIs(addresses));
  EXPECT_THAT(bundle.text("network/addresses.jsonl"), HasSubstr("\"2001:db8::1/64\""));

  const std::size_t routes =
      json::parse(must_run({"ip", "-4", "-j", "route", "show", "table", "all"})).size() +
      json::parse(must_run({"ip", "-6", "-j", "route", "show", "table", "all"})).size();
  const auto rows = bundle.lines("network/routes.jsonl");
  EXPECT_THAT(rows, SizeIs(routes));
  for (const json& row : rows) {
    if (row["destination"] == "198.51.100.0/24") {
      EXPECT_THAT(row["next_hops"], SizeIs(2));
      EXPECT_EQ(row["next_hops"][1],
                (json{{"gateway", "192.0.2.8"}, {"device", "up0"}, {"weight", 3}}));
    }
    if (row["destination"] == "203.0.113.0/24") {
      EXPECT_EQ(row["table"], 77);
      EXPECT_EQ(row["gateway"], "192.0.2.9");
      EXPECT_EQ(row["mtu"], 1400);
    }
  }
}

TEST_F(Evidence, SocketsAreThoseOfSs) {
  const StandIn listener;
  const Bundle bundle;
  const auto listed = lines_of(must_run({"ss", "-tlnH"}));
  EXPECT_EQ(bundle.object("network/sockets.json")["tcp"]["listen"], listed.size());
}

TEST_F(Evidence, SettingsAreThoseOfSysctl) {
  const Bundle bundle;
  std::size_t seen = 0;
  for (const json& row : bundle.lines("kernel/settings.jsonl")) {
    std::string value = must_run({"sysctl", "-n", row["setting"]});
    value.erase(value.find_last_not_of(" \t\n") + 1);
    std::ranges::replace(value, '\t', ' ');
    if (row["setting"] != "fs.file-nr") {
      EXPECT_EQ(row["value"], value) << row;
    }
    ++seen;
  }
  EXPECT_GT(seen, 15U);
}

// All that could tell that something was changed. Packets are counted anyway: kube-proxy's ports
// are asked.
std::vector<std::string> state_of_the_node() {
  std::string state;
  for (const Backend backend : kBackends) {
    for (const Family family : kFamilies) {
      for (const std::string& line : lines_of(must(save(backend, family)))) {
        state += line.starts_with('#') ? "" : line.substr(0, line.find(" [")) + "\n";
      }
    }
  }
  for (const std::string& line : lines_of(must_run({"nft", "-s", "list", "ruleset"}))) {
    state += line.contains("# handle") ? "" : line + "\n";
  }
  state += must_run({"ip", "-o", "link"});
  state += must_run({"ip", "route", "show", "table", "all"});
  state += read_file("/proc/modules").value_or("");
  for (const std::string& line : lines_of(must(run_tool({"sysctl", "-a"})).out)) {
    state += line.starts_with("net.") && !line.contains("nf_conntrack_count") ? line + "\n" : "";
  }
  return lines_of(state);
}

TEST_F(Evidence, ChangesNothing) {
  must(restore(Backend::legacy, Family::ipv4, Ruleset{varied(20, 2)}.restore_input()));
  must(nft({"-f", "-"}, NftablesRuleset{varied(20, 2), KubeProxyShape::from_1_36}.script()));
  const std::vector<std::string> before = state_of_the_node();
  const Bundle bundle{{"--full", "--redact"}};
  const std::vector<std::string> after = state_of_the_node();
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(after[i], before[i]);
  }
}

// No table is made by asking for it.
TEST_F(Evidence, ANodeWithoutRulesStaysOne) {
  const std::string before = must_run({"nft", "list", "ruleset"}) +
                             read_file("/proc/net/ip_tables_names").value_or("") +
                             read_file("/proc/net/ip6_tables_names").value_or("");
  const Bundle bundle{{"--full"}};
  EXPECT_EQ(before, must_run({"nft", "list", "ruleset"}) +
                        read_file("/proc/net/ip_tables_names").value_or("") +
                        read_file("/proc/net/ip6_tables_names").value_or(""));
}

TEST_F(Evidence, NeedsNoOtherProgram) {
  must(restore(Backend::nft, Family::ipv4, Ruleset{plain(5, 2)}.restore_input()));
  // By its full name, as PATH is empty for it alone.
  const Bundle bundle{{"--full"}, {"/usr/bin/env", "-i", "PATH="}};
  EXPECT_FALSE(bundle.lines("rules/nft.jsonl").empty());
}

TEST_F(Evidence, WithoutPrivilegeItSaysWhatIsMissing) {
  must(restore(Backend::nft, Family::ipv4, Ruleset{plain(5, 2)}.restore_input()));
  const Bundle bundle{
      {"--full"},
      {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"}};
  EXPECT_THAT(bundle.missed("rules/nft-tables.jsonl"), HasSubstr("Operation not permitted"));
  EXPECT_THAT(bundle.missed("rules/classes.jsonl: iptables-nft"),
              HasSubstr("Operation not permitted"));
  EXPECT_THAT(bundle.missed("conntrack/flows.txt"), HasSubstr("Operation not permitted"));
  // What anybody may read is there.
  EXPECT_FALSE(bundle.lines("network/links.jsonl").empty());
  EXPECT_FALSE(bundle.lines("kernel/settings.jsonl").empty());
  EXPECT_TRUE(bundle.object("conntrack/summary.json").contains("entries"));
}

TEST_F(Evidence, HostileCommentsStayText) {
  must(restore(Backend::legacy, Family::ipv4,
               "*filter\n:../../etc/x - [0:0]\n-A OUTPUT -m comment --comment "
               "\"../../../tmp/x <script> \\\" $(id) \x1b[31m\" -j ../../etc/x\nCOMMIT\n"));
  const Bundle bundle{{"--full"}};
  const auto lines = bundle.lines("rules/legacy.jsonl");
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0]["jump"], "../../etc/x");
  EXPECT_EQ(lines[0]["matches"][0]["comment"], "../../../tmp/x <script> \" $(id) ?[31m");
  EXPECT_THAT(must_run({"tar", "-tzf", bundle.archive()}), Not(HasSubstr("..")));
  EXPECT_THAT(Bundle({"--redact", "--full"}).text("rules/legacy.jsonl"), Not(HasSubstr("script")));
}

TEST_F(Evidence, ADaemonIsAskedForItsMetrics) {
  StandIn daemon;
  daemon.answer("/metrics", StandIn::text("# TYPE kubecliff_x gauge\nkubecliff_x 42\n"));
  daemon.answer("/-/ready", StandIn::text("all fine\n"));
  daemon.answer("/api/v1/report?top=20", StandIn::stalls_after("HTTP/1.1 200 OK\r\n\r\n{"));
  const Bundle bundle{{"--url=" + daemon.url() + "/"}};
  EXPECT_THAT(bundle.text("metrics.txt"), HasSubstr("kubecliff_x 42"));
  EXPECT_EQ(bundle.text("daemon/ready.txt"), "all fine\n");
  EXPECT_THAT(bundle.missed("report/"), Not(IsEmpty()));
  EXPECT_LT(bundle.run().wall, 20s);
}

TEST_F(Evidence, AnEndlessDaemonIsCutOff) {
  StandIn daemon;
  daemon.answer("/metrics", StandIn::endless("kubecliff_x 42\n"));
  const Bundle bundle{{"--url=" + daemon.url()}};
  EXPECT_THAT(bundle.missed("metrics.txt"), Not(IsEmpty()));
}

TEST_F(Evidence, KubeProxyIsAskedForItsHealth) {
  StandIn proxy;
  proxy.answer("/healthz", StandIn::text("ok"));
  proxy.answer("/proxyMode", StandIn::text("nftables"));
  const Bundle bundle{{"--collector.kubeproxy.url=" + proxy.url()}};
  const auto lines = bundle.lines("kube-proxy/health.jsonl");
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_EQ(lines[0]["ok"], true);
  EXPECT_EQ(lines[0]["answer"], "ok");
  EXPECT_EQ(lines[1]["answer"], "nftables");
  EXPECT_EQ(lines[2]["ok"], false);
  EXPECT_THAT(lines[2]["error"].get<std::string>(), HasSubstr("127.0.0.1:10256/healthz"));
}

// On a terminal it is refused; a pipe is fine.
TEST_F(Evidence, GoesToStandardOutputToo) {
  const ToolRun run = run_program({"evidence", "--output-file=-"});
  ASSERT_EQ(run.exit_status, 0) << run.err;
  EXPECT_THAT(must_run({"tar", "-tzf", "-"}, run.out), HasSubstr("/manifest.json\n"));
  EXPECT_THAT(run.err, HasSubstr("conntrack: "));
}

TEST_F(Evidence, NothingIsWrittenOver) {
  FileTree folder;
  folder.file("there.tar.gz", "theirs");
  const std::string path = folder.path() / "there.tar.gz";
  const ToolRun run = run_program({"evidence", "--output-file=" + path});
  EXPECT_EQ(run.exit_status, 1);
  EXPECT_THAT(run.err, HasSubstr(path + ": is there already, and is not written over"));
  EXPECT_EQ(read_file(path).value_or(""), "theirs");
  EXPECT_EQ(run_program({"evidence", "--output-file=/nonexistent/x.tar.gz"}).exit_status, 1);
}

TEST_F(Evidence, AUserIsForTheDaemonAlone) {
  StandIn daemon;
  daemon.answer("/metrics", StandIn::text("kubecliff_x 42\n"));
  const std::string host = daemon.url().substr(std::string_view{"http://"}.size());
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{}, std::vector<std::string>{"--redact"}}) {
    std::vector<std::string> all{"--url=http://quxuser:qux%40word@" + host};
    all.insert(all.end(), options.begin(), options.end());
    const Bundle bundle{all};
    EXPECT_THAT(bundle.text("metrics.txt"), HasSubstr("kubecliff_x 42"));
    expect_silence(bundle, {"qux", "word@"});
    EXPECT_THAT(bundle.manifest()["options"], Contains("--url=http://" + host));
  }
}

TEST_F(Evidence, WrongOptionsAreToldInOneLine) {
  for (const std::string_view url : {"ftp://127.0.0.1", "127.0.0.1:9909"}) {
    const ToolRun run = run_program({"evidence", "--url=" + std::string{url}});
    EXPECT_EQ(run.exit_status, 2);
    EXPECT_THAT(run.err, StartsWith("kubecliff: evidence: --url: expected an address"));
  }
}

}  // namespace
}  // namespace kubecliff::test
