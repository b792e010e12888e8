#include "tests/support/run_tool.h"

#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <utility>

#include "collectors/kernel/tool_streams.h"
#include "collectors/kernel/unique_fd.h"
#include "tests/support/must.h"

namespace kubecliff::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

Result<pid_t> spawn(const std::vector<std::string>& argv, const UniqueFd& in, const UniqueFd& out,
                    const UniqueFd& err) {
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv) {
    arguments.push_back(const_cast<char*>(argument.c_str()));  // NOLINT(*-const-cast)
  }
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.get(), STDERR_FILENO);
  pid_t pid = -1;
  int error = ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  // Where root's PATH is a user's, as under su, sbin is missing from it.
  for (const std::string_view directory : {"/usr/sbin/", "/sbin/"}) {
    if (error == ENOENT) {
      const std::string path = std::string{directory} + argv[0];
      error = ::posix_spawn(&pid, path.c_str(), &actions, nullptr, arguments.data(), environ);
    }
  }
  posix_spawn_file_actions_destroy(&actions);

  if (error != 0) {
    return fail_errno(error, argv[0]);
  }
  return pid;
}

// Reads what is there; closes `pipe` at its end.
void drain(UniqueFd& pipe, std::string& into) {
  std::array<char, 65'536> buffer{};
  const ssize_t got = ::read(pipe.get(), buffer.data(), buffer.size());
  if (got > 0) {
    into.append(buffer.data(), static_cast<std::size_t>(got));
  } else if (got == 0 || errno != EINTR) {
    pipe.reset();
  }
}

milliseconds left_until(Clock::time_point deadline) {
  return std::max(std::chrono::ceil<milliseconds>(deadline - Clock::now()), milliseconds{0});
}

// Collects output until both pipes are at their end or the deadline has come.
Result<void> collect(UniqueFd out, UniqueFd err, Clock::time_point deadline, ToolRun& run) {
  while (out.valid() || err.valid()) {
    std::array ready{pollfd{.fd = out.get(), .events = POLLIN, .revents = 0},
                     pollfd{.fd = err.get(), .events = POLLIN, .revents = 0}};
    const int count =
        ::poll(ready.data(), ready.size(), static_cast<int>(left_until(deadline).count()));
    if (count < 0 && errno != EINTR) {
      return fail_errno(errno, "poll");
    }
    if (count == 0) {
      return fail(ErrorKind::timeout, "it did not end in time");
    }
    if (count > 0 && ready[0].revents != 0) {
      drain(out, run.out);
    }
    if (count > 0 && ready[1].revents != 0) {
      drain(err, run.err);
    }
  }
  return {};
}

// Waits for the process itself, which may live on after closing its output.
Result<void> await_end(pid_t pid, Clock::time_point deadline) {
  const UniqueFd process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  if (!process.valid()) {
    return fail_errno(errno, "pidfd_open");
  }
  pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
  int count = 0;
  do {
    count = ::poll(&ended, 1, static_cast<int>(left_until(deadline).count()));
  } while (count < 0 && errno == EINTR);
  if (count == 0) {
    return fail(ErrorKind::timeout, "it did not end in time");
  }
  return {};
}

microseconds to_duration(const timeval& time) {
  return std::chrono::seconds{time.tv_sec} + microseconds{time.tv_usec};
}

Result<ToolRun> succeeded(std::string_view tool, Result<ToolRun> run) {
  if (run && run->exit_status != 0) {
    return fail(ErrorKind::internal, std::string{tool} + " ended with status " +
                                         std::to_string(run->exit_status) + ": " + run->err);
  }
  return run;
}

}  // namespace

Result<ToolRun> run_tool(const std::vector<std::string>& argv, std::string_view input,
                         milliseconds limit) {
  auto in = file_with(input);
  auto out = make_pipe();
  auto err = make_pipe();
  if (!in || !out || !err) {
    return fail(ErrorKind::internal, argv[0] + ": cannot connect its standard streams");
  }

  const Clock::time_point start = Clock::now();
  const auto pid = spawn(argv, *in, out->write, err->write);
  if (!pid) {
    return std::unexpected(pid.error());
  }
  out->write.reset();
  err->write.reset();

  ToolRun run;
  auto ended = collect(std::move(out->read), std::move(err->read), start + limit, run);
  if (ended) {
    ended = await_end(*pid, start + limit);
  }
  if (!ended) {
    ::kill(*pid, SIGKILL);
  }

  int status = 0;
  rusage usage{};
  while (::wait4(*pid, &status, 0, &usage) < 0) {
    if (errno != EINTR) {
      return fail_errno(errno, "wait4");
    }
  }
  if (!ended) {
    return prefixed(argv[0], std::move(ended.error()));
  }
  run.wall = std::chrono::duration_cast<microseconds>(Clock::now() - start);
  run.cpu = to_duration(usage.ru_utime) + to_duration(usage.ru_stime);
  run.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return run;
}

std::string must_run(const std::vector<std::string>& argv, std::string_view input) {
  return must(succeeded(argv.front(), run_tool(argv, input))).out;
}

std::string tool_name(Backend backend, Family family, std::string_view verb) {
  std::string name = family == Family::ipv4 ? "iptables-" : "ip6tables-";
  return name.append(label(backend)).append("-").append(verb);
}

Result<ToolRun> restore(Backend backend, Family family, std::string_view input, Flush flush) {
  // -w: the lock of the legacy tools is the machine's, not the namespace's.
  std::vector<std::string> argv{tool_name(backend, family, "restore"), "-w", "60"};
  if (flush == Flush::none) {
    argv.emplace_back("--noflush");
  }
  return succeeded(argv[0], run_tool(argv, input));
}

Result<std::string> save(Backend backend, Family family) {
  const std::string tool = tool_name(backend, family, "save");
  if (backend == Backend::nft) {
    auto run = succeeded(tool, run_tool({tool}));
    if (!run) {
      return std::unexpected(std::move(run.error()));
    }
    return std::move(run->out);
  }

  // The legacy tool makes the kernel create each table that it asks for.
  std::string all;
  std::ifstream tables{family == Family::ipv4 ? "/proc/thread-self/net/ip_tables_names"
                                              : "/proc/thread-self/net/ip6_tables_names"};
  for (std::string table; tables >> table;) {
    auto run = succeeded(tool, run_tool({tool, "-t", table}));
    if (!run) {
      return std::unexpected(std::move(run.error()));
    }
    all += run->out;
  }
  return all;
}

Result<ToolRun> nft(std::vector<std::string> arguments, std::string_view input) {
  arguments.insert(arguments.begin(), "nft");
  return succeeded("nft", run_tool(arguments, input));
}

Result<ToolRun> conntrack(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "conntrack");
  return succeeded("conntrack", run_tool(arguments));
}

}  // namespace kubecliff::test
