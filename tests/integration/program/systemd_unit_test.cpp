// The unit for hosts without Kubernetes, as systemd's own tools see it.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/program/program.h"
#include "tests/support/result_matchers.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;

// The unit with the program where it was built.
class SystemdUnitTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(directory_);
    std::stringstream text;
    text << std::ifstream{KUBECLIFF_UNIT}.rdbuf();
    std::string unit = text.str();
    const std::size_t program = unit.find("ExecStart=") + std::string_view{"ExecStart="}.size();
    unit.replace(program, unit.find(' ', program) - program, Program::path());
    std::ofstream{unit_} << unit;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] ToolRun analyze(std::vector<std::string> words) const {
    words.insert(words.begin(), "systemd-analyze");
    words.push_back(unit_);
    const auto run = run_tool(words, {}, 20s);
    EXPECT_THAT(run, has_value());
    return run.value_or(ToolRun{});
  }

 private:
  const std::filesystem::path directory_ = std::filesystem::path{::testing::TempDir()} /
                                           ("kubecliff-unit-" + std::to_string(::getpid()));
  const std::filesystem::path unit_ = directory_ / "kubecliff.service";
};

TEST_F(SystemdUnitTest, HasNothingThatSystemdDoesNotKnow) {
  const ToolRun run = analyze({"verify"});
  EXPECT_EQ(run.exit_status, 0);
  EXPECT_THAT(run.err, IsEmpty());
}

// In tenths, of 100. What is left is what the job takes: user 0, the host's network, its processes.
TEST_F(SystemdUnitTest, ExposesNoMoreThanTheJobTakes) {
  const ToolRun run = analyze({"security", "--offline=true", "--no-pager", "--threshold=28"});
  EXPECT_EQ(run.exit_status, 0) << run.out;
}

}  // namespace
}  // namespace kubecliff::test
