#include "collectors/kernel/unique_fd.h"

#include <fcntl.h>

#include <utility>

#include <gtest/gtest.h>

namespace kubecliff {
namespace {

int open_null() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(UniqueFd, ClosesAtItsEnd) {
  const int fd = open_null();
  {
    const UniqueFd owner{fd};
    EXPECT_TRUE(owner.valid());
    EXPECT_TRUE(is_open(fd));
  }
  EXPECT_FALSE(is_open(fd));
}

TEST(UniqueFd, ClosesWhatItOverwritesAndEmptiesWhatItTakesFrom) {
  const int first = open_null();
  const int second = open_null();
  UniqueFd target{first};
  UniqueFd source{second};
  target = std::move(source);
  EXPECT_FALSE(is_open(first));
  EXPECT_EQ(target.get(), second);
  EXPECT_FALSE(source.valid());  // NOLINT(bugprone-use-after-move): what a move leaves is the point
}

TEST(UniqueFd, SurvivesAMoveToItself) {
  UniqueFd owner{open_null()};
  UniqueFd& same = owner;
  owner = std::move(same);
  EXPECT_TRUE(owner.valid());
  EXPECT_TRUE(is_open(owner.get()));
}

}  // namespace
}  // namespace kubecliff
