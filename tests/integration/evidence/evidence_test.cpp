// `kubecliff evidence` as its user meets it, on the real kernel: the archive is read by tar, Python
// and sha256sum, and what is in it held to the reference tools on the same state.
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
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
#include "tests/integration/kubeproxy/process.h"
#include "tests/integration/kubeproxy/stand_in.h"
#include "tests/integration/program/program.h"
#include "tests/support/file_tree.h"
#include "tests/support/iptables_save.h"
#include "tests/support/must.h"
#include "tests/support/network_namespace.h"
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
using testing::MatchesRegex;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

// A bundle that was written, and unpacked by tar.
class Bundle {
 public:
  explicit Bundle(std::vector<std::string> arguments = {}, std::vector<std::string> before = {}) {
    // Others than user 0 write into it too.
    std::filesystem::permissions(folder_.path(), std::filesystem::perms::all);
    const std::string archive = folder_.path() / "bundle.tar.gz";
    before.insert(before.end(), {Program::path(), "evidence", "--output-file=" + archive});
    before.insert(before.end(), arguments.begin(), arguments.end());
    run_ = must(run_tool(before, {}, 60s));
    EXPECT_EQ(run_.exit_status, 0) << run_.err;
    folder_.directory("unpacked");
    must_run({"tar", "-xzf", archive, "-C", (folder_.path() / "unpacked").native()});
    for (const auto& entry : std::filesystem::directory_iterator{folder_.path() / "unpacked"}) {
      root_ = entry.path();
    }
    manifest_ = json::parse(text("manifest.json"), nullptr, false);
    EXPECT_FALSE(manifest_.is_discarded());
  }

  [[nodiscard]] const ToolRun& run() const { return run_; }
  [[nodiscard]] std::filesystem::path archive() const { return folder_.path() / "bundle.tar.gz"; }
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  [[nodiscard]] const json& manifest() const { return manifest_; }
  [[nodiscard]] std::string text(std::string_view name) const {
    std::ifstream file{root_ / name};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  [[nodiscard]] json object(std::string_view name) const { return json::parse(text(name)); }
  [[nodiscard]] std::vector<json> lines(std::string_view name) const {
    std::vector<json> lines;
    std::istringstream file{text(name)};
    for (std::string line; std::getline(file, line);) {
      lines.push_back(json::parse(line));
    }
    return lines;
  }
  // Why it is not there; empty where nothing says so.
  [[nodiscard]] std::string missed(std::string_view name) const {
    for (const json& miss : manifest_["missed"]) {
      if (miss["name"].get<std::string>().starts_with(name)) {
        return miss["reason"];
      }
    }
    return {};
  }
  [[nodiscard]] std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{root_}) {
      if (entry.is_regular_file()) {
        files.push_back(entry.path());
      }
    }
    return files;
  }

 private:
  FileTree folder_;
  ToolRun run_;
  std::filesystem::path root_;
  json manifest_;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream{text};
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

// A name that stands nowhere by chance.
constexpr std::string_view kHost = "zyxnode-7";

class Evidence : public NetworkNamespaceTest {
 protected:
  void SetUp() override {
    NetworkNamespaceTest::SetUp();
    if (!IsSkipped()) {
      ASSERT_EQ(::unshare(CLONE_NEWUTS), 0);
      ASSERT_EQ(::sethostname(kHost.data(), kHost.size()), 0);
    }
  }
};

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

// Every text that must not be in a redacted bundle, by which it is looked for in all of it.
void expect_silence(const Bundle& bundle, const std::vector<std::string>& secrets) {
  for (const std::filesystem::path& path : bundle.files()) {
    const std::string name = path.lexically_relative(bundle.root().parent_path());
    std::ifstream file{path};
    const std::string content{std::istreambuf_iterator<char>{file}, {}};
    for (const std::string& secret : secrets) {
      EXPECT_FALSE(content.contains(secret)) << secret << " in " << name;
      EXPECT_FALSE(name.contains(secret)) << secret << " in " << name;
    }
  }
}

