#include "exporter/config/config_file.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"

namespace kubecliff {
namespace {

using test::fails_with;
using test::has_value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// `key@line=value,value`, one for each entry.
std::vector<std::string> entries(std::string_view text) {
  std::vector<std::string> found;
  const auto visited = visit_config_text(text, "f", [&](const FileEntry& entry) {
    std::string& shown = found.emplace_back(entry.key + "@" + std::to_string(entry.line) + "=");
    for (const std::string& value : entry.values) {
      shown += (shown.back() == '=' ? "" : ",") + value;
    }
    return std::string{};
  });
  EXPECT_THAT(visited, has_value());
  return found;
}

Result<void> visit(std::string_view text) {
  return visit_config_text(text, "f", [](const FileEntry&) { return std::string{}; });
}

TEST(VisitConfig, DottedKeysAndMapsInMapsAreTheSame) {
  EXPECT_THAT(
      entries("web.listen-address: :1\nlog: {level: warn}\nweb:\n  telemetry-path: /m\n"),
      ElementsAre("web.listen-address@1=:1", "log.level@2=warn", "web.telemetry-path@4=/m"));
  EXPECT_THAT(entries("collector:\n  iptables: true\n  iptables.full-interval: 10m\n"),
              ElementsAre("collector.iptables@2=true", "collector.iptables.full-interval@3=10m"));
}

TEST(VisitConfig, ListsKeepTheirOrder) {
  EXPECT_THAT(entries("a: [x, y]\nb:\n  - z\n"), ElementsAre("a@1=x,y", "b@2=z"));
}

TEST(VisitConfig, AnEmptyFileHasNoEntries) {
  EXPECT_THAT(entries(""), ElementsAre());
  EXPECT_THAT(entries("# only a comment\n"), ElementsAre());
  EXPECT_THAT(entries("---\n"), ElementsAre());
}

TEST(VisitConfig, ErrorsNameFileAndLine) {
  struct Case {
    std::string_view text;
    std::string_view message;
  };
  const std::vector<Case> cases{
      {"a: 1\na: 2\n", "f:2: a: expected once, got it on line 1 too"},
      {"a.b: 1\na: {b: 2}\n", "f:2: a.b: expected once, got it on line 1 too"},
      {"- a\n- b\n", "f:1: expected a map of settings"},
      {"just words\n", "f:1: expected a map of settings"},
      {"a: 1\n---\nb: 2\n", "f:3: expected one YAML document, got another"},
      // Of this yaml-cpp makes documents without end.
      {",", "f:1: expected one YAML document, got another"},
      {"a: 1\n[x]: 2\n", "f:2: expected a key, got a list or a map"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(visit(c.text), fails_with(ErrorKind::malformed, StartsWith(std::string{c.message})))
        << c.text;
  }
}

TEST(VisitConfig, InvalidYamlNamesItsLine) {
  EXPECT_THAT(visit("a: 1\nb: [1, 2\nc: 3\n"),
              fails_with(ErrorKind::malformed, HasSubstr("expected YAML, got an error: ")));
  EXPECT_THAT(visit("a: 1\n\tb: 2\n"), fails_with(ErrorKind::malformed, StartsWith("f:2: ")));
}

TEST(VisitConfig, AMapThatHoldsItselfEnds) {
  EXPECT_THAT(visit("a: &a\n  b: *a\n"),
              fails_with(ErrorKind::malformed, HasSubstr("maps in maps without end")));
}

TEST(VisitConfig, AFileThatIsNotThereIsAnError) {
  const auto none = [](const FileEntry&) { return std::string{}; };
  EXPECT_THAT(visit_config_file("/nonexistent/k.yml", none),
              fails_with(ErrorKind::unavailable, "/nonexistent/k.yml: No such file or directory"));
  EXPECT_THAT(visit_config_file("/", none), fails_with(ErrorKind::internal, "/: Is a directory"));
}

}  // namespace
}  // namespace kubecliff
