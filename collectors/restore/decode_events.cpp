#include "collectors/restore/decode_events.h"

#include <arpa/inet.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "collectors/kernel/netlink_message.h"

namespace kubecliff::restore {
namespace {

// proc_event::what. The kernel's header moved its enumeration from one scope to another.
constexpr std::uint32_t kNone = 0;
constexpr std::uint32_t kExec = 0x00000002;
constexpr std::uint32_t kExit = 0x80000000;

constexpr std::size_t kEvent = sizeof(nlmsghdr) + sizeof(cn_msg);
constexpr std::size_t kWhat = kEvent + offsetof(proc_event, what);
constexpr std::size_t kTime = kEvent + offsetof(proc_event, timestamp_ns);
// The same in exec and exit events.
constexpr std::size_t kThread = kEvent + offsetof(proc_event, event_data.exit.process_pid);
constexpr std::size_t kProcess = kEvent + offsetof(proc_event, event_data.exit.process_tgid);
constexpr std::size_t kExitCode = kEvent + offsetof(proc_event, event_data.exit.exit_code);

// TASKSTATS_TYPE_AGGR_PID { TASKSTATS_TYPE_PID, TASKSTATS_TYPE_STATS }; where the processor wants
// 64-bit numbers aligned, four bytes of padding stand before the last.
constexpr std::size_t kStatsHeader =
    sizeof(nlmsghdr) + sizeof(genlmsghdr) + sizeof(nlattr) + sizeof(nlattr) + sizeof(std::uint32_t);
constexpr std::size_t kStatsType = kStatsHeader + offsetof(nlattr, nla_type);
constexpr std::size_t kName = kStatsHeader + sizeof(nlattr) + offsetof(taskstats, ac_comm);

// No node runs for a century: with what is more, or summed up, one could not reckon.
constexpr std::chrono::nanoseconds nanoseconds_of(std::uint64_t count, std::uint64_t each = 1) {
  constexpr std::uint64_t kCentury = std::uint64_t{100} * 366 * 86'400 * 1'000'000'000;
  return std::chrono::nanoseconds{std::min(count, kCentury / each) * each};
}

constexpr sock_filter load_word(std::uint32_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
}
constexpr sock_filter accept() {
  return BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
}
constexpr sock_filter drop() {
  return BPF_STMT(BPF_RET | BPF_K, 0);
}
// Jumps over as many instructions.
sock_filter if_equal(std::uint32_t value, std::uint8_t then, std::uint8_t otherwise) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, then, otherwise);
}
// The filter loads numbers as if they came from the network; these stand in the machine's order.
sock_filter if_native(std::uint32_t value, std::uint8_t then, std::uint8_t otherwise) {
  return if_equal(htonl(value), then, otherwise);
}
constexpr std::uint32_t four(std::string_view text) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    word = word << 8U | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
  }
  return word;
}

}  // namespace

std::optional<ProcessEvent> decode_process_event(Bytes datagram) {
  const auto what = read_as<std::uint32_t>(datagram, kWhat);
  const auto time = read_as<std::uint64_t>(datagram, kTime);
  if (!what || !time) {
    return std::nullopt;
  }
  ProcessEvent event{.time = nanoseconds_of(*time)};
  switch (*what) {
    case kNone:
      return event;
    case kExec:
      event.kind = ProcessEvent::Kind::exec;
      break;
    case kExit: {
      event.kind = ProcessEvent::Kind::exit;
      const auto status = read_as<std::int32_t>(datagram, kExitCode);
      if (!status) {
        return std::nullopt;
      }
      event.status = *status;
      break;
    }
    default:
      return std::nullopt;
  }
  const auto thread = read_as<std::uint32_t>(datagram, kThread);
  const auto process = read_as<std::uint32_t>(datagram, kProcess);
  if (!process || thread != process) {
    return std::nullopt;
  }
  event.pid = *process;
  return event;
}