std::vector<std::string> secrets_of(std::span<const Service> services, Family family) {
  std::vector<std::string> secrets;
  for (const Service& service : services) {
    const std::string name = service_name(service);
    secrets.push_back(name);
    secrets.push_back(name.substr(0, name.find('/')));
    secrets.push_back(name.substr(name.find('/') + 1));
    secrets.push_back(cluster_ip(service, family));
    for (int i = 0; i < service.endpoints; ++i) {
      secrets.push_back(endpoint_ip(service, i, family));
    }
    const std::string port = name + ":" + port_name(service);
    secrets.push_back(hashed_chain("", port + std::string{label(service.protocol)}));
  }
  return secrets;
}

TEST_F(Evidence, RedactedSaysNoNameAndNoAddress) {
  const Ruleset ipv4{varied(40, 3)};
  const Ruleset ipv6{varied(15, 2, Family::ipv6)};
  const NftablesRuleset nftables{varied(40, 3), KubeProxyShape::up_to_1_35};
  must(restore(Backend::legacy, Family::ipv4, ipv4.restore_input()));
  must(restore(Backend::nft, Family::ipv6, ipv6.restore_input()));
  must(nft({"-f", "-"}, nftables.script()));
  must(nft({"-f", "-"},
           "table inet zyxcorp-filter { chain zyxcorp-in { tcp dport 22 counter "
           "accept comment \"zyxcorp jumphost\"; }; }"));
  must_run({"ip", "link", "add", "zyxcorp-up", "address", "02:11:22:33:44:55", "type", "veth",
            "peer", "name", "zyxcorp-down"});
  must_run({"ip", "addr", "add", "203.0.113.77/24", "dev", "zyxcorp-up"});
  must_run({"ip", "link", "set", "zyxcorp-up", "up"});
  must_run({"ip", "route", "add", "198.51.100.0/24", "via", "203.0.113.99"});
  must(conntrack({"-I", "-p", "tcp", "--state", "ESTABLISHED", "-t", "60", "-s", "192.0.2.55", "-d",
                  cluster_ip(ipv4.services()[0], Family::ipv4), "--sport", "4711", "--dport",
                  "80"}));

  std::vector<std::string> secrets = secrets_of(ipv4.services(), Family::ipv4);
  std::ranges::copy(secrets_of(ipv6.services(), Family::ipv6), std::back_inserter(secrets));
  std::ranges::copy(secrets_of(nftables.services(), Family::ipv4), std::back_inserter(secrets));
  secrets.insert(secrets.end(), {std::string{kHost}, "zyxcorp", "jumphost", "203.0.113.",
                                 "198.51.100.", "192.0.2.55", "02:11:22:33:44:55"});
  const Bundle plain_bundle{{"--full"}};
  for (const std::string& secret : {secrets[0], secrets[3], std::string{"zyxcorp jumphost"},
                                    std::string{"203.0.113.77"}, std::string{"192.0.2.55"}}) {
    std::string all;
    for (const std::filesystem::path& path : plain_bundle.files()) {
      all += plain_bundle.text(path.lexically_relative(plain_bundle.root()).native());
    }
    EXPECT_THAT(all.contains(secret), true) << secret << " would not have been there anyway";
  }

  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"--redact"}, {"--redact", "--full"}}) {
    const Bundle bundle{options};
    expect_silence(bundle, secrets);
    EXPECT_EQ(bundle.manifest()["node"], "NODE-1");
    EXPECT_THAT(bundle.text("conntrack/flows.txt"), HasSubstr("sport=4711 dport=80"));
  }
  // The same address is the same token: the Service's in a rule and in a flow.
  const Bundle bundle{{"--redact", "--full"}};
  const std::string flow = bundle.text("conntrack/flows.txt");
  const std::size_t begin = flow.find("dst=") + 4;
  const std::string token = flow.substr(begin, flow.find(' ', begin) - begin);
  EXPECT_THAT(token, StartsWith("IPV4-"));
  EXPECT_THAT(bundle.text("rules/legacy.jsonl"), HasSubstr("\"destination\":\"" + token + "/32\""));
}

