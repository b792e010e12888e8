#include "collectors/restore/xtables_lock.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff::restore {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr FileId kLock{.major = 0, .minor = 0x19, .inode = 1234};

TEST(DecodeLocks, TellsWhetherItIsHeldAndWhoWaits) {
  const LockState state = decode_locks(
      "1: POSIX  ADVISORY  WRITE 77 00:19:99 0 EOF\n"
      "2: FLOCK  ADVISORY  WRITE 4711 00:19:1234 0 EOF\n"
      "2: -> FLOCK  ADVISORY  WRITE 4712 00:19:1234 0 EOF\n"
      "2:  -> FLOCK  ADVISORY  WRITE 4713 00:19:1234 0 EOF\n"
      "3: FLOCK  ADVISORY  WRITE 4714 fe:19:1234 0 EOF\n"
      "3: -> FLOCK  ADVISORY  WRITE 4715 fe:19:1234 0 EOF\n",
      kLock);
  EXPECT_TRUE(state.held);
  EXPECT_THAT(state.waiters, ElementsAre(4712U, 4713U));
}

TEST(DecodeLocks, NothingOfThisFileIsNeitherHeldNorWaitedFor) {
  const LockState state = decode_locks("1: FLOCK  ADVISORY  WRITE 1 00:19:1235 0 EOF\n", kLock);
  EXPECT_FALSE(state.held);
  EXPECT_THAT(state.waiters, IsEmpty());
  EXPECT_FALSE(decode_locks("", kLock).held);
}

TEST(DecodeLocks, AHolderInAnotherProcessNamespaceHoldsIt) {
  EXPECT_TRUE(decode_locks("1: FLOCK  ADVISORY  WRITE 0 00:19:1234 0 EOF\n", kLock).held);
  EXPECT_TRUE(decode_locks("1: FLOCK  ADVISORY  WRITE -1 00:19:1234 0 EOF\n", kLock).held);
}

TEST(DecodeLocks, BrokenLinesArePassedOver) {
  const std::string line = "2: FLOCK  ADVISORY  WRITE 4711 00:19:1234 0 EOF\n";
  constexpr std::size_t kEndOfFile = 41;
  for (std::size_t size = 0; size < kEndOfFile; ++size) {
    EXPECT_FALSE(decode_locks(line.substr(0, size), kLock).held) << size;
  }
  EXPECT_TRUE(decode_locks("\n::\n2: ->\n" + line, kLock).held);
}

TEST(LockWaits, LastUntilTheSampleThatNoLongerShowsThem) {
  LockWaits waits;
  EXPECT_THAT(waits.sample({.held = true, .waiters = {1, 2}}, 10s), IsEmpty());
  EXPECT_THAT(waits.sample({.held = true, .waiters = {2, 3}}, 11s), ElementsAre(Time{1s}));
  EXPECT_THAT(waits.sample({}, 13s), UnorderedElementsAre(Time{3s}, Time{2s}));
  EXPECT_THAT(waits.sample({}, 14s), IsEmpty());
}

}  // namespace
}  // namespace kubecliff::restore
