// `kubecliff evidence --redact` as its user meets it, on the real kernel: what somebody named is
// looked for in every byte of what was written.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/evidence/bundle.h"
#include "tests/integration/kubeproxy/process.h"
#include "tests/integration/kubeproxy/stand_in.h"
#include "tests/support/file_tree.h"
#include "tests/support/must.h"
#include "tests/support/nftables_ruleset.h"
#include "tests/support/ruleset.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

using Redaction = Evidence;

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

TEST_F(Redaction, RedactedSaysNoNameAndNoAddress) {
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

TEST_F(Redaction, RedactionKeepsTheLayout) {
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
TEST_F(Redaction, OrdinaryWordsStay) {
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

TEST_F(Redaction, RedactedSaysNoNameOfAnEndpointOfIpv6) {
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
TEST_F(Redaction, RedactedSaysNothingOfHostileNames) {
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

// With the name of a Service in it.
StandIn::Answer named_report() {
  return StandIn::text(
      R"({"schema": "kubecliff.report/1", "node": "worker-1", "at": "2026-11-22T21:50:03Z", )"
      R"("measures": [], "names": {"services_by_rules": )"
      R"([{"name": "zyxcorp/shop:http", "rules": 7}]}})");
}

TEST_F(Redaction, ADaemonsReportIsThereInEveryForm) {
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

TEST_F(Redaction, WhatADaemonWasConfiguredWithIsRedacted) {
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
TEST_F(Redaction, NoReportOfADaemonWithoutItsMetrics) {
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
TEST_F(Redaction, WhatTheCollectorsWereConfiguredWithIsRedacted) {
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
TEST_F(Redaction, NoReportWithNamesThatCouldNotBeRead) {
  StandIn daemon;
  daemon.answer("/api/v1/report?top=20", named_report());
  const Bundle bundle{{"--redact", "--url=" + daemon.url()},
                      {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}};
  expect_silence(bundle, {"zyxcorp"});
  EXPECT_THAT(bundle.missed("report/report.json"), StartsWith("left out"));
}

// Names of what was cut are not known either.
TEST_F(Redaction, NoReportWhereThereAreMoreTablesThanAreRead) {
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

// Its command line is not in the bundle; the path of its configuration is of it.
TEST_F(Redaction, WhereKubeProxysSettingsAreFromIsRedacted) {
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

}  // namespace
}  // namespace kubecliff::test