// The paths to every value.
std::vector<std::string> keys_of(const Bundle& bundle) {
  std::vector<std::string> keys;
  for (const std::filesystem::path& path : bundle.files()) {
    const std::string name = path.lexically_relative(bundle.root());
    if (!name.starts_with("rules/") && !name.starts_with("report/")) {
      continue;  // of others the number of entries changes by the second
    }
    if (name.ends_with(".json")) {
      const json flat = bundle.object(name).flatten();
      for (const auto& [key, value] : flat.items()) {
        keys.push_back(name + key);
      }
    } else if (name.ends_with(".jsonl")) {
      for (const json& line : bundle.lines(name)) {
        const json flat = line.flatten();
        for (const auto& [key, value] : flat.items()) {
          keys.push_back(name + key);
        }
      }
    }
  }
  std::ranges::sort(keys);
  return keys;
}

TEST_F(Evidence, RedactionKeepsTheLayout) {
  must(restore(Backend::legacy, Family::ipv4, Ruleset{varied(100, 3)}.restore_input()));
  must(nft({"-f", "-"}, NftablesRuleset{varied(100, 3), KubeProxyShape::up_to_1_35}.script()));
  // Services may be called like keys, and like values that a reader needs.
  must(restore(
      Backend::nft, Family::ipv6,
      "*filter\n-A OUTPUT -m comment --comment \"schema/report:severity packets/state:critical "
      "kubecliff.report name/services_by_rules info/established:unicast\" -j ACCEPT\nCOMMIT\n"));
  must(conntrack({"-I", "-p", "tcp", "--state", "ESTABLISHED", "-t", "60", "-s", "192.0.2.1", "-d",
                  "192.0.2.2", "--sport", "7", "--dport", "80"}));
  const Bundle plain_bundle{{"--full"}};
  const Bundle redacted{{"--full", "--redact"}};
  EXPECT_EQ(keys_of(redacted) == keys_of(plain_bundle), true);
  EXPECT_THAT(keys_of(redacted), Not(IsEmpty()));
  const auto names = [](const Bundle& bundle) {
    std::vector<std::string> lines;
    for (const std::string& line : lines_of(bundle.text("metrics.txt"))) {
      if (line.starts_with("# ")) {
        lines.push_back(line);
      }
    }
    return lines;
  };
  EXPECT_EQ(names(redacted), names(plain_bundle));
  EXPECT_EQ(redacted.object("conntrack/summary.json")["flows"],
            plain_bundle.object("conntrack/summary.json")["flows"]);
  EXPECT_THAT(redacted.text("report/report.html"), HasSubstr("</html>"));
}

// What kube-proxy itself says teaches no word: nothing here is anybody else's.
TEST_F(Evidence, OrdinaryWordsStay) {
  must(restore(Backend::legacy, Family::ipv4, Ruleset{varied(100, 3)}.restore_input()));
  must(restore(Backend::nft, Family::ipv6, Ruleset{varied(100, 3, Family::ipv6)}.restore_input()));
  must(nft({"-f", "-"}, NftablesRuleset{varied(100, 3), KubeProxyShape::up_to_1_35}.script()));
  must(nft({"-f", "-"},
           NftablesRuleset{varied(100, 3, Family::ipv6), KubeProxyShape::from_1_36}.script()));
  must(restore(Backend::legacy, Family::ipv6,
               "*filter\n-A FORWARD -i cali+ -o eth0 -j ACCEPT\nCOMMIT\n"));
  for (const std::string device : {"ens5", "eth0"}) {
    must_run({"ip", "link", "add", device, "type", "veth"});
    must_run({"ip", "link", "set", device, "up"});
  }
  must_run({"ip", "link", "add", "flannel.1", "type", "vxlan", "id", "1", "dstport", "8472", "dev",
            "ens5"});
  must_run({"ip", "link", "set", "flannel.1", "up"});
  const Bundle bundle{{"--full", "--redact"}};
  EXPECT_THAT(bundle.text("metrics.txt"), HasSubstr("device=\"flannel.1\""));
  for (const std::string_view file :
       {"metrics.txt", "rules/legacy.jsonl", "rules/nft.jsonl", "rules/nft-elements.jsonl",
        "rules/nft-tables.jsonl", "rules/classes.jsonl", "network/links.jsonl"}) {
    const std::string text = bundle.text(file);
    const std::size_t at = text.find("NAME-");
    EXPECT_EQ(at, std::string::npos)
        << file << ": " << text.substr(at - std::min<std::size_t>(at, 200), 300);
  }
}

