#include "exporter/alerting/delivery/state_file.h"

#include <sys/stat.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/procfs.h"
#include "tests/support/file_tree.h"
#include "tests/support/must.h"

namespace kubecliff::delivery {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class StateFileTest : public testing::Test {
 protected:
  test::FileTree files_;
  std::filesystem::path path_ = files_.path() / "alerts.json";
};

TEST_F(StateFileTest, HoldsSectionsOverARestartForItsOwnerOnly) {
  StateFile state{path_};
  EXPECT_FALSE(state.problem());
  EXPECT_TRUE(state.section("pagerduty").empty());
  state.put("pagerduty", {{"A/1", "critical"}});
  state.put("pending", {{"conntrack_use", 17}});
  EXPECT_FALSE(state.problem());

  const StateFile again{path_};
  EXPECT_EQ(again.section("pagerduty"), (Json{{"A/1", "critical"}}));
  EXPECT_EQ(again.section("pending"), (Json{{"conntrack_use", 17}}));
  struct stat found{};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{files_.path()}, {}), 1)
      << "nothing is left beside it";
}

TEST_F(StateFileTest, ATornOrForeignFileIsToldAndBegunAnew) {
  for (const char* text : {"", "{\"format\": \"kubecli", "[]", "{\"pagerduty\": {}}", "\xFF\xFE"}) {
    files_.file("alerts.json", text);
    StateFile state{path_};
    ASSERT_TRUE(state.problem()) << text;
    EXPECT_THAT(state.problem()->message, HasSubstr("alerts.json")) << text;
    EXPECT_TRUE(state.section("pagerduty").empty()) << text;
    state.put("pagerduty", {{"A/1", "info"}});
    EXPECT_FALSE(state.problem()) << text;
    EXPECT_EQ(StateFile{path_}.section("pagerduty"), (Json{{"A/1", "info"}})) << text;
  }
}

TEST_F(StateFileTest, ASectionOfAnotherKindIsEmpty) {
  files_.file("alerts.json", R"({"format": "kubecliff-alerting-1", "pagerduty": [1]})");
  EXPECT_EQ(StateFile{path_}.section("pagerduty"), Json::object());
}

TEST_F(StateFileTest, WhatCannotBeWrittenIsToldAndKeptInMemory) {
  StateFile state{files_.path() / "missing" / "alerts.json"};
  EXPECT_FALSE(state.problem());
  state.put("pagerduty", {{"A/1", "info"}});
  ASSERT_TRUE(state.problem());
  EXPECT_THAT(state.problem()->message, HasSubstr("missing"));
  EXPECT_EQ(state.section("pagerduty").size(), 1U);
  files_.directory("missing");
  state.put("pagerduty", {{"A/1", "info"}});
  EXPECT_FALSE(state.problem());
}

TEST_F(StateFileTest, WithoutAPathNothingIsWritten) {
  StateFile state{{}};
  state.put("pagerduty", {{"A/1", "info"}});
  EXPECT_FALSE(state.problem());
  EXPECT_EQ(state.section("pagerduty").size(), 1U);
}

}  // namespace
}  // namespace kubecliff::delivery
