#include "exporter/config/load.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_collector.h"
#include "tests/support/result_matchers.h"

namespace kubecliff {
namespace {

using test::fails_with;
using test::has_value;
using ::testing::ElementsAre;
using ::testing::Key;
using namespace std::chrono_literals;

const std::array peer_fields{
    OptionSpec{.name = "name", .default_value = std::string{}, .help = "its name"},
    OptionSpec{.name = "pause",
               .default_value = Duration{15s},
               .help = "from one to the next",
               .least = 1}};

const RecordSpec peer{
    .fields = peer_fields, .wrong = [](std::span<const Options> records) {
      return std::string{records.back().get<std::string>("name").empty() ? "expected a name" : ""};
    }};

std::vector<CollectorSpec> specs() {
  std::vector<CollectorSpec> specs;
  for (const std::string_view name : {"tables", "flows", "flows.sampled", "extra"}) {
    specs.push_back(test::fake_spec(name, Schedule::background, {}));
  }
  specs[0].options = {
      {.name = "tables.full-interval",
       .default_value = Duration{10min},
       .help = "Longest time between full readings.",
       .least = 1},
      {.name = "tables.verify", .default_value = true, .help = "Whether to count twice."},
      {.name = "tables.most", .default_value = std::int64_t{500}, .help = "Most.", .least = 10},
      {.name = "tables.share", .default_value = 0.5, .help = "Share."},
      {.name = "tables.device", .default_value = std::string{"eth0"}, .help = "Device."},
      {.name = "tables.peers",
       .default_value = Records{},
       .help = "Peers.",
       .expected = "a list of maps",
       .record = &peer}};
  specs[3].enabled = Default::off;
  return specs;
}

class LoadSettings : public ::testing::Test {
 protected:
  Result<Settings> load(const std::vector<std::string>& arguments, std::string_view file = {}) {
    std::vector<std::string> all = arguments;
    if (!file.empty()) {
      std::ofstream{path_} << file;
      all.push_back("--config.file=" + path_);
    }
    const auto line = parse_command_line(all, table_);
    return line ? load_settings(*line, table_, specs_) : std::unexpected(line.error());
  }

  // The message, the file's path shown as FILE.
  std::string error(const std::vector<std::string>& arguments, std::string_view file = {}) {
    const auto loaded = load(arguments, file);
    if (loaded) {
      return "no error";
    }
    std::string message = loaded.error().message;
    if (message.starts_with(path_)) {
      message.replace(0, path_.size(), "FILE");
    }
    return message;
  }

  void TearDown() override { std::filesystem::remove(path_); }

