#include "collectors/restore/decode_events.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "collectors/kernel/unique_fd.h"
#include "tests/unit/restore/process_messages.h"

namespace kubecliff::restore {
namespace {

using namespace std::chrono_literals;
using test::kExecEvent;
using test::kExitEvent;
using test::kForkEvent;
using test::kNoEvent;
using test::Padding;
using test::process_event;
using test::stats_of;
using test::task_exit;

TEST(DecodeProcessEvent, AcknowledgementIsOne) {
  const auto event = decode_process_event(process_event({.what = kNoEvent}));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, ProcessEvent::Kind::acknowledged);
}

TEST(DecodeProcessEvent, ExecHasItsProcessAndTime) {
  const auto event = decode_process_event(
      process_event({.what = kExecEvent, .time = 5'000'000'000, .thread = 42, .process = 42}));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, ProcessEvent::Kind::exec);
  EXPECT_EQ(event->pid, 42U);
  EXPECT_EQ(event->time, 5s);
}

TEST(DecodeProcessEvent, ExitHasItsStatus) {
  const auto event = decode_process_event(
      process_event({.what = kExitEvent, .thread = 42, .process = 42, .status = 0x100}));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, ProcessEvent::Kind::exit);
  EXPECT_EQ(event->status, 0x100);
}

TEST(DecodeProcessEvent, ThreadsForksAndTheUnknownAreNone) {
  EXPECT_FALSE(
      decode_process_event(process_event({.what = kExitEvent, .thread = 43, .process = 42})));
  EXPECT_FALSE(
      decode_process_event(process_event({.what = kForkEvent, .thread = 42, .process = 42})));
  EXPECT_FALSE(
      decode_process_event(process_event({.what = 0xffffffff, .thread = 42, .process = 42})));
}

TEST(DecodeProcessEvent, ShortOfItsLastFieldIsNone) {
  const test::ByteVector whole =
      process_event({.what = kExitEvent, .thread = 42, .process = 42, .status = 0x100});
  constexpr std::size_t kEndOfStatus = 64;
  for (std::size_t size = 0; size < kEndOfStatus; ++size) {
    EXPECT_FALSE(decode_process_event(Bytes{whole}.first(size))) << size;
  }
  EXPECT_TRUE(decode_process_event(Bytes{whole}.first(kEndOfStatus)));
}

TEST(DecodeTaskExit, HasNameStatusAndCpu) {
  taskstats stats = stats_of("iptables-restor");
  stats.ac_exitcode = 9;
  stats.cpu_run_virtual_total = 4'000'000;
  stats.ac_etime = 70'000;
  stats.ac_exe_dev = 0x12300845;  // new_encode_dev(makedev(8, 0x12345))
  stats.ac_exe_inode = 77;
  for (const Padding padding : {Padding::no, Padding::yes}) {
    const test::ByteVector message = task_exit(42, stats, padding);
    const auto exit = decode_task_exit(message);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->pid, 42U);
    EXPECT_EQ(exit->name, "iptables-restor");
    EXPECT_EQ(exit->status, 9);
    EXPECT_EQ(exit->cpu, 4ms);
    EXPECT_EQ(exit->age, 70ms);
    EXPECT_EQ(exit->executable, (FileId{.major = 8, .minor = 0x12345, .inode = 77}));
  }
}

TEST(DecodeTaskExit, WithoutTheSchedulersCountTicksAreCpu) {
  taskstats stats = stats_of("nft");
  stats.ac_utime = 4'000;
  stats.ac_stime = 8'000;
  const test::ByteVector message = task_exit(42, stats);
  EXPECT_EQ(decode_task_exit(message)->cpu, 12ms);
}

TEST(DecodeTaskExit, TimesThatCannotBeAreCut) {
  taskstats stats = stats_of("nft");
  stats.ac_utime = stats.ac_stime = stats.ac_etime = 0xffff'ffff'ffff'ffff;
  const test::ByteVector message = task_exit(42, stats);
  const auto exit = decode_task_exit(message);
  ASSERT_TRUE(exit);
  EXPECT_GT(exit->age, std::chrono::hours{24 * 365 * 99});
  EXPECT_GT(exit->cpu, exit->age);
}

TEST(DecodeTaskExit, NameWithoutItsEndIsCutAtTheField) {
  const test::ByteVector message = task_exit(42, stats_of(std::string(TS_COMM_LEN, 'x')));
  const auto exit = decode_task_exit(message);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->name.size(), std::size_t{TS_COMM_LEN});
}

TEST(DecodeTaskExit, OtherAndBrokenMessagesAreNone) {
  const test::ByteVector whole = task_exit(42, stats_of("nft"));
  for (std::size_t size = 0; size < whole.size(); size += 4) {
    EXPECT_FALSE(decode_task_exit(Bytes{whole}.first(size))) << size;
  }
  const test::ByteVector control =
      test::MessageBuilder{NLMSG_ERROR}
          .raw(genlmsghdr{.cmd = TASKSTATS_CMD_NEW, .version = 1, .reserved = 0})
          .message();
  EXPECT_FALSE(decode_task_exit(control));
  const test::ByteVector command =
      test::MessageBuilder{0x1c}
          .raw(genlmsghdr{.cmd = TASKSTATS_CMD_GET, .version = 1, .reserved = 0})
          .message();
  EXPECT_FALSE(decode_task_exit(command));
}

// The kernel runs the filter: on a pair of sockets, over what is sent through them.
bool passes(std::span<const sock_filter> filter, Bytes message) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  const UniqueFd sender{ends[0]};
  const UniqueFd receiver{ends[1]};
  const sock_fprog program{.len = static_cast<unsigned short>(filter.size()),
                           .filter = const_cast<sock_filter*>(filter.data())};
  EXPECT_EQ(::setsockopt(receiver.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
            0);
  // A datagram that the filter drops counts as sent, or as refused: either way it does not arrive.
  static_cast<void>(::send(sender.get(), message.data(), message.size(), 0));
  std::array<std::byte, 2'048> buffer{};
  return ::recv(receiver.get(), buffer.data(), buffer.size(), 0) ==
         static_cast<ssize_t>(message.size());
}

TEST(EveryExitFilter, LetsOnlyExecAndExitOfProcessesThrough) {
  const auto filter = every_exit_filter();
  EXPECT_TRUE(passes(filter, process_event({.what = kNoEvent})));
  for (const std::uint32_t what : {kExecEvent, kExitEvent}) {
    EXPECT_TRUE(passes(filter, process_event({.what = what, .thread = 42, .process = 42})));
    EXPECT_FALSE(passes(filter, process_event({.what = what, .thread = 43, .process = 42})));
  }
  EXPECT_FALSE(passes(filter, process_event({.what = kForkEvent, .thread = 42, .process = 42})));
}

class AwaitedExitFilterTest : public ::testing::TestWithParam<Execs> {};

TEST_P(AwaitedExitFilterTest, LetsOnlyTheExitOfThoseThrough) {
  for (const std::size_t awaited :
       {std::size_t{0}, std::size_t{1}, std::size_t{2}, kMostAwaited, kMostAwaited + 1}) {
    SCOPED_TRACE(awaited);
    std::vector<std::uint32_t> pids;
    for (std::uint32_t pid = 100; pids.size() < awaited; ++pid) {
      pids.push_back(pid);
    }
    const auto filter = awaited_exit_filter(pids, GetParam());
    const auto exit_passes = [&](std::uint32_t pid) {
      return passes(filter, process_event({.what = kExitEvent, .thread = pid, .process = pid}));
    };
    for (std::size_t i = 0; i < std::min(awaited, kMostAwaited); ++i) {
      EXPECT_TRUE(exit_passes(pids[i])) << pids[i];
    }
    EXPECT_FALSE(exit_passes(99));
    EXPECT_FALSE(exit_passes(100 + kMostAwaited));
    EXPECT_TRUE(passes(filter, process_event({.what = kNoEvent})));
    EXPECT_EQ(passes(filter, process_event({.what = kExecEvent, .thread = 7, .process = 7})),
              GetParam() == Execs::told);
    EXPECT_FALSE(passes(filter, process_event({.what = kExecEvent, .thread = 8, .process = 7})));
    EXPECT_FALSE(passes(filter, process_event({.what = kExitEvent, .thread = 8, .process = 100})));
    EXPECT_FALSE(passes(filter, process_event({.what = kForkEvent, .thread = 7, .process = 7})));
  }
}

INSTANTIATE_TEST_SUITE_P(Execs, AwaitedExitFilterTest,
                         ::testing::Values(Execs::told, Execs::dropped));

TEST(TaskExitFilter, LetsOnlyToolsAndAnswersThrough) {
  const auto filter = task_exit_filter();
  for (const Padding padding : {Padding::no, Padding::yes}) {
    for (const std::string name :
         {"iptables", "iptables-restor", "ip6tables-resto", "nft", "ipset", "xtables-nft-mul"}) {
      EXPECT_TRUE(passes(filter, task_exit(42, stats_of(name), padding))) << name;
    }
    for (const std::string name : {"ip", "nftables", "bash", "ipvsadm", ""}) {
      EXPECT_FALSE(passes(filter, task_exit(42, stats_of(name), padding))) << name;
    }
  }
  EXPECT_TRUE(passes(filter, test::done()));
}

}  // namespace
}  // namespace kubecliff::restore
