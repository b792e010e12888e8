// The program as its user meets it: command line, logs, signals, exit codes, HTTP.
#include "tests/integration/program/program.h"

#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "tests/support/fake_collector.h"
#include "tests/support/http_stand_in.h"
#include "tests/support/network_namespace.h"
#include "tests/support/result_matchers.h"
#include "tests/support/ruleset.h"

namespace kubecliff::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

std::string address(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

// A check that holds anywhere: a limit is some entries for each bucket.
constexpr std::string_view kAlwaysRaised =
    "alerting.thresholds: [{check: conntrack_limit_per_bucket, info: 0.001, info-for: 0s}]\n";

class ProgramTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(directory_); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // Writes a file for this test alone and returns its path.
  [[nodiscard]] std::string file(std::string_view name, std::string_view text) const {
    const std::string path = directory_ / name;
    std::ofstream{path} << text;
    return path;
  }

  // Serves on a port of its own, without a collector unless the arguments name one.
  static std::unique_ptr<Program> serve(std::vector<std::string> arguments) {
    const auto names_address = [](const std::string& argument) {
      return argument.starts_with("--web.listen-address") || argument.starts_with("--config.file");
    };
    if (std::ranges::none_of(arguments, names_address)) {
      arguments.emplace_back("--web.listen-address=127.0.0.1:0");
    }
    arguments.emplace_back("--collector.disable-defaults");
    auto program = Program::start(arguments);
    EXPECT_THAT(program, has_value());
    return program ? std::move(*program) : nullptr;
  }

 private:
  const std::filesystem::path directory_ =
      std::filesystem::path{::testing::TempDir()} /
      (std::string{"kubecliff-program-"} +
       ::testing::UnitTest::GetInstance()->current_test_info()->name() + "-" +
       std::to_string(::getpid()));
};

class NodeTest : public NetworkNamespaceTest {};

// A dual-stack node.
TEST_F(NodeTest, ServesNoMoreSeriesThanItsBudget) {
  constexpr std::ptrdiff_t kBudget = 600;
  // The kernel tells about processes in the first network namespace only. What a busy node adds:
  // four iptables tools of one backend, nft and ipset with 17 series each, 13 for the lock, and the
  // bounds of the checks on all that.
  constexpr std::ptrdiff_t kRestore = 6 * 17 + 13 + 8;
  // What a kube-proxy in iptables mode adds: 86 of its own, 15 about it, and the bounds.
  constexpr std::ptrdiff_t kKubeProxy = 86 + 15 + 6;
  for (const Family family : test::kFamilies) {
    ASSERT_THAT(test::restore(Backend::nft, family, Ruleset{varied(40, 3, family)}.restore_input()),
                has_value());
  }
  auto program = Program::start({"--web.listen-address=127.0.0.1:0"});
  ASSERT_THAT(program, has_value());
  const std::uint16_t port = (*program)->port_served();
  std::string text;
  const auto read = [&](std::string_view collector) {
    return text.find("kubecliff_collector_success{collector=\"" + std::string{collector} +
                     "\"} 1") != std::string::npos;
  };
  EXPECT_TRUE(eventually([&] {
    text = http_get(port, "/metrics");
    return read("iptables") && read("conntrack") && read("conntrack.flows") && read("traversal") &&
           text.find("signal=\"verdict\"") != std::string::npos;
  }));
  const std::string body = text.substr(text.find("\r\n\r\n") + 4);
  std::istringstream lines{body};
  std::ptrdiff_t series = 0;
  for (std::string line; std::getline(lines, line);) {
    series += line.starts_with("#") ? 0 : 1;
  }
  EXPECT_LE(series + kRestore + kKubeProxy, kBudget);
  RecordProperty("series", std::to_string(series));
}