TEST_F(Evidence, RedactedSaysNoNameOfAnEndpointOfIpv6) {
  const NftablesRuleset ruleset{varied(30, 3, Family::ipv6), KubeProxyShape::up_to_1_35};
  must(nft({"-f", "-"}, ruleset.script()));
  std::vector<std::string> secrets = secrets_of(ruleset.services(), Family::ipv6);
  for (std::size_t i = 0, count = secrets.size(); i < count; ++i) {
    if (secrets[i].contains(':')) {
      std::string dotted = secrets[i];
      std::ranges::replace(dotted, ':', '.');
      secrets.push_back(dotted);
    }
  }
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"--redact"}, {"--redact", "--full"}}) {
    expect_silence(Bundle{options}, secrets);
  }
  EXPECT_THAT(Bundle({"--redact", "--full"}).text("rules/nft.jsonl"), HasSubstr("__IPV6-PRIVATE-"));
}

// Names with which redaction has failed, or might, all with one mark.
TEST_F(Evidence, RedactedSaysNothingOfHostileNames) {
  const std::string host{kHost};
  const auto rule = [](const std::string& comment) {
    return "-A OUTPUT -m comment --comment \"" + comment + "\" -j RETURN\n";
  };
  std::string rules =
      "*filter\n:cali-pri-kns.zebracorp-ns - [0:0]\n:KUBE-zebracorp-own - [0:0]\n"
      ":DOCKER-zebracorp - [0:0]\n:zebracorp-three-10.1.2.3 - [0:0]\n"
      ":KUBE-SVC-zebracorpzebraco - [0:0]\n:zebracorp-deadbeef01 - [0:0]\n"
      ":ufw-zebracorp - [0:0]\n:WEAVEzebracorp - [0:0]\n:zebracorp-FIREWALL-in - [0:0]\n"
      ":cali-tw-califedcba98765 - [0:0]\n:KUBE-SVC-ZEBRACORP - [0:0]\n"
      "-A INPUT -i zebracorp-vpn+ -j LOG --log-prefix zebracorp:\n"
      "-A INPUT -i califedcba98765 -j zebracorp-FIREWALL-in\n"
      "-A OUTPUT -o zebracorp-old0 -j KUBE-SVC-ZEBRACORP\n";
  for (const std::string& comment :
       {std::string{"shop/zebracorp-"} + host + "-metrics:http cluster IP",
        std::string{"10.1.2.3/zebracorp-one"}, std::string{"10.1.2.3:zebracorp-two"},
        std::string{"fd00::1/zebracorp-four"},
        std::string{"zebracorp\xff\xc3 caf\xc3\xa9zebracorp"}, std::string{"zebracorp\xe2\x82"},
        std::string{"zebracorp_" + host + "_x"},
        std::string{
            "zebracorp-ns/a-zebracorp-name-that-is-as-long-as-names-may-be-in-all-kubernetes"
            ":zebracorp-port has no endpoints"},
        std::string{"x=zebracorp<wbr>zebracorp*zebracorp_zebracorp"},
        std::string{"zebracorp/prod:zebracorp-INTERNAL-db zebracorp_ns__db/primary"},
        std::string{"other traffic to zebracorp/zebracorp:http will be dropped by "
                    "KUBE-PROXY-FIREWALL"}}) {
    rules += rule(comment);
  }
  must(restore(Backend::legacy, Family::ipv4, rules + "COMMIT\n"));
  must(nft({"-f", "-"},
           "table inet cali-zebracorp { set zebracorp.set { type ipv4_addr; }; "
           "chain kube-zebracorp { ip saddr @zebracorp.set counter comment \"zebracorp/x:y\"; "
           "iifname { zebracorp-old1, zebracorp-old2 } log prefix \"zebracorp: \"; "
           "oifname zebracorp-old3 counter; ip saddr vmap { 10.1.2.3 : drop }; }; }"));
  for (const std::string device : {"br-zebracorp", "wg-zebracorp2", "ethzebracorp0",
                                   "lxc-zebracorp", "calizebracorp1", "zebracorp.100"}) {
    must_run({"ip", "link", "add", device, "type", "veth"});
  }
  must_run({"ip", "link", "add", "enx0011aabbccdd", "type", "veth"});
  must_run({"ip", "link", "add", "eth7", "type", "veth"});
  must_run({"ip", "link", "add", "br-0123456789ab", "type", "veth"});
  must_run({"ip", "link", "add", "califedcba98765", "type", "veth"});
  must_run({"ip", "link", "set", "br-zebracorp", "up"});

  const std::vector<std::string> secrets{host,          "zebracorp", "0011aabbccdd",
                                         "10.1.2.3",    "fd00::1",   "ZEBRACORP",
                                         "fedcba98765", "50462986",  "167838211"};
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"--redact"}, {"--redact", "--full"}}) {
    const Bundle bundle{options};
    expect_silence(bundle, secrets);
    EXPECT_THAT(bundle.text("network/links.jsonl"), HasSubstr("\"eth7\""));
    EXPECT_THAT(bundle.text("network/links.jsonl"), HasSubstr("\"br-0123456789ab\""));
    EXPECT_THAT(bundle.text("network/links.jsonl"), HasSubstr("\"caliHASH-"));
    EXPECT_FALSE(bundle.text("report/report.html").empty());
  }
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

