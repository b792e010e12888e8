#include "collectors/core/result.h"

#include <cerrno>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"

namespace kubecliff {
namespace {

TEST(FailErrno, KindFollowsFromErrno) {
  struct Case {
    int errno_value;
    ErrorKind kind;
  };
  const std::vector<Case> cases{
      {EPERM, ErrorKind::denied},           {EACCES, ErrorKind::denied},
      {ENOENT, ErrorKind::unavailable},     {ENOPROTOOPT, ErrorKind::unavailable},
      {EOPNOTSUPP, ErrorKind::unavailable}, {ENOBUFS, ErrorKind::overrun},
      {EAGAIN, ErrorKind::timeout},         {ETIMEDOUT, ErrorKind::timeout},
      {EINVAL, ErrorKind::internal}};
  for (const Case& c : cases) {
    const Result<int> result = fail_errno(c.errno_value, "read x");
    EXPECT_EQ(result.error().kind, c.kind) << c.errno_value;
    EXPECT_EQ(result.error().errno_value, c.errno_value);
  }
}

TEST(FailErrno, MessageEndsWithErrnosOwnWords) {
  const Result<int> result = fail_errno(EACCES, "open /proc/x");
  EXPECT_EQ(result.error().message, "open /proc/x: Permission denied");
}

TEST(Prefixed, KeepsKindAndErrno) {
  const Result<int> result = prefixed("conntrack", {ErrorKind::torn, EINTR, "dump"});
  EXPECT_EQ(result.error(), (Error{ErrorKind::torn, EINTR, "conntrack: dump"}));
}

}  // namespace
}  // namespace kubecliff
