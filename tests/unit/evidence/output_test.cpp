#include "exporter/evidence/output.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/procfs.h"
#include "tests/support/file_tree.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::evidence {
namespace {

using test::fails_with;
using test::FileTree;
using test::has_value;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> files_in(const FileTree& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator{folder.path()}) {
    names.push_back(entry.path().filename());
  }
  return names;
}

TEST(OutputFile, HasItsNameWhenItIsWhole) {
  const FileTree folder;
  const std::filesystem::path path = folder.path() / "bundle.tar.gz";
  auto file = OutputFile::create(path);
  ASSERT_THAT(file, has_value());
  EXPECT_THAT(file->write("what "), has_value());
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_THAT(file->write("there is"), has_value());
  EXPECT_THAT(file->keep(), has_value());
  EXPECT_THAT(read_file(path), has_value());
  EXPECT_EQ(read_file(path).value_or(""), "what there is");
  EXPECT_THAT(files_in(folder), ElementsAre("bundle.tar.gz"));
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(OutputFile, WhatIsNotKeptIsGone) {
  const FileTree folder;
  {
    auto file = OutputFile::create(folder.path() / "bundle.tar.gz");
    ASSERT_THAT(file, has_value());
    EXPECT_THAT(file->write("half"), has_value());
  }
  EXPECT_THAT(files_in(folder), IsEmpty());
}

TEST(OutputFile, NothingIsWrittenOver) {
  FileTree folder;
  const std::filesystem::path path = folder.path() / "bundle.tar.gz";
  auto file = OutputFile::create(path);
  ASSERT_THAT(file, has_value());
  // Somebody was faster.
  folder.file("bundle.tar.gz", "theirs");
  EXPECT_THAT(file->keep(), fails_with(ErrorKind::unavailable, HasSubstr("is there already")));
  EXPECT_THAT(OutputFile::create(path),
              fails_with(ErrorKind::unavailable, HasSubstr("bundle.tar.gz: is there already")));
  EXPECT_EQ(read_file(path).value_or(""), "theirs");
}

TEST(OutputFile, AFolderThatIsNotThereIsNamed) {
  const FileTree folder;
  EXPECT_THAT(OutputFile::create(folder.path() / "none" / "bundle.tar.gz"),
              fails_with(ErrorKind::unavailable, HasSubstr("none/bundle.tar.gz")));
}

}  // namespace
}  // namespace kubecliff::evidence