TEST_F(ProgramTest, ProbeServesItsOneCollectorAndNothingOfTheNode) {
  const auto probe =
      Program::start({"probe", "--web.listen-address=127.0.0.1:0", "--collector.probe.vantage=pod",
                      "--collector.probe.targets=name=nobody,direct=tcp://127.0.0.1:1"});
  ASSERT_THAT(probe, has_value());
  const std::uint16_t port = (*probe)->port_served();
  EXPECT_TRUE(eventually([&] {
    return http_get(port, "/metrics")
               .find(
                   "kubecliff_probe_success{target=\"nobody\",path=\"direct\",vantage=\"pod\"} "
                   "0") != std::string::npos;
  }));
  const std::string metrics = http_get(port, "/metrics");
  EXPECT_THAT(metrics, HasSubstr("kubecliff_collector_success{collector=\"probe\"} 1"));
  EXPECT_THAT(metrics, Not(HasSubstr("collector=\"iptables\"")));
  EXPECT_THAT(metrics, Not(HasSubstr("kubecliff_host_network")));
  EXPECT_THAT(http_get(port, "/-/ready"), HasSubstr("\r\n\r\nready\n"));

  EXPECT_THAT(run_program({"probe", "--collector.iptables"}).err,
              HasSubstr("--collector.iptables: expected an option that --help lists"));
}

TEST_F(ProgramTest, SaysWhatItIs) {
  const ToolRun version = run_program({"--version"});
  EXPECT_EQ(version.exit_status, 0);
  EXPECT_THAT(version.out, MatchesRegex("kubecliff [0-9.]+ \\(revision [^,]+, [^)]+\\)\n"));

  const ToolRun help = run_program({"--help"});
  EXPECT_EQ(help.exit_status, 0);
  EXPECT_THAT(help.out, HasSubstr("--web.listen-address=[HOST]:PORT  (default: :9909)"));
}

TEST_F(ProgramTest, WhatCouldNotBeWrittenIsAFailure) {
  const auto full = run_tool({"sh", "-c", Program::path() + " alert rules >/dev/full"});
  ASSERT_THAT(full, has_value());
  EXPECT_EQ(full->exit_status, 1);
  EXPECT_EQ(full->err, "kubecliff: alert rules: standard output: No space left on device\n");
  // Who has read enough is told nothing.
  const auto closed =
      run_tool({"sh", "-c", "(sleep 0.2; " + Program::path() + " alert rules) | true"});
  ASSERT_THAT(closed, has_value());
  EXPECT_EQ(closed->err, "");
}

TEST_F(ProgramTest, CheckConfigSaysWhetherAStartWouldDo) {
  const std::string web =
      file("web.yml", "http_server_config: {headers: {X-Frame-Options: deny}}\n");
  const std::string bad_web = file("bad-web.yml", "tls_server_config: {nonsense: 1}\n");
  struct Case {
    std::string text;
    int exit_status;
    std::string out;
    std::string err;  // after the file's name
  };
  const std::vector<Case> cases{
      {"", 0, "ok", ""},
      {"web: {listen-address: [\":1\"]}\n", 0, "ok", ""},
      {"web.config.file: " + web + "\n", 0, "ok", ""},
      {"log.level: loud\n", 2, "",
       ":1: log.level: expected debug, info, warn or error, got \"loud\""},
      {"web:\n  listen-adress: :1\n", 2, "",
       ":2: web.listen-adress: expected a key that --help lists, got an unknown one; did you mean "
       "web.listen-address?"},
      {"log.level: info\nlog.level: info\n", 2, "",
       ":2: log.level: expected once, got it on line 1 too"},
  };
  for (const Case& c : cases) {
    const std::string path = file("kubecliff.yml", c.text);
    const ToolRun checked = run_program({"check-config", path});
    EXPECT_EQ(checked.exit_status, c.exit_status);
    EXPECT_EQ(checked.out, c.out.empty() ? "" : path + ": " + c.out + "\n");
    EXPECT_EQ(checked.err, c.err.empty() ? "" : "kubecliff: " + path + c.err + "\n");
  }

  const ToolRun checked =
      run_program({"check-config", file("kubecliff.yml", "web.config.file: " + bad_web + "\n")});
  EXPECT_EQ(checked.exit_status, 2);
  EXPECT_THAT(checked.err, StartsWith("kubecliff: " + bad_web + ":1: "));
}

