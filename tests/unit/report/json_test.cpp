#include "exporter/report/json.h"

#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/result_matchers.h"
#include "tests/unit/docs/code_blocks.h"
#include "tests/unit/report/report_of.h"

namespace kubecliff::report {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// Of two equal keys the last one counts.
std::string report_with(std::string_view keys) {
  return R"({"schema": "kubecliff.report/1", "node": "", "at": "2026-11-22T21:50:03Z", "measures": [], )" +
         std::string{keys} + "}";
}

TEST(ToJson, HasASchemaAndAVerdict) {
  const json report = json::parse(to_json(test::full_report()));
  EXPECT_EQ(report["schema"], "kubecliff.report/1");
  EXPECT_EQ(report["verdict"], "critical");
  EXPECT_EQ(report["covers_seconds"], 21'600);
  EXPECT_EQ(report["findings"][0]["firing_since"], "2024-11-22T21:40:03Z");
  EXPECT_EQ(report["findings"][1]["firing_since"], nullptr);
  EXPECT_EQ(report["measures"][0]["bounds"][1],
            (json{{"severity", "critical"}, {"side", "above"}, {"value", 0.85}}));
  EXPECT_EQ(report["names"]["services_by_endpoints"][0]["packets"], 12'345);
  EXPECT_EQ(json::parse(to_json({}))["verdict"], "unknown");
  Report calm = test::full_report();
  calm.findings.clear();
  EXPECT_EQ(json::parse(to_json(calm))["verdict"], "ok");
  EXPECT_EQ(json::parse(to_json({}))["names"], nullptr);
}

TEST(ToJson, IsReadBackAsItWas) {
  Report report = test::full_report();
  // Bytes that are no UTF-8 do not come back.
  report.names->services_by_endpoints.front().name = "plain";
  report.failures = {"plain"};
  const std::string text = to_json(report);
  const auto read = from_json(text);
  ASSERT_THAT(read, test::has_value());
  EXPECT_EQ(to_json(*read), text);
  EXPECT_EQ(read->findings.front().firing_since, report.findings.front().firing_since);
  EXPECT_EQ(read->measures.front().bounds, report.measures.front().bounds);
  EXPECT_EQ(read->names->sources.front().most_error, 12U);
}

// Of all objects in it, but not of labels, which are names of their own.
std::set<std::string> keys_of(const json& value) {
  std::set<std::string> keys;
  for (const auto& [key, child] : value.items()) {
    if (value.is_object()) {
      keys.insert(key);
    }
    if (child.is_structured() && key != "labels") {
      keys.merge(keys_of(child));
    }
  }
  return keys;
}

TEST(ToJson, EveryKeyIsDocumented) {
  const std::string page =
      test::text_of(std::filesystem::path{KUBECLIFF_SOURCE_DIR} / "docs/report.md");
  for (const std::string& key : keys_of(json::parse(to_json(test::full_report())))) {
    EXPECT_THAT(page, HasSubstr("`" + key + "`"));
  }
}

TEST(ToJson, OfWhatIsNoNumberIsNull) {
  Report report;
  report.sections = {{.id = "a",
                      .title = "a",
                      .facts = {{.id = "x",
                                 .text = "x",
                                 .labels = {},
                                 .value = std::numeric_limits<double>::quiet_NaN(),
                                 .unit = ""}}}};
  const auto read = from_json(to_json(report));
  ASSERT_THAT(read, test::has_value());
  EXPECT_TRUE(std::isnan(read->sections.front().facts.front().value));
}

TEST(FromJson, TakesWhatAnotherVersionSays) {
  const auto read = from_json(report_with(R"("node": "a", "something_new": [1, 2])"));
  ASSERT_THAT(read, test::has_value());
  EXPECT_EQ(read->node, "a");
  EXPECT_TRUE(read->findings.empty());
}

TEST(FromJson, NamesWhatIsWrong) {
  const auto error_of = [](std::string_view text) {
    const auto read = from_json(text);
    return read ? std::string{} : read.error().message;
  };
  EXPECT_THAT(error_of("no JSON"), HasSubstr("cannot be read"));
  EXPECT_THAT(error_of("[]"), HasSubstr("kubecliff.report/1"));
  EXPECT_THAT(error_of(R"({"schema": "kubecliff.report/2"})"), HasSubstr("kubecliff.report/1"));
  EXPECT_THAT(error_of(R"({"schema": "kubecliff.report/1", "node": "a"})"),
              HasSubstr("without the key at"));
  EXPECT_THAT(error_of(report_with(R"("node": 7)")), HasSubstr("node: "));
  EXPECT_THAT(error_of(report_with(R"("at": "noon")")), HasSubstr("at: expected a time"));
  EXPECT_THAT(error_of(report_with(R"("findings": [{"severity": "loud"}])")),
              HasSubstr("findings: severity: expected info"));
  EXPECT_THAT(error_of(report_with(R"("findings": {})")), HasSubstr("findings: expected an array"));
  EXPECT_THAT(error_of(report_with(R"("covers_seconds": 1e300)")),
              HasSubstr("covers_seconds: expected a whole number"));
  EXPECT_THAT(error_of(report_with(R"("names": {"flows": -1})")),
              HasSubstr("names: flows: expected a whole number"));
}

}  // namespace
}  // namespace kubecliff::report
