#include "exporter/simulate/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "collectors/kernel/tool_streams.h"

namespace kubecliff::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::size_t kMostErr = 4'096;
constexpr std::size_t kMostOut = 65'536;
// Of the tool: where it finds its lock.
constexpr int kLockFd = 3;

// What becomes of the descriptors 0 to 3 of the tool.
using Descriptors = std::array<int, 4>;

// In the forked process: nothing but system calls from here on.
[[noreturn]] void become(char* const* argv, char* const* environment, Descriptors descriptors,
                         pid_t parent) {
  constexpr int kCannotStart = 127;
  // The parent may have ended before this was asked for.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) {
    ::_exit(kCannotStart);
  }
  sigset_t none{};
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);  // NOLINT(*-int-to-ptr, cert-err33-c): nothing to be done about it
  // First out of the way of one another.
  for (int& descriptor : descriptors) {
    descriptor = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 10);
  }
  int target = 0;
  for (const int descriptor : descriptors) {
    if (::dup2(descriptor, target++) < 0) {
      ::_exit(kCannotStart);
    }
  }
  ::execve(argv[0], argv, environment);
  ::_exit(kCannotStart);
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

// Reads what is there, keeps as much of it as is wanted; closes `pipe` at its end.
void drain(UniqueFd& pipe, std::string& into, std::size_t most) {
  std::array<char, 65'536> buffer{};
  const ssize_t got = ::read(pipe.get(), buffer.data(), buffer.size());
  if (got > 0) {
    into.append(buffer.data(), std::min(static_cast<std::size_t>(got), most - into.size()));
  } else if (got == 0 || errno != EINTR) {
    pipe.reset();
  }
}

int patience(const Stop* stop) {
  if (stop == nullptr) {
    return -1;
  }
  const auto left = std::chrono::ceil<milliseconds>(stop->deadline() - Stop::Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

// Collects output until the process has ended, or `stop` asks.
Result<void> await(int process, Pipe& out, Pipe& err, const Stop* stop, ToolRun& run) {
  bool ended = false;
  while (!ended) {
    std::array wanted{
        pollfd{.fd = process, .events = POLLIN, .revents = 0},
        pollfd{.fd = out.read.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = err.read.get(), .events = POLLIN, .revents = 0},
        pollfd{.fd = stop == nullptr ? -1 : stop->signals(), .events = POLLIN, .revents = 0}};
    if (::poll(wanted.data(), wanted.size(), patience(stop)) < 0 && errno != EINTR) {
      return fail_errno(errno, "wait for a tool");
    }
    if (wanted[1].revents != 0) {
      drain(out.read, run.out, kMostOut);
    }
    if (wanted[2].revents != 0) {
      drain(err.read, run.err, kMostErr);
    }
    ended = wanted[0].revents != 0 && wanted[1].revents == 0 && wanted[2].revents == 0;
    if (!ended && stop != nullptr && stop->asked()) {
      return fail(ErrorKind::timeout, "stopped before it had ended");
    }
  }
  return {};
}

nanoseconds to_duration(const timeval& time) {
  return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
}

// The lock of legacy iptables, for our tools alone.
const UniqueFd& lock_file() {
  static const UniqueFd file{::memfd_create("xtables.lock", MFD_CLOEXEC)};
  return file;
}

}  // namespace

Result<Stop> Stop::at(const sigset_t& signals, Clock::time_point deadline) {
  UniqueFd fd{::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)};
  if (!fd.valid()) {
    return fail_errno(errno, "signalfd");
  }
  return Stop{std::move(fd), deadline};
}

// A signal that is pending is not read: it goes on asking.
bool Stop::by_signal() const {
  pollfd ready{.fd = signals_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&ready, 1, 0) > 0;
}

Result<ToolRun> run_tool(const std::vector<std::string>& argv, ToolOptions options) {
  const UniqueFd nothing{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  auto out = make_pipe();
  auto err = make_pipe();
  if (!nothing.valid() || !out || !err || !lock_file().valid()) {
    return fail(ErrorKind::internal, argv[0] + ": cannot connect its standard streams");
  }
  if (options.input >= 0 && ::lseek(options.input, 0, SEEK_SET) < 0) {
    return fail_errno(errno, "rewind a tool's input");
  }
  const Descriptors descriptors{options.input < 0 ? nothing.get() : options.input,
                                options.output == Output::kept ? out->write.get() : nothing.get(),
                                err->write.get(), lock_file().get()};
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): one thread
  std::vector<std::string> words = argv;
  std::vector<std::string> variables{
      std::string{"PATH="} + (path == nullptr ? "/usr/sbin:/usr/bin:/sbin:/bin" : path), "LC_ALL=C",
      "XTABLES_LOCKFILE=/proc/self/fd/" + std::to_string(kLockFd)};
  const std::vector<char*> arguments = pointers_to(words);
  const std::vector<char*> environment = pointers_to(variables);
  const pid_t parent = ::getpid();

  ToolRun run;
  const auto started = Stop::Clock::now();
  const pid_t pid = ::fork();
  if (pid < 0) {
    return fail_errno(errno, argv[0]);
  }
  if (pid == 0) {
    become(arguments.data(), environment.data(), descriptors, parent);
  }
  out->write.reset();
  err->write.reset();
  const UniqueFd process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  const Result<void> ended = process.valid() ? await(process.get(), *out, *err, options.stop, run)
                                             : Result<void>{fail_errno(errno, "pidfd_open")};
  if (!ended) {
    ::kill(pid, SIGKILL);
  }
  int status = 0;
  rusage usage{};
  while (::wait4(pid, &status, 0, &usage) < 0) {
    if (errno != EINTR) {
      return fail_errno(errno, "wait4");
    }
  }
  run.wall = Stop::Clock::now() - started;
  if (!ended) {
    return prefixed(argv[0], ended.error());
  }
  run.cpu = to_duration(usage.ru_utime) + to_duration(usage.ru_stime);
  run.peak_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  run.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return run;
}

Result<ToolRun> run_well(const std::vector<std::string>& argv, ToolOptions options) {
  auto run = run_tool(argv, options);
  if (run && run->exit_status != 0) {
    // The terminal's Ctrl-C is the tool's as well as ours.
    if (options.stop != nullptr && options.stop->asked()) {
      return fail(ErrorKind::timeout, argv[0] + ": stopped before it had ended");
    }
    return fail(ErrorKind::internal, argv[0] + " ended with status " +
                                         std::to_string(run->exit_status) + ": " +
                                         run->err.substr(0, run->err.find('\n')));
  }
  return run;
}

}  // namespace kubecliff::simulate
