#include "tests/support/run_tool.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace kubecliff::test {
namespace {

TEST(RunTool, HandsOverInputAndBothOutputs) {
  const std::string input(1'000'000, 'x');  // more than a pipe holds
  const auto run = run_tool({"sh", "-c", "cat; echo heard >&2; exit 7"}, input);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->exit_status, 7);
  EXPECT_EQ(run->out, input);
  EXPECT_EQ(run->err, "heard\n");
}

TEST(RunTool, ToolThatDoesNotReadItsInputEndsAsItLikes) {
  const auto run = run_tool({"true"}, std::string(1'000'000, 'x'));
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->exit_status, 0);
}

TEST(RunTool, SignalShowsInTheExitStatus) {
  const auto run = run_tool({"sh", "-c", "kill -9 $$"});
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->exit_status, 128 + 9);
}

TEST(RunTool, MeasuresCpuTimeAndWallTime) {
  const auto run = run_tool({"sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"});
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_GT(run->cpu.count(), 0);
  EXPECT_GT(run->wall.count(), 0);
}

TEST(RunTool, EndsAToolThatOutlivesItsLimit) {
  for (const char* script : {"exec sleep 60", "exec >&- 2>&-; exec sleep 60"}) {
    const auto start = std::chrono::steady_clock::now();
    const auto run = run_tool({"sh", "-c", script}, {}, std::chrono::milliseconds{50});
    ASSERT_FALSE(run) << script;
    EXPECT_EQ(run.error().kind, ErrorKind::timeout) << script;
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds{30}) << script;
  }
}

TEST(RunTool, NamesAToolThatIsNotThere) {
  const auto run = run_tool({"no-such-tool-anywhere"});
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().kind, ErrorKind::unavailable);
  EXPECT_NE(run.error().message.find("no-such-tool-anywhere"), std::string::npos);
}

TEST(ToolName, IsThatOfTheBackendAndFamily) {
  EXPECT_EQ(tool_name(Backend::legacy, Family::ipv4, "restore"), "iptables-legacy-restore");
  EXPECT_EQ(tool_name(Backend::nft, Family::ipv6, "save"), "ip6tables-nft-save");
}

}  // namespace
}  // namespace kubecliff::test
