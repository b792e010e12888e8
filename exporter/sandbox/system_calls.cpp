#include "exporter/sandbox/system_calls.h"

#include <linux/bpf.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <type_traits>

#include <asm/termbits.h>

namespace kubecliff::sandbox {
namespace {

// By name, since architectures differ in which they have: arm64 has openat alone, amd64's C library
// takes either. What a library calls only sometimes, such as when a lock is contended, is here too.
constexpr std::array kAllowed{
    // memory
    "brk",
    "madvise",
    "membarrier",
    "mremap",
    "munmap",
    // threads, signals, what the process is
    "arch_prctl",
    "exit",
    "exit_group",
    "futex",
    "get_robust_list",
    "getcpu",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getppid",
    "getpriority",
    "getresgid",
    "getresuid",
    "getrusage",
    "gettid",
    "getuid",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
    "sysinfo",
    "times",
    "uname",
    // time, and waiting
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd2",
    "gettimeofday",
    "nanosleep",
    "poll",
    "ppoll",
    "pselect6",
    "select",
    "time",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    // files
    "access",
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fcntl",
    "fdatasync",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "getcwd",
    "getdents64",
    "getrandom",
    "lseek",
    "lstat",
    "newfstatat",
    "open",
    "openat",
    "pipe2",
    "pread64",
    "preadv",
    "pwrite64",
    "read",
    "readlink",
    "readlinkat",
    "readv",
    "rename",
    "renameat",
    "renameat2",
    "stat",
    "statfs",
    "statx",
    "umask",
    "unlink",
    "unlinkat",
    "write",
    "writev",
    // sockets
    "accept",
    "accept4",
    "bind",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "listen",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
};

constexpr std::uint64_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

// A call that is allowed where one of its arguments is as it should be.
struct Narrow {
  const char* call;
  scmp_arg_cmp argument;
};

scmp_arg_cmp equals(unsigned argument, std::uint64_t value) {
  return {.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
}

scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

// Several rules for a call: each of them will do.
auto narrow_rules() {
  return std::array{
      Narrow{"socket", equals(0, AF_UNIX)},
      Narrow{"socket", equals(0, AF_INET)},
      Narrow{"socket", equals(0, AF_INET6)},
      Narrow{"socket", equals(0, AF_NETLINK)},
      Narrow{"socketpair", equals(0, AF_UNIX)},
      // Threads, not processes, and no namespaces.
      Narrow{"clone", masked(0, CLONE_THREAD | kNewNamespaces, CLONE_THREAD)},
      // Memory that can be written is not executed.
      Narrow{"mmap", masked(2, PROT_EXEC, 0)},
      Narrow{"mmap", masked(2, PROT_WRITE, 0)},
      Narrow{"mprotect", masked(2, PROT_EXEC, 0)},
      Narrow{"prctl", equals(0, PR_SET_NAME)},
      Narrow{"prctl", equals(0, PR_GET_NAME)},
      // Of this process alone: priority, limits, and signals, as abort() sends one.
      Narrow{"setpriority", equals(1, 0)},
      Narrow{"prlimit64", equals(0, 0)},
      Narrow{"tgkill", equals(0, static_cast<std::uint64_t>(::getpid()))},
      // Signal 0 asks whether a process is there.
      Narrow{"kill", equals(1, 0)},
      Narrow{"ioctl", equals(1, TCGETS)},
      Narrow{"ioctl", equals(1, FIONBIO)},
      Narrow{"ioctl", equals(1, FIONREAD)},
      Narrow{"ioctl", equals(1, SIOCGIFNAME)},
      Narrow{"ioctl", equals(1, SIOCGIFINDEX)},
      Narrow{"ioctl", equals(1, SIOCETHTOOL)},
      Narrow{"bpf", equals(0, BPF_OBJ_GET)},
      Narrow{"bpf", equals(0, BPF_OBJ_GET_INFO_BY_FD)},
      Narrow{"bpf", equals(0, BPF_MAP_LOOKUP_BATCH)},
  };
}

constexpr std::uint32_t kNoSuchCall = SCMP_ACT_ERRNO(ENOSYS);

std::uint32_t action(Seccomp others) {
  switch (others) {
    case Seccomp::kill:
      return SCMP_ACT_KILL_PROCESS;
    case Seccomp::refuse:
      return kNoSuchCall;
    case Seccomp::log:
    case Seccomp::off:
      break;
  }
  return SCMP_ACT_LOG;
}

struct Release {
  void operator()(scmp_filter_ctx filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, Release>;

// 0, or an error of libseccomp. A call that this architecture does not have needs no rule.
int allow(const Filter& filter, const char* call, std::span<const scmp_arg_cmp> arguments = {}) {
  const int number = seccomp_syscall_resolve_name(call);
  return number < 0
             ? 0
             : seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, number,
                                      static_cast<unsigned>(arguments.size()), arguments.data());
}

int add_rules(const Filter& filter, Seccomp others) {
  // What threads are started by instead where there is none. Its flags are in memory, which no
  // filter sees.
  int error = others == Seccomp::refuse
                  ? 0
                  : seccomp_rule_add(filter.get(), kNoSuchCall, SCMP_SYS(clone3), 0);
  for (const char* call : kAllowed) {
    error = error != 0 ? error : allow(filter, call);
  }
  for (const auto& [call, argument] : narrow_rules()) {
    error = error != 0 ? error : allow(filter, call, std::span{&argument, 1});
  }
  return error;
}

}  // namespace

std::set<std::string> allowed_calls() {
  std::set<std::string> calls{kAllowed.begin(), kAllowed.end()};
  for (const Narrow& rule : narrow_rules()) {
    calls.insert(rule.call);
  }
  return calls;
}

Result<void> filter_system_calls(Seccomp others) {
  if (others == Seccomp::off) {
    return {};
  }
  const Filter filter{seccomp_init(action(others))};
  if (!filter) {
    return fail(ErrorKind::unavailable, "seccomp: this kernel has no filter of that kind");
  }
  // A tree instead of a list: calls of every kind pass some eight comparisons.
  int error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  error = error != 0 ? error : add_rules(filter, others);
  error = error != 0 ? error : seccomp_load(filter.get());
  if (error != 0) {
    return fail_errno(-error, "seccomp");
  }
  return {};
}

}  // namespace kubecliff::sandbox
