#include "collectors/kernel/host_network.h"

#include <sys/stat.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/file_tree.h"
#include "tests/support/result_matchers.h"

namespace kubecliff {
namespace {

constexpr auto kLimit = "sys/net/netfilter/nf_conntrack_max";

TEST(InFirstNetworkNamespace, FollowsFromTheModeOfTheLimit) {
  test::FileTree proc;
  proc.file(kLimit, "262144\n");
  const auto path = proc.path() / kLimit;

  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  const auto first = in_first_network_namespace(proc.path());
  ASSERT_THAT(first, test::has_value());
  EXPECT_TRUE(*first);

  ASSERT_EQ(::chmod(path.c_str(), 0444), 0);
  const auto other = in_first_network_namespace(proc.path());
  ASSERT_THAT(other, test::has_value());
  EXPECT_FALSE(*other);
}

TEST(InFirstNetworkNamespace, IsUnknownWithoutConnectionTracking) {
  const test::FileTree proc;
  EXPECT_THAT(in_first_network_namespace(proc.path()),
              test::fails_with(ErrorKind::unavailable, ::testing::HasSubstr(kLimit)));
}

TEST(InFirstProcessNamespace, FollowsFromItsNumber) {
  test::FileTree proc;
  proc.directory("self/ns");
  std::filesystem::create_symlink("pid:[4026531836]", proc.path() / "self/ns/pid");
  EXPECT_TRUE(in_first_process_namespace(proc.path()));
  std::filesystem::create_symlink("user:[4026532101]", proc.path() / "self/ns/user");
  EXPECT_FALSE(in_first_user_namespace(proc.path()));
}

TEST(InFirstProcessNamespace, IsTakenForGrantedWhereNothingTells) {
  const test::FileTree proc;
  EXPECT_TRUE(in_first_process_namespace(proc.path()));
}

}  // namespace
}  // namespace kubecliff