std::optional<TaskExit> decode_task_exit(Bytes datagram) {
  const auto header = read_as<nlmsghdr>(datagram);
  const auto command = read_as<genlmsghdr>(datagram, sizeof(nlmsghdr));
  if (!header || header->nlmsg_type < NLMSG_MIN_TYPE || !command ||
      command->cmd != TASKSTATS_CMD_NEW) {
    return std::nullopt;
  }
  const Bytes task = netlink::find_attribute(
      datagram.subspan(sizeof(nlmsghdr) + sizeof(genlmsghdr)), TASKSTATS_TYPE_AGGR_PID);
  const auto pid = read_as<std::uint32_t>(netlink::find_attribute(task, TASKSTATS_TYPE_PID));
  const Bytes stats = netlink::find_attribute(task, TASKSTATS_TYPE_STATS);
  const auto status = read_as<std::uint32_t>(stats, offsetof(taskstats, ac_exitcode));
  // What the scheduler counted, where the kernel has CONFIG_TASK_DELAY_ACCT; the user and system
  // times beside it come in whole ticks.
  const auto scheduled = read_as<std::uint64_t>(stats, offsetof(taskstats, cpu_run_virtual_total));
  const auto user = read_as<std::uint64_t>(stats, offsetof(taskstats, ac_utime));
  const auto system = read_as<std::uint64_t>(stats, offsetof(taskstats, ac_stime));
  const auto age = read_as<std::uint64_t>(stats, offsetof(taskstats, ac_etime));
  // Encoded as new_encode_dev() does.
  const auto device = read_as<std::uint64_t>(stats, offsetof(taskstats, ac_exe_dev)).value_or(0);
  const auto inode = read_as<std::uint64_t>(stats, offsetof(taskstats, ac_exe_inode));
  if (!pid || !status || !scheduled || !user || !system || !age) {
    return std::nullopt;
  }
  return TaskExit{
      .pid = *pid,
      .name = text_of(stats.subspan(offsetof(taskstats, ac_comm), TS_COMM_LEN)),
      .status = static_cast<int>(*status),
      .cpu = *scheduled > 0 ? nanoseconds_of(*scheduled)
                            : nanoseconds_of(*user, 1'000) + nanoseconds_of(*system, 1'000),
      .age = nanoseconds_of(*age, 1'000),
      .executable = {
          .major = static_cast<std::uint32_t>((device & 0xfff00U) >> 8U),
          .minor = static_cast<std::uint32_t>((device & 0xffU) | ((device >> 12U) & 0xfff00U)),
          .inode = inode.value_or(0)}};
}

std::vector<sock_filter> every_exit_filter() {
  return {
      load_word(kWhat),
      if_native(kNone, 6, 0),
      if_native(kExec, 1, 0),
      if_native(kExit, 0, 5),
      load_word(kThread),
      sock_filter BPF_STMT(BPF_MISC | BPF_TAX, 0),
      load_word(kProcess),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
      accept(),
      drop(),
  };
}

std::vector<sock_filter> awaited_exit_filter(std::span<const std::uint32_t> pids, Execs execs) {
  pids = pids.first(std::min(pids.size(), kMostAwaited));
  constexpr std::size_t kOthers = 11;  // instructions between that jump and the last, less the pids
  const auto to_end = static_cast<std::uint8_t>(kOthers + pids.size());
  std::vector<sock_filter> filter{
      load_word(kWhat),
      if_native(kNone, to_end, 0),
      if_native(kExec, 0, 6),
      load_word(kThread),
      sock_filter BPF_STMT(BPF_MISC | BPF_TAX, 0),
      load_word(kProcess),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
      execs == Execs::told ? accept() : drop(),
      drop(),
      if_native(kExit, 1, 0),
      drop(),
      // A process's first thread has its number; the exit of another is not awaited.
      load_word(kThread),
  };
  for (std::size_t i = 0; i < pids.size(); ++i) {
    filter.push_back(if_native(pids[i], static_cast<std::uint8_t>(pids.size() - i), 0));
  }
  filter.push_back(drop());
  filter.push_back(accept());
  return filter;
}

std::span<const sock_filter> task_exit_filter() {
  constexpr std::uint32_t kPadding = sizeof(nlattr);
  static const std::array filter{
      // Control messages, acknowledgements among them, are short of what follows.
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kName + kPadding + 4, 0, 11),
      sock_filter BPF_STMT(BPF_LD | BPF_H | BPF_ABS, kStatsType),
      if_equal(htons(TASKSTATS_TYPE_STATS), 0, 2),
      load_word(kName),
      sock_filter BPF_STMT(BPF_JMP | BPF_JA, 1),
      load_word(kName + kPadding),
      if_equal(four("ipta"), 5, 0),
      if_equal(four("ip6t"), 4, 0),
      if_equal(four("xtab"), 3, 0),
      if_equal(four("ipse"), 2, 0),
      if_equal(four("nft"), 1, 0),
      drop(),
      accept(),
  };
  return filter;
}

}  // namespace kubecliff::restore