TEST_F(ProgramTest, WrongConfigurationStopsTheStartWithOneLine) {
  const std::string bad = file("kubecliff.yml", "log:\n  level: loud\n");
  struct Case {
    std::vector<std::string> arguments;
    std::string err;
  };
  const std::vector<Case> cases{
      {{"--config.file=" + bad},
       bad + ":2: log.level: expected debug, info, warn or error, got \"loud\""},
      {{"--config.file=/nonexistent"}, "/nonexistent: No such file or directory"},
      {{"--log.level=loud"}, "--log.level: expected debug, info, warn or error, got \"loud\""},
      {{"serve"},
       "expected options, check-config FILE, report, watch, evidence, preflight, simulate, alert, "
       "canary, probe or healthcheck, got "
       "\"serve\"; see kubecliff --help"},
      {{"--nonsense"}, "--nonsense: expected an option that --help lists; see kubecliff --help"},
  };
  for (const Case& c : cases) {
    const ToolRun started = run_program(c.arguments);
    EXPECT_EQ(started.exit_status, 2);
    EXPECT_EQ(started.out, "");
    EXPECT_EQ(started.err, "kubecliff: " + c.err + "\n");
  }
  EXPECT_EQ(run_program({"--web.config.file=/nonexistent"}).exit_status, 2);
}

TEST_F(ProgramTest, PortInUseIsOneLineAndExitCodeOne) {
  const auto first = serve({});
  const std::uint16_t port = first->port_served();
  ASSERT_NE(port, 0);
  const ToolRun second = run_program({"--web.listen-address=" + address(port)});
  EXPECT_EQ(second.exit_status, 1);
  EXPECT_EQ(second.err, "kubecliff: listen on " + address(port) + ": Address already in use\n");
}

TEST_F(ProgramTest, AnswersEachPathInItsWay) {
  const auto program = serve({"--web.telemetry-path=/node-metrics"});
  const std::uint16_t port = program->port_served();
  ASSERT_NE(port, 0);
  struct Case {
    std::string_view target;
    std::string_view status;
    std::string_view holds;
  };
  const std::vector<Case> cases{
      {"/node-metrics", "HTTP/1.1 200", "\nkubecliff_build_info{version=\""},
      {"/node-metrics", "HTTP/1.1 200", "Content-Type: text/plain; version=0.0.4; charset=utf-8"},
      {"/node-metrics", "HTTP/1.1 200", "\nprocess_resident_memory_bytes "},
      {"/node-metrics?collect[]=nonsense", "HTTP/1.1 400", "unknown collector: nonsense\n"},
      {"/node-metrics?collect%5B%5D=nonsense", "HTTP/1.1 400", "unknown collector: nonsense\n"},
      {"/metrics", "HTTP/1.1 404", ""},
      {"/", "HTTP/1.1 200", "href=\"/node-metrics\""},
      {"/-/healthy", "HTTP/1.1 200", "healthy\n"},
      {"/-/ready", "HTTP/1.1 200", "\r\n\r\nready\n"},
  };
  for (const Case& c : cases) {
    const std::string response = http_get(port, c.target);
    EXPECT_THAT(response, StartsWith(std::string{c.status})) << c.target;
    EXPECT_THAT(response, HasSubstr(std::string{c.holds})) << c.target;
  }
}

TEST_F(ProgramTest, SignalStopsItWithinTwoSecondsWhateverClientsDo) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const auto program = serve({});
    const std::uint16_t port = program->port_served();
    ASSERT_NE(port, 0);
    const auto silent = connect_to(port);
    const auto halfway = connect_to(port);
    ASSERT_THAT(silent, has_value());
    ASSERT_THAT(halfway, has_value());
    constexpr std::string_view kHalf = "GET /metrics HT";
    ASSERT_GT(::send(halfway->get(), kHalf.data(), kHalf.size(), MSG_NOSIGNAL), 0);
    ASSERT_THAT(http_get(port, "/-/healthy"), StartsWith("HTTP/1.1 200"));

    program->signal(signal);
    EXPECT_EQ(program->exit_within(2s), 0);
    EXPECT_THAT(program->rest_of_log(), HasSubstr("msg=stopping signal=SIG"));
  }
}

