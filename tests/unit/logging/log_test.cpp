#include "exporter/logging/log.h"

#include <memory>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <yaml-cpp/yaml.h>

namespace kubecliff {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using namespace std::string_literals;

class Log : public ::testing::TestWithParam<LogFormat> {
 protected:
  static std::string logged(LogFormat format, std::string_view message, LogFields fields = {}) {
    std::ostringstream out;
    auto logger = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_st>(out));
    logger->set_formatter(make_log_formatter(format));
    const auto before = spdlog::default_logger();
    spdlog::set_default_logger(logger);
    log_warn(message, fields);
    spdlog::set_default_logger(before);
    return out.str();
  }
};

TEST_F(Log, LogfmtLineIsTimeLevelMessageFields) {
  EXPECT_THAT(logged(LogFormat::logfmt, "hello world", {{"port", "9909"}, {"why", "a b"}}),
              MatchesRegex("ts=[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]{3}Z level=warn "
                           "msg=\"hello world\" port=9909 why=\"a b\"\n"));
}

TEST_F(Log, JsonLineIsOneObject) {
  EXPECT_THAT(logged(LogFormat::json, "hello", {{"port", "9909"}}),
              MatchesRegex("[{]\"ts\":\"[^\"]*Z\",\"level\":\"warn\",\"msg\":\"hello\","
                           "\"port\":\"9909\"[}]\n"));
}

TEST_F(Log, LogfmtQuotesWhatAPlainWordCannotHold) {
  struct Case {
    std::string value;
    std::string_view written;
  };
  const std::vector<Case> cases{{"", R"("")"},
                                {"a=b", R"("a=b")"},
                                {"say \"hi\"", R"("say \"hi\"")"},
                                {"back\\slash", R"("back\\slash")"},
                                {"two\nlines\t", R"("two\nlines\t")"},
                                {"\x1b[31m", R"("\u001b[31m")"},
                                {"plain/path:1", "plain/path:1"}};
  for (const Case& c : cases) {
    EXPECT_THAT(logged(LogFormat::logfmt, "m", {{"k", c.value}}),
                EndsWith("k=" + std::string{c.written} + "\n"));
  }
}

TEST_F(Log, MessageOfALibraryWithoutFieldsIsTheMessage) {
  EXPECT_THAT(logged(LogFormat::logfmt, "100 % {}"), HasSubstr("msg=\"100 % {}\"\n"));
}

TEST_F(Log, EveryByteMakesAJsonStringThatReadsBack) {
  std::string all;
  for (int byte = 0; byte < 0x80; ++byte) {
    all += static_cast<char>(byte);
  }
  const std::string line = logged(LogFormat::json, "m", {{"k", all}});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  std::string expected = all;
  expected.replace(0, 1, "\xEF\xBF\xBD");  // NUL
  EXPECT_EQ(YAML::Load(line)["k"].Scalar(), expected);
}

TEST_F(Log, BytesThatAreNotUtf8AreReplaced) {
  struct Case {
    std::string value;
    std::string_view expected;
  };
  const std::vector<Case> cases{
      {"\xC3\xA9", "\xC3\xA9"},                                  // é
      {"\xE2\x82\xAC", "\xE2\x82\xAC"},                          // €
      {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},                  // above the first plane
      {"\xFF", "\xEF\xBF\xBD"},                                  // never a lead byte
      {"\x80", "\xEF\xBF\xBD"},                                  // continuation alone
      {"\xC3", "\xEF\xBF\xBD"},                                  // cut short
      {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},                  // overlong
      {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},  // surrogate
      {"a\0b"s,
       "a\xEF\xBF\xBD"
       "b"}};
  for (const Case& c : cases) {
    EXPECT_THAT(logged(LogFormat::json, "m", {{"k", c.value}}),
                EndsWith("\"k\":\"" + std::string{c.expected} + "\"}\n"));
  }
}

}  // namespace
}  // namespace kubecliff
