// `kubecliff report` and `/api/v1/report`, held to the tools that know the same.
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/program/program.h"
#include "tests/support/backend.h"
#include "tests/support/iptables_save.h"
#include "tests/support/network_namespace.h"
#include "tests/support/result_matchers.h"
#include "tests/support/ruleset.h"
#include "tests/support/run_tool.h"
#include "tests/support/services.h"

namespace kubecliff::test {
namespace {

using nlohmann::json;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// In the namespace in which the test stands.
ToolRun report(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "report");
  return run_program(std::move(arguments));
}

json fact(const json& report, std::string_view id) {
  for (const json& section : report.value("sections", json::array())) {
    for (const json& one : section["facts"]) {
      if (one["id"] == id) {
        return one;
      }
    }
  }
  return nullptr;
}

json by_check(const json& list, std::string_view check) {
  for (const json& one : list) {
    if (one["check"] == check) {
      return one;
    }
  }
  return nullptr;
}

class ReportTest : public NetworkNamespaceTest {
 protected:
  static void must_restore(const RulesetShape& shape) {
    ASSERT_THAT(restore(Backend::nft, shape.family, Ruleset{shape}.restore_input()), has_value());
  }
};

TEST_F(ReportTest, CountsWhatIptablesSaveCountsAndSaysWhatIsWorst) {
  must_restore(plain(2'100, 2, Family::ipv4));

  const ToolRun run = report({"--output=json", "--top=0"});
  const json found = json::parse(run.out);
  EXPECT_EQ(found["mode"]["verdict"], "iptables-nft");
  EXPECT_EQ(fact(found, "iptables_services")["value"], 2'100);
  const auto saved = save(Backend::nft, Family::ipv4);
  ASSERT_THAT(saved, has_value());
  std::int64_t rules = 0;
  for (const auto& [name, table] : parse_iptables_save(*saved).tables) {
    rules += table.rules;
  }
  EXPECT_EQ(fact(found, "iptables_rules")["value"], rules);
  // Two thousand are a warning.
  EXPECT_EQ(by_check(found["findings"], "services_in_iptables")["severity"], "warning");
  EXPECT_EQ(by_check(found["measures"], "services_in_iptables")["value"], 2'100);
  EXPECT_EQ(found["verdict"], "warning");
  EXPECT_EQ(run.exit_status, 4);
}

TEST_F(ReportTest, OfWhatIsCriticalSaysWhatToDoAndEndsWithFive) {
  must_restore(plain(10, 2, Family::ipv4));
  const ToolRun run =
      report({"--alerting.thresholds=check=services_in_iptables,info=7,warning=8,critical=9"});
  EXPECT_EQ(run.exit_status, 5) << run.out << run.err;
  EXPECT_THAT(run.out, HasSubstr("\nCRITICAL  KubecliffServicesInIptables\n"));
  EXPECT_THAT(run.out, HasSubstr("\n          -> "));
  EXPECT_THAT(run.out, HasSubstr("alerts/runbooks/KubecliffServicesInIptables.md\n"));
  EXPECT_THAT(run.out, Not(HasSubstr("\x1b")));
}

TEST_F(ReportTest, SaysInMarkdownWhatItSaysInText) {
  must_restore(plain(10, 2, Family::ipv4));
  const std::string bounds =
      "--alerting.thresholds=check=services_in_iptables,info=7,warning=8,critical=9";
  const std::string text = report({bounds}).out;
  const std::string markdown = report({bounds, "--output=markdown"}).out;

  EXPECT_THAT(text, StartsWith("kubecliff report: "));
  EXPECT_THAT(markdown, StartsWith("# kubecliff report: "));
  EXPECT_THAT(text, HasSubstr("\nCRITICAL  KubecliffServicesInIptables\n"));
  EXPECT_THAT(markdown, HasSubstr("\n## CRITICAL: KubecliffServicesInIptables\n\n**"));
  EXPECT_THAT(text, HasSubstr(" has 10 Services in iptables\n"));
  EXPECT_THAT(markdown, HasSubstr(" has 10 Services in iptables** "));
  EXPECT_THAT(text, HasSubstr("\n          -> "));
  EXPECT_THAT(markdown, HasSubstr("\n**Next:** "));
  EXPECT_THAT(text, ContainsRegex("\n  services in iptables +10 +7 +8 +9\n"));
  EXPECT_THAT(markdown, HasSubstr("\n| services in iptables | **10 Services** | 7 Services | "
                                  "8 Services | 9 Services |\n"));
  EXPECT_THAT(text, ContainsRegex("\n  endpoints in iptables \\(nft, ipv4\\) +20\n"));
  EXPECT_THAT(markdown, HasSubstr("\n| endpoints in iptables \\(nft, ipv4\\) | 20 |\n"));
  EXPECT_THAT(text, HasSubstr("  10.96.0.1:80/tcp\n"));
  EXPECT_THAT(markdown, HasSubstr(" `10.96.0.1:80/tcp` | 2 | "));
}

TEST_F(ReportTest, OfADaemonIsWhatItsApiSays) {
  must_restore(plain(10, 2, Family::ipv4));
  const auto program = Program::start({"--web.listen-address=127.0.0.1:0"});
  ASSERT_THAT(program, has_value());
  const std::uint16_t port = (*program)->port_served();
  ASSERT_NE(port, 0);

  const std::string url = "--url=http://127.0.0.1:" + std::to_string(port);
  json found = json::object();
  // It judges once a second in its first seconds.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (fact(found, "iptables_services").is_null() && std::chrono::steady_clock::now() < end) {
    ::usleep(200'000);
    found = json::parse(report({url, "--output=json"}).out);
  }
  EXPECT_EQ(fact(found, "iptables_services")["value"], 10);
  EXPECT_EQ(found["from_daemon"], true);
  EXPECT_THAT(report({url}).out,
              ContainsRegex("  Service ports in iptables \\(nft, ipv4\\) +10\n"));

  const std::string answer = http_get(port, "/api/v1/report");
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(http_get(port, "/api/v1/report?top=-1"), StartsWith("HTTP/1.1 400 "));
}

// Flows to each port in turn, from one address.
void open_flows(int flows, int ports) {
  for (int i = 0; i < flows; ++i) {
    ASSERT_THAT(conntrack({"-I", "-p", "udp", "-s", "192.0.2.7", "-d", "192.0.2.9", "--sport",
                           std::to_string(10'000 + i), "--dport",
                           std::to_string(20'000 + i % ports), "-t", "120"}),
                has_value());
  }
}

TEST_F(ReportTest, NamesTheLargestServicesAndTheBusiestAddresses) {
  const RulesetShape shape = plain(5, 2, Family::ipv4);
  must_restore(shape);
  open_flows(30, 3);
  const json found = json::parse(report({"--output=json", "--top=2"}).out);
  const json& names = found["names"];
  ASSERT_EQ(names["services_by_endpoints"].size(), 2U) << names;
  EXPECT_EQ(names["services_by_endpoints"][0]["name"],
            service_name(make_service(shape, 0)) + ":" + port_name(make_service(shape, 0)));
  EXPECT_EQ(names["services_by_endpoints"][0]["endpoints"], 2);
  EXPECT_EQ(names["sources"][0]["address"], "192.0.2.7");
  EXPECT_EQ(names["sources"][0]["flows"], 30);
  EXPECT_EQ(names["destinations"].size(), 2U);
  EXPECT_EQ(names["destinations"][0]["flows"], 10);
  EXPECT_EQ(names["short_lived_sources"][0]["flows"], 30);
  EXPECT_TRUE(names["missing"].empty()) << names["missing"];
  EXPECT_EQ(json::parse(report({"--output=json", "--top=0"}).out)["names"], nullptr);
}

TEST_F(ReportTest, ADaemonReadsNamesNoMoreThanOnceAMinute) {
  must_restore(plain(5, 2, Family::ipv4));
  const auto program = Program::start({"--web.listen-address=127.0.0.1:0"});
  ASSERT_THAT(program, has_value());
  const std::string url = "--url=http://127.0.0.1:" + std::to_string((*program)->port_served());
  const auto names = [&](const std::string& top) {
    return json::parse(report({url, "--output=json", "--top=" + top}).out)["names"];
  };
  const json before = names("2");
  EXPECT_EQ(before["services_by_rules"].size(), 2U);
  must_restore(plain(9, 2, Family::ipv4));
  const json after = names("100");
  EXPECT_EQ(after["services_by_rules"].size(), 5U);
  EXPECT_EQ(after["read_at"], before["read_at"]);
}

TEST_F(ReportTest, NamesNothingToThoseWhoAreNotKnown) {
  must_run({"ip", "address", "add", "192.0.2.1/32", "dev", "lo"});
  must_restore(plain(5, 2, Family::ipv4));
  const std::string port = std::to_string(free_port());
  const auto program = Program::start({"--web.listen-address=0.0.0.0:" + port});
  ASSERT_THAT(program, has_value());
  ASSERT_NE((*program)->line_with("kubecliff serves"), "");

  const auto asked_at = [&](const std::string& address) {
    return json::parse(report({"--url=http://" + address + ":" + port, "--output=json"}).out);
  };
  // As a page would whose name has been made to resolve to this address.
  const json rebound = json::parse(must_run(
      {"curl", "-s", "-H", "Host: example.org", "http://127.0.0.1:" + port + "/api/v1/report"}));
  EXPECT_EQ(rebound["names"], nullptr);
  EXPECT_EQ(
      json::parse(must_run({"curl", "-s", "-H", "Host: localhost:9909",
                            "http://127.0.0.1:" + port + "/api/v1/report"}))["names"]["missing"],
      json::array());
  const json known = asked_at("127.0.0.1");
  EXPECT_EQ(known["names"]["services_by_endpoints"].size(), 5U) << known;
  const json stranger = asked_at("192.0.2.1");
  EXPECT_EQ(stranger["names"], nullptr);
  EXPECT_THAT(stranger["names_withheld"].get<std::string>(), HasSubstr("signed in"));
}

TEST_F(ReportTest, SaysWhatIsWrongWithWhatItWasAskedFor) {
  const auto refusal = [](std::vector<std::string> arguments) {
    const ToolRun run = report(std::move(arguments));
    return std::to_string(run.exit_status) + " " + run.err;
  };
  EXPECT_EQ(refusal({"--output=xml"}),
            "2 kubecliff: report: --output: expected text, json or markdown, got \"xml\"; see "
            "kubecliff --help\n");
  EXPECT_EQ(refusal({"--top=many"}),
            "2 kubecliff: report: --top: expected a number from 0 to 100, got \"many\"; see "
            "kubecliff --help\n");
  EXPECT_EQ(refusal({"--url=localhost"}),
            "2 kubecliff: --url: expected an address such as http://127.0.0.1:9909, got "
            "\"localhost\"\n");
  EXPECT_THAT(refusal({"--url=http://127.0.0.1:" + std::to_string(free_port())}),
              StartsWith("1 kubecliff: report: --url: the daemon: "));
}

}  // namespace
}  // namespace kubecliff::test
