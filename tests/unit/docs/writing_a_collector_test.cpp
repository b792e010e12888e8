// docs/writing-a-collector.md shows the collector that stands in this folder: its code compiles,
// its test passes, and the page holds neither more nor less of it.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/file_tree.h"
#include "tests/support/result_matchers.h"
#include "tests/unit/docs/code_blocks.h"
#include "tests/unit/docs/sockstat.h"

namespace kubecliff {
namespace {

using test::fails_with;
using test::FileTree;
using test::has_value;
using ::testing::HasSubstr;

TEST(WritingACollector, CodeIsThatOfTheFilesThatCompile) {
  const std::filesystem::path source{KUBECLIFF_SOURCE_DIR};
  const auto blocks =
      test::code_blocks(test::text_of(source / "docs/writing-a-collector.md"), "cpp");
  EXPECT_EQ(blocks.size(), 5U);
  for (const auto& [name, code] : blocks) {
    EXPECT_EQ(code, test::text_of(source / "tests/unit/docs" / name)) << name;
  }
}

TEST(WritingACollector, ExampleServesWhatProcHolds) {
  FileTree proc;
  proc.file("net/sockstat", "TCP: inuse 5 orphan 0 tw 2 alloc 6 mem 1\n");
  const auto collector = sockstat::spec().make({.options = {}, .procfs = proc.path()});
  ASSERT_THAT(collector, has_value());

  Samples samples;
  const auto refreshed = (*collector)->refresh({}, samples);
  ASSERT_THAT(refreshed, has_value());
  EXPECT_EQ(*refreshed, RefreshKind::full);
  const auto families = samples.take();
  ASSERT_EQ(families.size(), 1U);
  ASSERT_EQ(families[0].metric.size(), 3U);
  EXPECT_EQ(families[0].metric[0].gauge.value, 5);
  EXPECT_EQ(families[0].metric[2].label[0].value, "time_wait");
  EXPECT_EQ(families[0].metric[2].gauge.value, 2);

  proc.remove("net/sockstat");
  EXPECT_THAT((*collector)->refresh({}, samples),
              fails_with(ErrorKind::unavailable, HasSubstr("net/sockstat")));
}

}  // namespace
}  // namespace kubecliff