// As the kernel tells: "0000000000001000".
std::string capabilities_of(const Program& program) {
  std::ifstream status{"/proc/" + std::to_string(program.pid()) + "/status"};
  std::string permitted;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("CapPrm:\t")) {
      permitted = line.substr(8);
    }
  }
  return permitted;
}

TEST_F(ProgramTest, HasTheCapabilitiesThatItsCollectorsUseAndNoOther) {
  const auto program = serve({"--collector.conntrack"});
  EXPECT_THAT(program->line_with("kubecliff serves"), HasSubstr("capabilities=net_admin"));
  EXPECT_EQ(capabilities_of(*program), "0000000000001000");

  const auto without = serve({"--collector.sockets"});
  EXPECT_THAT(without->line_with("kubecliff serves"), HasSubstr("capabilities=none"));
  EXPECT_EQ(capabilities_of(*without), "0000000000000000");
}

TEST_F(ProgramTest, ReadsItsFilesWithoutTheRightsOfWhoStartsIt) {
  const std::string config = file("kubecliff.yml", "log.level: info\n");
  ASSERT_EQ(::chown(config.c_str(), 1000, 1000), 0);
  std::filesystem::permissions(config, std::filesystem::perms::owner_read);
  const auto program = Program::start({"--config.file=" + config});
  ASSERT_THAT(program, has_value());
  EXPECT_EQ((*program)->exit_within(10s), 2);
  EXPECT_THAT((*program)->rest_of_log(),
              AllOf(HasSubstr(config + ": Permission denied"), HasSubstr("CAP_DAC_OVERRIDE")));
}

TEST_F(NodeTest, KeepsTheCapabilityForAPortThatTakesOne) {
  const auto program = Program::start(
      {"--web.listen-address=127.0.0.1:81", "--collector.disable-defaults", "--collector.sockets"});
  ASSERT_THAT(program, has_value());
  EXPECT_THAT((*program)->line_with("kubecliff serves"),
              HasSubstr("capabilities=net_bind_service"));
}

TEST_F(ProgramTest, SaysWhatOfANewConfigurationTakesAStart) {
  const std::string web = "web.listen-address: \"127.0.0.1:0\"\n";
  const std::string config = file("kubecliff.yml", web + "collector.sockets: true\n");
  const auto program = serve({"--config.file=" + config});
  ASSERT_NE(program->port_served(), 0);

  (void)file("kubecliff.yml", web + "collector.conntrack: true\n");
  program->signal(SIGHUP);
  EXPECT_THAT(program->line_with("given up at the start"),
              AllOf(HasSubstr("level=warn"), HasSubstr("capabilities=net_admin")));
}

