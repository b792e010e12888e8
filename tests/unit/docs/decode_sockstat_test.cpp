#include "tests/unit/docs/decode_sockstat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"

namespace kubecliff::sockstat {
namespace {

using test::fails_with;
using test::has_value;
using ::testing::HasSubstr;

TEST(DecodeSockstat, ReadsTheTcpLineOfARealKernel) {
  const auto sockets = decode_sockstat(
      "sockets: used 261\n"
      "TCP: inuse 38 orphan 1 tw 24 alloc 52 mem 7\n"
      "UDP: inuse 9 mem 3\n"
      "UDPLITE: inuse 0\n"
      "RAW: inuse 0\n"
      "FRAG: inuse 0 memory 0\n");
  ASSERT_THAT(sockets, has_value());
  EXPECT_EQ(*sockets, (TcpSockets{.in_use = 38, .orphaned = 1, .time_wait = 24}));
}

TEST(DecodeSockstat, RefusesWhatLacksAFigure) {
  for (const char* text : {"", "TCP: ", "TCP: inuse 38 orphan 1 tw", "UDP: inuse 9 orphan 1 tw 2",
                           "TCP: inuse 38 orphan -1 tw 24"}) {
    EXPECT_THAT(decode_sockstat(text), fails_with(ErrorKind::malformed, HasSubstr("TCP"))) << text;
  }
}

}  // namespace
}  // namespace kubecliff::sockstat
