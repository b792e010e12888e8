// A filter cannot be taken back, so each test enters it in a child. That kubecliff itself does all
// its work under one is what every test of tests/integration/program shows.
#include "exporter/sandbox/system_calls.h"

#include <dlfcn.h>
#include <linux/bpf.h>
#include <linux/prctl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/sanitized.h"

namespace kubecliff::sandbox {
namespace {

using test::kSanitized;
using ::testing::ExitedWithCode;
using ::testing::KilledBySignal;

void enter(Seccomp others) {
  // What a daemon has by then: keep_capabilities() came before.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !filter_system_calls(others)) {
    std::_Exit(9);
  }
}

class SystemCallsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) {
      GTEST_SKIP() << "a sanitizer makes calls of its own";
    }
  }
};

// What whoever has taken over a process tries first, each of which would do something or fail
// otherwise than by ENOSYS. -1 where it failed.
struct Attempt {
  std::string_view what;
  std::function<long()> make;

  friend void PrintTo(const Attempt& attempt, std::ostream* out) { *out << attempt.what; }
};

class ForbiddenCallTest : public SystemCallsTest, public ::testing::WithParamInterface<Attempt> {};

TEST_P(ForbiddenCallTest, EndsTheProcess) {
  const auto child = [] {
    enter(Seccomp::kill);
    (void)GetParam().make();
    std::_Exit(0);
  };
  EXPECT_EXIT(child(), KilledBySignal(SIGSYS), "");
}

TEST_P(ForbiddenCallTest, OrIsUnknown) {
  const auto child = [] {
    enter(Seccomp::refuse);
    std::_Exit(GetParam().make() == -1 && errno == ENOSYS ? 0 : 1);
  };
  EXPECT_EXIT(child(), ExitedWithCode(0), "");
}

const std::vector<Attempt> attempts{
    {"ExecuteAShell", [] { return ::execl("/bin/true", "true", nullptr); }},
    {"Fork", [] { return ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0); }},
    {"ThreadInANewNetwork",
     [] {
       return ::syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWNET, nullptr,
                        nullptr, nullptr, 0);
     }},
    {"SlowDownAnother",
     [] { return ::setpriority(PRIO_PROCESS, static_cast<id_t>(::getppid()), 0); }},
    {"TraceAnother", [] { return ::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr); }},
    {"ReadAnothersMemory",
     [] { return ::syscall(SYS_process_vm_readv, ::getppid(), nullptr, 0, nullptr, 0, 0); }},
    {"SignalAnother", [] { return ::kill(::getppid(), SIGCONT); }},
    {"Mount", [] { return ::mount("none", "/proc/self/nothing", "tmpfs", 0, nullptr); }},
    {"NewNamespace", [] { return ::unshare(CLONE_NEWUSER); }},
    {"EnterANamespace", [] { return ::setns(-1, 0); }},
    {"LoadAModule", [] { return ::syscall(SYS_finit_module, -1, "", 0); }},
    {"LoadAProgram",
     [] {
       bpf_attr attributes{};
       return ::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
     }},
    {"CapturePackets", [] { return ::socket(AF_PACKET, SOCK_RAW, 0); }},
    {"ReachTheHypervisor", [] { return ::socket(AF_VSOCK, SOCK_STREAM, 0); }},
    {"WriteWhatIsExecuted",
     [] {
       void* memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
       return memory == MAP_FAILED ? -1L : 0L;
     }},
    {"ExecuteWhatWasWritten",
     [] {
       void* memory =
           ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
       return ::mprotect(memory, 4096, PROT_READ | PROT_EXEC);
     }},
    {"TypeForAnother", [] { return ::ioctl(-1, TIOCSTI, "x"); }},
    {"ChangeMode", [] { return ::chmod("/proc/self/nothing", 0777); }},
    {"IoUring", [] { return ::syscall(SYS_io_uring_setup, 0, nullptr); }},
    {"Keys", [] { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0); }},
    {"UserFaults", [] { return ::syscall(SYS_userfaultfd, 0); }},
    {"Perf", [] { return ::syscall(SYS_perf_event_open, nullptr, 0, 0, 0, 0); }},
};

INSTANTIATE_TEST_SUITE_P(Each, ForbiddenCallTest, ::testing::ValuesIn(attempts),
                         [](const auto& each) { return std::string{each.param.what}; });

TEST_F(SystemCallsTest, LogLetsPass) {
  const auto child = [] {
    enter(Seccomp::log);
    (void)::execl("/bin/true", "true", nullptr);
    std::_Exit(1);
  };
  EXPECT_EXIT(child(), ExitedWithCode(0), "");
}

// What kubecliff itself does under `kill` in every test of the program, it does under the others
// too: threads are started in another way there.
class AllowedCallTest : public SystemCallsTest, public ::testing::WithParamInterface<Seccomp> {};

TEST_P(AllowedCallTest, ThreadsStart) {
  const auto child = [] {
    enter(GetParam());
    int started = 0;
    std::thread{[&started] { started = 1; }}.join();
    std::_Exit(started == 1 ? 0 : 1);
  };
  EXPECT_EXIT(child(), ExitedWithCode(0), "");
}

TEST_P(AllowedCallTest, LibrariesAreLoaded) {
  const auto child = [] {
    enter(GetParam());
    std::_Exit(::dlopen("libcurl.so.4", RTLD_NOW) != nullptr ? 0 : 1);
  };
  EXPECT_EXIT(child(), ExitedWithCode(0), "");
}

INSTANTIATE_TEST_SUITE_P(Each, AllowedCallTest,
                         ::testing::Values(Seccomp::log, Seccomp::refuse, Seccomp::kill));

// abort() is how assertions and the C++ library end a program: that must be told from a refused
// call.
TEST_F(SystemCallsTest, AnAbortIsAnAbort) {
  const auto child = [] {
    enter(Seccomp::kill);
    std::abort();
  };
  EXPECT_EXIT(child(), KilledBySignal(SIGABRT), "");
}

TEST_F(SystemCallsTest, OffFiltersNothing) {
  const auto child = [] {
    enter(Seccomp::off);
    (void)::execl("/bin/true", "true", nullptr);
    std::_Exit(1);
  };
  EXPECT_EXIT(child(), ExitedWithCode(0), "");
}

}  // namespace
}  // namespace kubecliff::sandbox