TEST_F(ProgramTest, HangupReadsTheFileAgain) {
  const std::string config =
      file("kubecliff.yml", "web: {listen-address: \"127.0.0.1:0\", telemetry-path: /one}\n");
  const auto program = serve({"--config.file=" + config});
  const std::uint16_t port = program->port_served();
  ASSERT_THAT(http_get(port, "/one"), StartsWith("HTTP/1.1 200"));

  (void)file("kubecliff.yml",
             "web: {listen-address: \"127.0.0.1:0\", telemetry-path: /two}\nlog.format: json\n");
  program->signal(SIGHUP);
  EXPECT_THAT(program->line_with("configuration read again"), StartsWith("{"));
  EXPECT_THAT(http_get(port, "/one"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(http_get(port, "/two"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ProgramTest, HangupWithAWrongFileKeepsTheOldConfiguration) {
  const std::string config = file("kubecliff.yml", "web.listen-address: \"127.0.0.1:0\"\n");
  const auto program = serve({"--config.file=" + config});
  const std::uint16_t port = program->port_served();
  ASSERT_NE(port, 0);

  (void)file("kubecliff.yml", "web.telemetry-path: /two\nlog.level: loud\n");
  program->signal(SIGHUP);
  EXPECT_THAT(program->line_with("configuration is wrong, the old one stays"),
              HasSubstr(config + ":2: log.level: expected"));
  EXPECT_THAT(http_get(port, "/metrics"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ProgramTest, HangupMovesToAnotherPort) {
  const std::string config = file("kubecliff.yml", "web.listen-address: \"127.0.0.1:0\"\n");
  const auto program = serve({"--config.file=" + config});
  const std::uint16_t before = program->port_served();
  ASSERT_NE(before, 0);

  const std::uint16_t after = free_port();
  (void)file("kubecliff.yml", "web.listen-address: \"" + address(after) + "\"\n");
  program->signal(SIGHUP);
  ASSERT_THAT(program->line_with("configuration read again"), HasSubstr(address(after)));
  EXPECT_THAT(http_get(after, "/metrics"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(connect_to(before), fails_with(ErrorKind::internal, HasSubstr("refused")));
}

TEST_F(ProgramTest, HangupWithAPortInUseKeepsTheOldOne) {
  const auto other = serve({});
  const std::uint16_t taken = other->port_served();
  const std::string config = file("kubecliff.yml", "web.listen-address: \"127.0.0.1:0\"\n");
  const auto program = serve({"--config.file=" + config});
  const std::uint16_t port = program->port_served();
  ASSERT_NE(port, 0);

  (void)file("kubecliff.yml", "web: {listen-address: \"" + address(taken) +
                                  "\", telemetry-path: /two}\n" + std::string{kAlwaysRaised});
  program->signal(SIGHUP);
  EXPECT_THAT(program->line_with("the old one stays"), HasSubstr("Address already in use"));
  EXPECT_THAT(http_get(port, "/metrics"),
              AllOf(StartsWith("HTTP/1.1 200"), Not(HasSubstr("severity=\"info\"} 0.001"))));
}

TEST_F(ProgramTest, HangupBringsAuthenticationToTheSameAddress) {
  const std::uint16_t port = free_port();
  const std::string listen = "web.listen-address: \"" + address(port) + "\"\n";
  const std::string config = file("kubecliff.yml", listen);
  const auto program = serve({"--config.file=" + config});
  ASSERT_EQ(program->port_served(), port);
  ASSERT_THAT(http_get(port, "/metrics"), StartsWith("HTTP/1.1 200"));

  // Any hash of bcrypt's form: nobody logs in.
  const std::string web =
      file("web.yml", "basic_auth_users: {alice: $2y$04$" + std::string(53, 'a') + "}\n");
  (void)file("kubecliff.yml", listen + "web.config.file: " + web + "\n");
  program->signal(SIGHUP);
  ASSERT_THAT(program->line_with("configuration read again"), Not(IsEmpty()));
  EXPECT_THAT(http_get(port, "/metrics"), StartsWith("HTTP/1.1 401"));
}

TEST_F(ProgramTest, JudgesTheNodeAndTellsWhomTheFileNames) {
  test::HttpStandIn alertmanager;
  const std::string receivers =
      file("alerting.yml", "interval: 1s\nlabels: {instance: n1}\nalertmanagers:\n  - url: " +
                               alertmanager.url() + "\n");
  const std::string config =
      file("kubecliff.yml",
           "web.listen-address: \"127.0.0.1:0\"\ncollector.conntrack: true\n"
           "collector.conntrack.flows: false\n" +
               std::string{kAlwaysRaised} + "alerting.config: " + receivers + "\n");
  const auto program = serve({"--config.file=" + config});
  const std::uint16_t port = program->port_served();
  ASSERT_NE(port, 0);

  const auto posts = alertmanager.posts(1);
  ASSERT_EQ(posts.size(), 1U);
  EXPECT_EQ(posts[0].path, "/api/v2/alerts");
  EXPECT_THAT(posts[0].body, HasSubstr(R"("alertname":"KubecliffConntrackLimitPerBucket")"));
  EXPECT_THAT(posts[0].body, HasSubstr(R"("instance":"n1")"));
  EXPECT_TRUE(eventually([port] {
    const std::string metrics = http_get(port, "/metrics");
    return metrics.find(
               "kubecliff_alert_active{check=\"conntrack_limit_per_bucket\",severity="
               "\"info\"} 1") != std::string::npos &&
           metrics.find(
               "kubecliff_notifications_total{receiver=\"alertmanager-0\",result=\"ok\"} "
               "1") != std::string::npos;
  }));
  EXPECT_THAT(
      http_get(port, "/metrics"),
      HasSubstr("kubecliff_threshold{check=\"conntrack_limit_per_bucket\",severity=\"info\"} "
                "0.001"));
}

TEST_F(ProgramTest, HangupTellsOthersOrNobodyAndKeepsWhatItHasWhereTheFileIsWrong) {
  test::HttpStandIn first;
  test::HttpStandIn second;
  const auto told = [](const test::HttpStandIn& whom) {
    return "interval: 1s\nalertmanagers:\n  - url: " + whom.url() + "\n";
  };
  const std::string receivers = file("alerting.yml", told(first));
  const std::string rest = "web.listen-address: \"127.0.0.1:0\"\ncollector.conntrack: true\n" +
                           std::string{kAlwaysRaised};
  const std::string config = file("kubecliff.yml", rest + "alerting.config: " + receivers + "\n");
  const auto program = serve({"--config.file=" + config});
  const std::uint16_t port = program->port_served();
  ASSERT_EQ(first.posts(1).size(), 1U);

  (void)file("alerting.yml", "alertmanagers:\n  - url: nowhere\n");
  program->signal(SIGHUP);
  EXPECT_THAT(program->line_with("the old one stays"), HasSubstr(receivers + ":2: "));
  EXPECT_THAT(http_get(port, "/metrics"), HasSubstr("kubecliff_alert_active"));

  (void)file("alerting.yml", told(first).replace(0, 12, "interval: 2s"));
  program->signal(SIGHUP);
  EXPECT_NE(program->line_with("configuration read again"), "");
  EXPECT_EQ(first.connections(), 1U) << "another interval is no reason to connect anew";

  (void)file("alerting.yml", told(second));
  program->signal(SIGHUP);
  EXPECT_EQ(second.posts(1).size(), 1U) << "what fires is told to whoever is new";

  (void)file("kubecliff.yml", rest);
  program->signal(SIGHUP);
  EXPECT_NE(program->line_with("configuration read again"), "");
  EXPECT_NE(program->line_with("configuration read again"), "");
  EXPECT_THAT(http_get(port, "/metrics"), Not(HasSubstr("kubecliff_alert_active")));
}

TEST_F(ProgramTest, EveryLogLineOfEitherFormatParses) {
  const auto json = serve({"--log.format=json", "--log.level=debug"});
  ASSERT_THAT(json->line_with("kubecliff serves"), Not(IsEmpty()));
  json->signal(SIGHUP);
  json->signal(SIGTERM);
  ASSERT_EQ(json->exit_within(2s), 0);
  std::istringstream json_lines{json->rest_of_log()};
  for (std::string line; std::getline(json_lines, line);) {
    const YAML::Node parsed = YAML::Load(line);
    EXPECT_TRUE(parsed["ts"] && parsed["level"] && parsed["msg"]) << line;
  }

  const auto logfmt = serve({});
  ASSERT_NE(logfmt->port_served(), 0);
  logfmt->signal(SIGTERM);
  ASSERT_EQ(logfmt->exit_within(2s), 0);
  std::istringstream logfmt_lines{logfmt->rest_of_log()};
  for (std::string line; std::getline(logfmt_lines, line);) {
    EXPECT_THAT(line, MatchesRegex("ts=[^ ]+Z level=[a-z]+ msg=([a-z]+|\"[^\"]*\")"
                                   "( [a-z]+=([^ \"]+|\"[^\"]*\"))*"));
  }
}

}  // namespace
}  // namespace kubecliff::test
