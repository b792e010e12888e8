#include "exporter/config/command_line.h"

#include <array>
#include <cstdint>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_collector.h"
#include "tests/support/result_matchers.h"

namespace kubecliff {
namespace {

using test::has_value;
using ::testing::HasSubstr;

TEST(ParseCommandLine, SaysWhatIsToBeDone) {
  struct Case {
    std::vector<std::string> arguments;
    Command expected;
  };
  const std::vector<Case> cases{{{}, Command::serve},
                                {{"--log.level=nonsense", "--help"}, Command::help},
                                {{"-h"}, Command::help},
                                {{"check-config", "--help"}, Command::help},
                                {{"--version"}, Command::version},
                                {{"check-config", "k.yml"}, Command::check_config},
                                {{"preflight"}, Command::preflight},
                                {{"preflight", "--help"}, Command::help},
                                {{"alert", "test"}, Command::alert},
                                {{"evidence"}, Command::evidence},
                                {{"evidence", "--help"}, Command::help},
                                {{"healthcheck", "--web.listen-address=:1"}, Command::healthcheck},
                                {{"--web.listen-address=:1", "healthcheck"}, Command::healthcheck},
                                {{"healthcheck", "--help"}, Command::help},
                                {{"simulate"}, Command::simulate},
                                {{"simulate", "--help"}, Command::help},
                                {{"alert", "--help"}, Command::help},
                                {{"probe"}, Command::probe},
                                {{"probe", "--log.level=warn"}, Command::probe},
                                {{"probe", "--help"}, Command::help}};
  const SettingTable table = setting_table({});
  for (const Case& c : cases) {
    const auto line = parse_command_line(c.arguments, table);
    ASSERT_THAT(line, has_value());
    EXPECT_EQ(line->command, c.expected);
  }
}

TEST(ParseCommandLine, CheckConfigTakesItsFile) {
  const auto line =
      parse_command_line(std::vector<std::string>{"check-config", "k.yml"}, setting_table({}));
  ASSERT_THAT(line, has_value());
  EXPECT_EQ(line->config_file, "k.yml");
}

TEST(ParseCommandLine, ProbeComesFirst) {
  EXPECT_THAT(
      parse_command_line(std::vector<std::string>{"--log.level=warn", "probe"}, setting_table({})),
      test::fails_with(ErrorKind::malformed, "probe: expected before all options"));
}

TEST(ParseCommandLine, AlertTakesItsWords) {
  const auto line = parse_command_line(
      std::vector<std::string>{"alert", "test", "--severity=critical"}, setting_table({}));
  ASSERT_THAT(line, has_value());
  EXPECT_EQ(line->alert.action, "test");
  EXPECT_EQ(line->alert.severity, "critical");
}

TEST(ParseCommandLine, EvidenceTakesItsWords) {
  const SettingTable table = setting_table({});
  const auto all = parse_command_line(
      std::vector<std::string>{"evidence", "--full", "--redact", "--output-file=-",
                               "--url=http://127.0.0.1:9909", "--path.procfs=/host/proc"},
      table);
  ASSERT_THAT(all, has_value());
  EXPECT_TRUE(all->evidence.full);
  EXPECT_TRUE(all->evidence.redact);
  EXPECT_EQ(all->evidence.output_file, "-");
  EXPECT_EQ(all->evidence.url, "http://127.0.0.1:9909");
  const auto none = parse_command_line(std::vector<std::string>{"evidence"}, table);
  ASSERT_THAT(none, has_value());
  EXPECT_FALSE(none->evidence.full);
  EXPECT_FALSE(none->evidence.redact);
  EXPECT_EQ(none->evidence.output_file, "");
}

TEST(ParseCommandLine, PreflightTakesItsWordsAndTheOptionsOfAStart) {
  const SettingTable table = setting_table({});
  const std::vector<std::vector<std::string>> spellings{
      {"preflight", "--to=ipvs", "--output", "json", "--path.procfs=/host/proc"},
      {"--path.procfs=/host/proc", "preflight", "--output=json", "--to", "ipvs"}};
  for (const auto& arguments : spellings) {
    const auto line = parse_command_line(arguments, table);
    ASSERT_THAT(line, has_value());
    EXPECT_EQ(line->command, Command::preflight);
    EXPECT_EQ(line->preflight.to, "ipvs");
    EXPECT_EQ(line->preflight.output, "json");
    EXPECT_EQ(line->flags.at("path.procfs"), std::vector<std::string>{"/host/proc"});
  }
}

TEST(ParseCommandLine, PreflightRefusesWhatItDoesNotKnow) {
  struct Case {
    std::vector<std::string> arguments;
    std::string_view why;
  };
  const std::vector<Case> cases{
      {{"preflight", "--to="}, "--to: expected a value, got nothing"},
      {{"preflight", "--to=ipvs", "--to=ebpf"}, "--to: expected once, got it 2 times"},
      {{"preflight", "--form=json"}, "--form: expected an option that --help lists"},
      {{"--to=ipvs"}, "--to: expected an option that --help lists"},
      {{"preflight", "--to=ipvs", "now"}, "got \"now\""}};
  const SettingTable table = setting_table({});
  for (const Case& c : cases) {
    EXPECT_THAT(parse_command_line(c.arguments, table),
                test::fails_with(ErrorKind::malformed, HasSubstr(std::string{c.why})));
  }
}

const std::array peer_fields{
    OptionSpec{.name = "name", .default_value = std::string{}, .help = "its name"},
    OptionSpec{.name = "most", .default_value = std::int64_t{5}, .help = "how many"}};
const RecordSpec peer{.fields = peer_fields,
                      .wrong = [](std::span<const Options>) { return std::string{}; }};

TEST(HelpText, NamesEverySettingWithItsDefaultInEightyColumns) {
  std::vector<CollectorSpec> specs{test::fake_spec("flows", Schedule::background, {})};
  specs[0].options = {
      {.name = "flows.most",
       .default_value = std::int64_t{500'000},
       .help = "Flows above which nothing is sampled."},
      {.name = "flows.peers", .default_value = Records{}, .help = "Peers.", .record = &peer}};
  const std::string text = help_text(setting_table(specs), "1.2.3");
  EXPECT_THAT(text, HasSubstr("kubecliff 1.2.3: "));
  EXPECT_THAT(text,
              HasSubstr("  --web.listen-address=[HOST]:PORT  (default: :9909)\n        Addr"));
  EXPECT_THAT(text, HasSubstr("  --[no-]collector.flows  (default: on)\n        a collector of"));
  EXPECT_THAT(text, HasSubstr("  --collector.flows.most=NUMBER  (default: 500000)\n"));
  EXPECT_THAT(text, HasSubstr("  --collector.flows.peers=KEY=VALUE,...\n"
                              "        Peers. name: its name. most: how many (5).\n"));
  for (const std::string_view part : {"SIGHUP", "Exit codes:", "Examples:", "check-config FILE"}) {
    EXPECT_THAT(text, HasSubstr(std::string{part}));
  }
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 80U) << line;
  }
}

}  // namespace
}  // namespace kubecliff
