#include "collectors/kernel/host_network.h"

#include <sys/stat.h>

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

}  // namespace
}  // namespace kubecliff
