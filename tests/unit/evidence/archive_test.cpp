#include "exporter/evidence/archive.h"

#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"
#include "tests/unit/evidence/unpacked.h"

namespace kubecliff::evidence {
namespace {

using test::fails_with;
using test::has_value;
using testing::ElementsAre;
using testing::Pair;

TEST(SafeName, LeavesNothingThatLeadsOutOfTheFolder) {
  for (const auto& [name, safe] :
       {std::pair<std::string_view, std::string_view>{"rules/nft.jsonl", "rules/nft.jsonl"},
        {"../../etc/passwd", "_./_./etc/passwd"},
        {"/etc/passwd", "etc/passwd"},
        {"a//b", "a/b"},
        {"-rf", "_rf"},
        {".bashrc", "_bashrc"},
        {"a\nb\x1b[0m", "a_b__0m"},
        {"C:\\x", "C__x"},
        {"", "_"},
        {"///", "_"},
        {"..", "_."}}) {
    EXPECT_EQ(safe_name(name), safe);
  }
  EXPECT_EQ(safe_name(std::string(5'000, 'x')).size(), 200);
}

TEST(Archive, HoldsWhatWasAdded) {
  std::string bytes;
  Archive archive{[&](std::string_view piece) -> Result<void> {
                    bytes += piece;
                    return {};
                  },
                  1'700'000'000};
  const std::string block(512, 'b');
  const std::string long_name = "folder/" + std::string(150, 'n');
  const std::string large(3'000'000, 'l');
  EXPECT_THAT(archive.add("folder/empty", ""), has_value());
  EXPECT_THAT(archive.add("folder/block", block), has_value());
  EXPECT_THAT(archive.add(long_name, "long"), has_value());
  EXPECT_THAT(archive.add("../up", std::string_view{"a\0b", 3}), has_value());
  EXPECT_THAT(archive.add("folder/large", large), has_value());
  EXPECT_THAT(archive.finish(), has_value());

  EXPECT_THAT(
      test::unpack(bytes).files,
      ElementsAre(Pair("folder/empty", ""), Pair("folder/block", block), Pair(long_name, "long"),
                  Pair("_./up", std::string{"a\0b", 3}), Pair("folder/large", large)));
  EXPECT_LT(bytes.size(), 50'000);
}

TEST(Archive, AFullDiskIsAnError) {
  Archive archive{[](std::string_view /*piece*/) -> Result<void> {
                    return fail(ErrorKind::internal, "no room");
                  },
                  0};
  Result<void> added = archive.add("file", std::string(10, 'x'));
  added = added ? archive.finish() : added;
  EXPECT_THAT(added, fails_with(ErrorKind::internal, "no room"));
}

}  // namespace
}  // namespace kubecliff::evidence
