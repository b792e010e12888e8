#include "collectors/kernel/procfs.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/file_tree.h"
#include "tests/support/result_matchers.h"

namespace kubecliff {
namespace {

using test::fails_with;
using test::FileTree;
using test::has_value;
using ::testing::HasSubstr;

TEST(ReadFile, IsWholeAtEverySize) {
  FileTree tree;
  for (const std::size_t size : {0U, 1U, 4'095U, 4'096U, 4'097U, 20'000U}) {
    const std::string content(size, 'x');
    tree.file("file", content);
    const auto read = read_file(tree.path() / "file");
    ASSERT_THAT(read, has_value());
    EXPECT_EQ(*read, content);
  }
}

TEST(ReadFile, LongerThanTheLimitIsMalformed) {
  FileTree tree;
  tree.file("file", "12345");
  EXPECT_THAT(read_file(tree.path() / "file", 5), has_value());
  EXPECT_THAT(read_file(tree.path() / "file", 4),
              fails_with(ErrorKind::malformed, HasSubstr("longer")));
}

TEST(ReadFile, ErrorsNameThePath) {
  const FileTree tree;
  EXPECT_THAT(read_file(tree.path() / "none"),
              fails_with(ErrorKind::unavailable, HasSubstr((tree.path() / "none").native())));
  EXPECT_THAT(read_file(tree.path()),
              fails_with(ErrorKind::internal, HasSubstr(tree.path().native())));
}

TEST(ReadNumber, TakesANumberAndNothingElse) {
  FileTree tree;
  tree.file("number", "262144\n").file("words", "12 34\n").file("empty", "");
  const auto number = read_number(tree.path() / "number");
  ASSERT_THAT(number, has_value());
  EXPECT_EQ(*number, 262'144U);
  EXPECT_THAT(read_number(tree.path() / "words"),
              fails_with(ErrorKind::malformed, HasSubstr("words")));
  EXPECT_THAT(read_number(tree.path() / "empty"),
              fails_with(ErrorKind::malformed, HasSubstr("empty")));
}

TEST(PolledFile, ReadsWhatTheFileHoldsNow) {
  FileTree tree;
  PolledFile file{tree.path() / "file"};
  EXPECT_THAT(file.read(), fails_with(ErrorKind::unavailable, HasSubstr("file")));
  for (const std::string& content : {std::string{"nat\nfilter\n"}, std::string(20'000, 'x'),
                                     std::string{"nat\n"}, std::string{}}) {
    tree.file("file", content);
    const auto read = file.read();
    ASSERT_THAT(read, has_value());
    EXPECT_EQ(*read, content);
  }
  tree.file("file", "7\n");
  EXPECT_EQ(file.read_number().value_or(0), 7U);
}

// What a module's files do when the module is unloaded and loaded again.
TEST(PolledFile, IsOpenedAnewWhereReadingFails) {
  FileTree tree;
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
  }
  ASSERT_GT(child, 0);
  const std::string folder = "/proc/" + std::to_string(child);
  std::filesystem::create_symlink(folder, tree.path() / "link");
  PolledFile file{tree.path() / "link" / "comm"};
  EXPECT_THAT(file.read(), has_value());

  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_THAT(file.read(), fails_with(ErrorKind::unavailable, HasSubstr("comm")));

  std::filesystem::remove(tree.path() / "link");
  tree.file("link/comm", "back\n");
  const auto read = file.read();
  ASSERT_THAT(read, has_value());
  EXPECT_EQ(*read, "back\n");
}

TEST(ParseNumber, RefusesWhatIsNotWhollyANumber) {
  EXPECT_EQ(parse_number<std::uint32_t>("4294967295"), std::numeric_limits<std::uint32_t>::max());
  EXPECT_EQ(parse_number<std::uint32_t>("0000000c", 16), 12U);
  EXPECT_EQ(parse_number<std::int32_t>("-7 \n"), -7);
  for (const std::string_view text : {"", " ", "\n", "4294967296", "-1", "+1", " 1", "1x", "0x1"}) {
    EXPECT_EQ(parse_number<std::uint32_t>(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace kubecliff