 private:
  const std::string path_ =
      std::filesystem::path{::testing::TempDir()} /
      (std::string{"kubecliff-load-test-"} +
       ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".yml");
  const std::vector<CollectorSpec> specs_ = specs();
  const SettingTable table_ = setting_table(specs_);
};

TEST_F(LoadSettings, DefaultsStandWhereNothingIsGiven) {
  const auto settings = load({});
  ASSERT_THAT(settings, has_value());
  EXPECT_THAT(settings->listen_addresses, ElementsAre(":9909"));
  EXPECT_EQ(settings->telemetry_path, "/metrics");
  EXPECT_EQ(settings->procfs, "/proc");
  EXPECT_EQ(settings->cpu_budget, 0.01);
  EXPECT_THAT(settings->collectors, ElementsAre(Key("flows"), Key("flows.sampled"), Key("tables")));
  const Options& options = settings->collectors.at("tables");
  EXPECT_EQ(options.get<Duration>("tables.full-interval"), 10min);
  EXPECT_EQ(options.get<bool>("tables.verify"), true);
  EXPECT_EQ(options.get<std::int64_t>("tables.most"), 500);
  EXPECT_EQ(options.get<double>("tables.share"), 0.5);
  EXPECT_EQ(options.get<std::string>("tables.device"), "eth0");
}

TEST_F(LoadSettings, FlagsAndFileSetTheSame) {
  const auto by_flags =
      load({"--web.listen-address=:1", "--web.listen-address", "[::1]:2", "--web.telemetry-path=/m",
            "--web.config.file=w.yml", "--path.procfs=/host/proc", "--log.level=debug",
            "--log.format=json", "--collector.cpu-budget=0.5", "--no-collector.flows",
            "--collector.extra", "--collector.tables.full-interval=1h",
            "--no-collector.tables.verify", "--collector.tables.most=10",
            "--collector.tables.share=0.25", "--collector.tables.device=eth1",
            "--collector.tables.peers=name=a,pause=20s", "--collector.tables.peers=name=b,c=d,e"});
  const auto by_flat_file = load({}, R"(
web.listen-address: [":1", "[::1]:2"]
web.telemetry-path: /m
web.config.file: w.yml
path.procfs: /host/proc
log.level: debug
log.format: json
collector.cpu-budget: 0.5
collector.flows: false
collector.extra: true
collector.tables.full-interval: 1h
collector.tables.verify: false
collector.tables.most: 10
collector.tables.share: 0.25
collector.tables.device: eth1
collector.tables.peers: [{name: a, pause: 20s}, {name: "b,c=d,e"}]
)");
  const auto by_nested_file = load({}, R"(
web:
  listen-address: [":1", "[::1]:2"]
  telemetry-path: /m
  config.file: w.yml
path: {procfs: /host/proc}
log: {level: debug, format: json}
collector:
  cpu-budget: 0.5
  flows: false
  extra: true
  tables:
    {full-interval: 1h, verify: false, most: 10, share: 0.25, device: eth1}
  tables.peers:
    - name: a
      pause: 20s
    - {name: "b,c=d,e"}
)");
  ASSERT_THAT(by_flags, has_value());
  ASSERT_THAT(by_flat_file, has_value());
  ASSERT_THAT(by_nested_file, has_value());
  EXPECT_EQ(by_flags->log_level, LogLevel::debug);
  EXPECT_EQ(by_flags->collectors.at("tables").get<Duration>("tables.full-interval"), 60min);
  const auto& peers = by_flags->collectors.at("tables").get<Records>("tables.peers");
  ASSERT_EQ(peers.size(), 2U);
  EXPECT_EQ(peers[0].get<Duration>("pause"), 20s);
  EXPECT_EQ(peers[1].get<std::string>("name"), "b,c=d,e");
  EXPECT_EQ(peers[1].get<Duration>("pause"), 15s);
  EXPECT_TRUE(*by_flags == *by_flat_file);
  EXPECT_TRUE(*by_flags == *by_nested_file);
}

TEST_F(LoadSettings, AListOfRecordsMayBeEmpty) {
  const auto settings = load({}, "collector.tables.peers: []\n");
  ASSERT_THAT(settings, has_value());
  EXPECT_TRUE(settings->collectors.at("tables").get<Records>("tables.peers").empty());
}

TEST_F(LoadSettings, TheFlagWinsOverTheFile) {
  const auto settings = load({"--web.listen-address=:1", "--collector.flows"},
                             "web.listen-address: :2\ncollector.flows: false\n");
  ASSERT_THAT(settings, has_value());
  EXPECT_THAT(settings->listen_addresses, ElementsAre(":1"));
  EXPECT_TRUE(settings->collectors.contains("flows"));
  EXPECT_EQ(error({"--log.level=info"}, "log.level: loud\n"),
            "FILE:1: log.level: expected debug, info, warn or error, got \"loud\"");
}

TEST_F(LoadSettings, WhichCollectorsRun) {
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> expected;
  };
  const std::vector<Case> cases{
      {{"--no-collector.flows"}, {"tables"}},
      {{"--collector.flows=false"}, {"tables"}},
      {{"--collector.flows.sampled=false"}, {"flows", "tables"}},
      {{"--no-collector.flows.sampled"}, {"flows", "tables"}},
      {{"--collector.extra"}, {"extra", "flows", "flows.sampled", "tables"}},
      {{"--collector.extra=true"}, {"extra", "flows", "flows.sampled", "tables"}},
      {{"--no-collector.extra=false"}, {"extra", "flows", "flows.sampled", "tables"}},
      {{"--collector.disable-defaults"}, {}},
      {{"--collector.disable-defaults", "--collector.flows"}, {"flows"}},
      // What belongs to a collector runs only where that one does.
      {{"--collector.disable-defaults", "--collector.flows.sampled"}, {}},
      {{"--no-collector.flows", "--collector.flows.sampled"}, {"tables"}},
  };
  for (const Case& c : cases) {
    const auto settings = load(c.arguments);
    ASSERT_THAT(settings, has_value());
    std::vector<std::string> names;
    for (const auto& [name, options] : settings->collectors) {
      names.push_back(name);
    }
    EXPECT_EQ(names, c.expected) << c.arguments.front();
  }
}

TEST_F(LoadSettings, WrongFilesAreToldInOneLine) {
  struct Case {
    std::string_view file;
    std::string_view message;
  };
  const std::vector<Case> cases{
      {"log:\n  levle: info\n",
       "FILE:2: log.levle: expected a key that --help lists, got an unknown one; did you mean "
       "log.level?"},
      {"something: 1\n", "FILE:1: something: expected a key that --help lists, got an unknown one"},
      {"config.file: x\n", "FILE:1: config.file: expected on the command line, got it in the file"},
      {"log.level:\n", "FILE:1: log.level: expected debug, info, warn or error, got nothing"},
      {"log.level: [info]\n", "FILE:1: log.level: expected debug, info, warn or error, got a list"},
      {"web.listen-address: []\n",
       "FILE:1: web.listen-address: expected [HOST]:PORT such as :9909 or [::1]:9909, each once, "
       "got nothing"},
      {"web.listen-address: 9909\n",
       "FILE:1: web.listen-address: expected [HOST]:PORT such as :9909 or [::1]:9909, each once, "
       "got \"9909\""},
      {"web.listen-address: [\":1\", \":1\"]\n",
       "FILE:1: web.listen-address: expected [HOST]:PORT such as :9909 or [::1]:9909, each once, "
       "got \":1\""},
      {"web.telemetry-path: /\n",
       "FILE:1: web.telemetry-path: expected a path such as /metrics, other than / and /-/…, got "
       "\"/\""},
      {"collector.flows: yes\n", "FILE:1: collector.flows: expected true or false, got \"yes\""},
      {"\n\ncollector.tables.full-interval: 15\n",
       "FILE:3: collector.tables.full-interval: expected a duration such as 30s or 1h30m, at least "
       "1s, got \"15\""},
      {"collector.tables.full-interval: 500ms\n",
       "FILE:1: collector.tables.full-interval: expected a duration such as 30s or 1h30m, at least "
       "1s, got \"500ms\""},
      {"collector.tables.most: 9\n",
       "FILE:1: collector.tables.most: expected a whole number, at least 10, got \"9\""},
      {"collector.tables.most: 10.5\n",
       "FILE:1: collector.tables.most: expected a whole number, at least 10, got \"10.5\""},
      {"collector.tables.share: half\n",
       "FILE:1: collector.tables.share: expected a number, at least 0, got \"half\""},
      {"collector.cpu-budget: 0\n",
       "FILE:1: collector.cpu-budget: expected a share of one core, above 0 and at most 1, got "
       "\"0\""},
      {"collector.flows: {sampled: {x: 1}}\n",
       "FILE:1: collector.flows.sampled.x: expected a key that --help lists, got an unknown one; "
       "did you mean collector.flows.sampled?"},
      {"collector.tables.peers:\n  - name: a\n    pause: 20\n",
       "FILE:2: collector.tables.peers: pause: expected a duration such as 30s or 1h30m, at least "
       "1s, got \"20\""},
      {"collector.tables.peers:\n  - {name: a}\n  - {nmae: b}\n",
       "FILE:3: collector.tables.peers: expected one of the keys name, pause, got \"nmae\""},
      {"collector.tables.peers: [{name: a, name: b}]\n",
       "FILE:1: collector.tables.peers: name: expected once, got it twice"},
      {"collector.tables.peers: [{pause: 20s}]\n",
       "FILE:1: collector.tables.peers: expected a name"},
      {"collector.tables.peers: [{name: [a]}]\n",
       "FILE:1: collector.tables.peers: expected maps of keys to single values"},
      {"collector.tables.peers: a\n",
       "FILE:1: collector.tables.peers: expected a list of maps, got something else"},
      {"collector.tables.peers: [{name: a}, b]\n",
       "FILE:1: collector.tables.peers: expected a list of maps, got something else"},
      {"log.level: info\nlog: {level: warn}\n",
       "FILE:2: log.level: expected once, got it on line 1 too"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(error({}, c.file), c.message);
  }
}

TEST_F(LoadSettings, WrongFlagsAreToldInOneLine) {
  struct Case {
    std::vector<std::string> arguments;
    std::string_view message;
  };
  const std::vector<Case> cases{
      {{"--log.levle=info"},
       "--log.levle: expected an option that --help lists; did you mean --log.level?"},
      {{"--xyz"}, "--xyz: expected an option that --help lists"},
      {{"-x"}, "-x: expected an option that --help lists"},
      {{"serve"},
       R"(expected options, check-config FILE, report, watch, evidence, preflight, simulate, alert, canary, probe or healthcheck, got "serve")"},
      {{"--collector.flows", "false"},
       R"(expected options, check-config FILE, report, watch, evidence, preflight, simulate, alert, canary, probe or healthcheck, got "false")"},
      {{"--process.seccomp=on"},
       R"(--process.seccomp: expected off, log, refuse or kill, got "on")"},
      {{"--log.level=loud"}, R"(--log.level: expected debug, info, warn or error, got "loud")"},
      {{"--log.level=info", "--log.level=warn"}, "--log.level: expected once, got it 2 times"},
      {{"--collector.flows", "--no-collector.flows"},
       "--collector.flows: expected once, got it 2 times"},
      {{"--collector.flows=maybe"}, R"(--collector.flows: expected true or false, got "maybe")"},
      {{"--web.config.file=", "--log.level=info"},
       "--web.config.file: expected a value, got nothing"},
      {{"--collector.tables.peers=name=a,pause=20"},
       "--collector.tables.peers: pause: expected a duration such as 30s or 1h30m, at least 1s, "
       "got "
       "\"20\""},
      {{"--collector.tables.peers=a"},
       R"(--collector.tables.peers: expected one of the keys name, pause, got "a")"},
      {{"check-config"}, "check-config: expected a FILE, got nothing"},
      {{"check-config", "a", "b"},
       R"(expected options, check-config FILE, report, watch, evidence, preflight, simulate, alert, canary, probe or healthcheck, got "b")"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(error(c.arguments), c.message);
  }
  EXPECT_THAT(load({"--config.file=/nonexistent"}),
              fails_with(ErrorKind::unavailable, "/nonexistent: No such file or directory"));
}

}  // namespace
}  // namespace kubecliff