// With the name of a Service in it.
StandIn::Answer named_report() {
  return StandIn::text(
      R"({"schema": "kubecliff.report/1", "node": "worker-1", "at": "2026-11-22T21:50:03Z", )"
      R"("measures": [], "names": {"services_by_rules": )"
      R"([{"name": "zyxcorp/shop:http", "rules": 7}]}})");
}

TEST_F(Evidence, ADaemonsReportIsThereInEveryForm) {
  StandIn daemon;
  daemon.answer("/metrics", StandIn::text("kubecliff_x 42\n"));
  daemon.answer("/api/v1/report?top=20", named_report());
  const Bundle bundle{{"--url=" + daemon.url()}};
  for (const std::string form : {"txt", "md", "json"}) {
    EXPECT_THAT(bundle.text("report/report." + form), HasSubstr("zyxcorp/shop:http")) << form;
  }
  EXPECT_THAT(bundle.text("report/report.html"), HasSubstr("zyxcorp/<wbr/>shop"));
  const Bundle redacted{{"--redact", "--url=" + daemon.url()}};
  expect_silence(redacted, {"zyxcorp"});
  for (const std::string form : {"txt", "md", "json", "html"}) {
    EXPECT_THAT(redacted.text("report/report." + form), HasSubstr("NAMESPACE-1")) << form;
  }
}

// With what its configuration names, in all places that there are for it.
StandIn::Answer configured_report() {
  return StandIn::text(
      R"({"schema": "kubecliff.report/1", "node": "worker-1", "at": "2026-11-22T21:50:03Z", )"
      R"("findings": [{"check": "x", "alert": "KubecliffX", "severity": "info", )"
      R"("labels": {"server": "zyxcorp-dns"}, "summary": "zyxcorp-dns is slow", )"
      R"("runbook": "https://wiki.zyxcorp.example/zyxcorp/KubecliffX.md"}], )"
      R"("measures": [{"check": "x", "labels": {"target": "zyxcorp-shop"}, "value": 1}], )"
      R"("sections": [{"id": "x", "facts": )"
      R"([{"id": "x", "labels": {"query": "zyxcorp.example"}, "value": 1}]}], )"
      R"("failures": ["probe: zyxcorp-shop: refused"]})");
}

TEST_F(Evidence, WhatADaemonWasConfiguredWithIsRedacted) {
  StandIn daemon;
  daemon.answer("/metrics", StandIn::text("kubecliff_probe{target=\"zyxcorp-cart\"} 1\n"));
  daemon.answer("/api/v1/report?top=20", configured_report());
  const Bundle bundle{{"--redact", "--url=" + daemon.url()}};
  expect_silence(bundle, {"zyxcorp"});
  EXPECT_THAT(bundle.text("metrics.txt"), HasSubstr("kubecliff_probe{target=\"NAME-"));
  const json report = bundle.object("report/report.json");
  EXPECT_THAT(report["measures"][0]["labels"]["target"].get<std::string>(), StartsWith("NAME-"));
  EXPECT_THAT(report["findings"][0]["runbook"].get<std::string>(),
              MatchesRegex("https://NAME-[0-9]+/NAME-[0-9]+/KubecliffX.md"));
  EXPECT_THAT(bundle.text("report/report.html"), HasSubstr("NAME-"));
}

