// What the kernel sends on the process connector and on a taskstats socket, byte for byte.
#pragma once

#include <linux/genetlink.h>
#include <linux/taskstats.h>

#include <cstdint>
#include <cstring>
#include <string_view>

#include "tests/support/fake_netlink.h"

namespace kubecliff::test {

inline constexpr std::uint32_t kNoEvent = 0;
inline constexpr std::uint32_t kForkEvent = 1;
inline constexpr std::uint32_t kExecEvent = 2;
inline constexpr std::uint32_t kExitEvent = 0x80000000;

// struct cn_msg and struct proc_event of <linux/cn_proc.h>.
struct ProcessEventSpec {
  std::uint32_t what = kNoEvent;
  std::uint64_t time = 0;
  std::uint32_t thread = 0;
  std::uint32_t process = 0;
  std::uint32_t status = 0;
};
inline ByteVector process_event(const ProcessEventSpec& event) {
  constexpr std::uint32_t kProcessConnector = 1;
  return MessageBuilder{NLMSG_DONE}
      .raw(kProcessConnector)  // id.idx
      .raw(kProcessConnector)  // id.val
      .raw(std::uint32_t{7})   // seq
      .raw(std::uint32_t{0})   // ack
      .raw(std::uint16_t{40})  // len
      .raw(std::uint16_t{0})   // flags
      .raw(event.what)
      .raw(std::uint32_t{0})  // cpu
      .raw(event.time)
      .raw(event.thread)
      .raw(event.process)
      .raw(event.status)
      .raw(std::uint32_t{17})  // exit_signal
      .message();
}

enum class Padding : bool { no, yes };

inline ByteVector task_exit(std::uint32_t pid, const taskstats& stats,
                            Padding padding = Padding::no) {
  constexpr std::uint16_t kSomeProtocol = 0x1c;
  return MessageBuilder{kSomeProtocol}
      .raw(genlmsghdr{.cmd = TASKSTATS_CMD_NEW, .version = 1, .reserved = 0})
      .nest(TASKSTATS_TYPE_AGGR_PID,
            [&](MessageBuilder& task) {
              task.attribute(TASKSTATS_TYPE_PID, std::as_bytes(std::span{&pid, 1}));
              if (padding == Padding::yes) {
                task.attribute(TASKSTATS_TYPE_NULL, {});
              }
              task.attribute(TASKSTATS_TYPE_STATS, std::as_bytes(std::span{&stats, 1}));
            })
      .message();
}

inline taskstats stats_of(std::string_view name) {
  taskstats stats{};
  std::memcpy(stats.ac_comm, name.data(), name.size());
  return stats;
}

}  // namespace kubecliff::test
