// The unit for hosts without Kubernetes, as systemd's own tools see it.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/sandbox/system_calls.h"
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
    std::string unit = std::move(text).str();
    const std::size_t program = unit.find("ExecStart=") + std::string_view{"ExecStart="}.size();
    unit.replace(program, unit.find(' ', program) - program, Program::path());
    std::ofstream{unit_} << unit;
    text_ = std::move(unit);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] const std::string& text() const { return text_; }

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
  std::string text_;
};

TEST_F(SystemdUnitTest, HasNothingThatSystemdDoesNotKnow) {
  const ToolRun run = analyze({"verify"});
  EXPECT_EQ(run.exit_status, 0);
  EXPECT_THAT(run.err, IsEmpty());
}

// Names of calls that a set of systemd's has; a set may have others.
std::set<std::string> calls_of(const std::string& set) {
  std::set<std::string> calls;
  std::istringstream lines{must_run({"systemd-analyze", "--no-pager", "syscall-filter", set})};
  std::string line;
  std::getline(lines, line);  // the set itself
  while (std::getline(lines, line)) {
    const std::string word = line.substr(std::min(line.find_first_not_of(' '), line.size()));
    if (word.starts_with('@')) {
      calls.merge(calls_of(word));
    } else if (!word.empty() && !word.starts_with('#')) {
      calls.insert(word);
    }
  }
  return calls;
}

// systemd kills for a call that its filter does not have: it must have all that ours lets pass, and
// those by which ours is made.
TEST_F(SystemdUnitTest, LetsPassWhatTheProgramsOwnFilterDoes) {
  std::set<std::string> allowed = calls_of("@default");
  std::istringstream unit{text()};
  for (std::string line; std::getline(unit, line);) {
    constexpr std::string_view kKey = "SystemCallFilter=";
    if (!line.starts_with(kKey)) {
      continue;
    }
    const std::string words = line.substr(kKey.size());
    const bool denied = words.starts_with('~');
    std::istringstream names{denied ? words.substr(1) : words};
    for (std::string name; names >> name;) {
      for (const std::string& call :
           name.starts_with('@') ? calls_of(name) : std::set<std::string>{name}) {
        if (denied) {
          allowed.erase(call);
        } else {
          allowed.insert(call);
        }
      }
    }
  }
  std::set<std::string> wanted = sandbox::allowed_calls();
  ASSERT_GT(wanted.size(), 100U);
  wanted.insert({"capset", "prctl", "seccomp"});
  std::vector<std::string> missing;
  std::ranges::set_difference(wanted, allowed, std::back_inserter(missing));
  EXPECT_THAT(missing, IsEmpty());
}

// In tenths, of 100. What is left is what the job takes: user 0, the host's network, its processes.
TEST_F(SystemdUnitTest, ExposesNoMoreThanTheJobTakes) {
  const ToolRun run = analyze({"security", "--offline=true", "--no-pager", "--threshold=28"});
  EXPECT_EQ(run.exit_status, 0) << run.out;
}

}  // namespace
}  // namespace kubecliff::test