// Only the metrics have all that it was configured with.
TEST_F(Evidence, NoReportOfADaemonWithoutItsMetrics) {
  StandIn daemon;
  daemon.answer("/api/v1/report?top=20", configured_report());
  for (const bool redacts : {false, true}) {
    std::vector<std::string> options{"--url=" + daemon.url()};
    if (redacts) {
      options.emplace_back("--redact");
    }
    const Bundle bundle{options};
    EXPECT_THAT(bundle.missed("metrics.txt"), HasSubstr("404"));
    EXPECT_EQ(bundle.text("report/report.json").empty(), redacts);
  }
}

// libcurl's errors tell whom it could not reach.
TEST_F(Evidence, WhatTheCollectorsWereConfiguredWithIsRedacted) {
  FileTree credentials;
  credentials.file("token", "x");
  credentials.file("ca.crt", "x");
  credentials.file("namespace", "zyxcorp-ns");
  std::vector<std::string> options{
      "--collector.propagation", "--collector.propagation.api-server=https://zyxcorp.invalid:6443",
      "--collector.propagation.credentials=" + credentials.path().native()};
  EXPECT_THAT(Bundle{options}.text("report/report.json"), HasSubstr("zyxcorp.invalid"));
  options.emplace_back("--redact");
  const Bundle bundle{options};
  expect_silence(bundle, {"zyxcorp"});
  EXPECT_THAT(bundle.text("report/report.json"), HasSubstr("NAME-"));
}

// A daemon may read what its asker may not, and so may not take out.
TEST_F(Evidence, NoReportWithNamesThatCouldNotBeRead) {
  StandIn daemon;
  daemon.answer("/api/v1/report?top=20", named_report());
  const Bundle bundle{{"--redact", "--url=" + daemon.url()},
                      {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}};
  expect_silence(bundle, {"zyxcorp"});
  EXPECT_THAT(bundle.missed("report/report.json"), StartsWith("left out"));
}

// Names of what was cut are not known either.
TEST_F(Evidence, NoReportWhereThereAreMoreTablesThanAreRead) {
  std::string tables;
  for (int i = 0; i <= 1'000; ++i) {
    tables += "add table inet t" + std::to_string(i) + "\n";
  }
  must(nft({"-f", "-"}, tables));
  const Bundle bundle{{"--redact"}};
  EXPECT_EQ(bundle.missed("rules/nft-tables.jsonl"), "cut after 1000 tables");
  EXPECT_THAT(bundle.missed("report/report.json"), StartsWith("left out"));
  EXPECT_FALSE(bundle.lines("rules/nft-tables.jsonl").empty());
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

// Its command line is not in the bundle; the path of its configuration is of it.
TEST_F(Evidence, WhereKubeProxysSettingsAreFromIsRedacted) {
  FileTree folder;
  folder.file("zyxcorp-prod/zyxcorp.yaml", "mode: iptables\n");
  const std::string there = folder.path() / "zyxcorp-prod/zyxcorp.yaml";
  for (const std::string& path : {there, std::string{"/zyxcorp/not-there.yaml"}}) {
    // A shell that waits for input takes any further argument for its own business.
    const KubeProxy kube_proxy{"sh", {"-c", "read line; exit", "--config=" + path}};
    EXPECT_EQ(Bundle{}.object("kube-proxy/settings.json")["settings_from"], path);
    const Bundle redacted{{"--redact"}};
    expect_silence(redacted, {"zyxcorp"});
    const json settings = redacted.object("kube-proxy/settings.json");
    EXPECT_THAT(settings["settings_from"].get<std::string>(), HasSubstr("/NAME-"));
    EXPECT_EQ(settings["settings"].is_null(), path != there);
    EXPECT_EQ(redacted.missed("kube-proxy/settings.json: settings").empty(), path == there);
  }
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
