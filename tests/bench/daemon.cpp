#include "tests/bench/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace kubecliff::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// For a process that should have started, or ended, or served something.
constexpr seconds kPatience{30};
constexpr seconds kReadingPatience{300};

constexpr std::uint16_t kKubecliffPort = 9909;
constexpr std::uint16_t kNodeExporterPort = 9100;

constexpr std::string_view kUnchangedRefreshes =
    R"(kubecliff_collector_refreshes_total{collector="iptables",kind="unchanged"})";

// Between fork and exec: nothing but system calls.
[[noreturn]] void become(char* const* argv, int log, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() == parent && ::dup2(log, STDOUT_FILENO) >= 0 && ::dup2(log, STDERR_FILENO) >= 0) {
    ::execvp(argv[0], argv);
  }
  ::_exit(127);
}

std::string local_address(std::uint16_t port) {
  return "--web.listen-address=127.0.0.1:" + std::to_string(port);
}

std::vector<std::string> kubecliff_line(const std::string& program,
                                        const std::vector<std::string>& options) {
  std::vector<std::string> line{program, local_address(kKubecliffPort)};
  line.insert(line.end(), options.begin(), options.end());
  return line;
}

}  // namespace

std::string memory_text(std::size_t bytes) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f MiB", static_cast<double>(bytes) / 1'048'576);
  return text.data();
}

Daemon::Daemon(const std::vector<std::string>& argv, std::uint16_t port,
               std::string_view ready_path)
    : log_{::memfd_create("log", MFD_CLOEXEC)}, name_{argv.at(0)}, port_{port} {
  std::vector<char*> words;
  words.reserve(argv.size() + 1);
  for (const std::string& word : argv) {
    words.push_back(const_cast<char*>(word.c_str()));  // exec does not write to it
  }
  words.push_back(nullptr);

  started_ = Clock::now();
  const pid_t self = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) {
    throw std::runtime_error{"fork failed"};
  }
  if (pid_ == 0) {
    become(words.data(), log_.get(), self);
  }

  while (!is_ready(ready_path)) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      fail("ended at once");
    }
    if (since_start() > kPatience) {
      end();
      fail("does not become ready");
    }
    std::this_thread::sleep_for(std::chrono::microseconds{500});
  }
  ready_ = Clock::now();
}

Daemon::~Daemon() {
  end();
}

void Daemon::end() {
  if (pid_ < 0) {
    return;
  }
  ::kill(pid_, SIGCONT);
  ::kill(pid_, SIGTERM);
  const Clock::time_point patience = Clock::now() + seconds{5};
  while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (Clock::now() > patience) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      break;
    }
    std::this_thread::sleep_for(milliseconds{2});
  }
  pid_ = -1;
}

void Daemon::fail(std::string_view what) {
  std::array<char, 2'000> said{};
  const ssize_t size = ::pread(log_.get(), said.data(), said.size(), 0);
  throw std::runtime_error{
      name_ + " " + std::string{what} + ": " +
      std::string{said.data(), static_cast<std::size_t>(std::max(size, ssize_t{0}))}};
}

bool Daemon::is_ready(std::string_view ready_path) const {
  auto connection = HttpConnection::open(port_);
  return connection && connection->get(ready_path).status == 200;
}

nanoseconds Daemon::cpu() const {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &time) != 0) {
    throw std::runtime_error{"no CPU time of " + name_};
  }
  return std::chrono::seconds{time.tv_sec} + nanoseconds{time.tv_nsec};
}

Memory Daemon::memory() const {
  std::ifstream status{"/proc/" + std::to_string(pid_) + "/status"};
  Memory memory;
  for (std::string word; status >> word;) {
    if (word == "VmRSS:") {
      status >> memory.resident;
    } else if (word == "VmHWM:") {
      status >> memory.most_resident;
    }
  }
  if (memory.resident == 0) {
    throw std::runtime_error{"no memory figures of " + name_};
  }
  constexpr std::size_t kKibibyte = 1'024;
  return {memory.resident * kKibibyte, memory.most_resident * kKibibyte};
}

void Daemon::pause() const {
  ::kill(pid_, SIGSTOP);
}

void Daemon::resume() const {
  ::kill(pid_, SIGCONT);
}

std::string Daemon::metrics() const {
  auto connection = HttpConnection::open(port_);
  if (!connection) {
    throw std::runtime_error{name_ + " does not listen any more"};
  }
  HttpAnswer answer = connection->get("/metrics");
  if (answer.status != 200) {
    throw std::runtime_error{name_ + " answers " + std::to_string(answer.status)};
  }
  return std::move(answer.body);
}

std::optional<double> Daemon::metric(std::string_view series) const {
  return series_value(metrics(), series);
}

void Daemon::await_metric(std::string_view series, double at_least) const {
  const Clock::time_point patience = Clock::now() + kReadingPatience;
  while (metric(series).value_or(-1) < at_least) {
    if (Clock::now() > patience) {
      throw std::runtime_error{name_ + " does not serve " + std::string{series}};
    }
    std::this_thread::sleep_for(milliseconds{5});
  }
}

Kubecliff::Kubecliff(const std::string& program, const std::vector<std::string>& options)
    : Daemon{kubecliff_line(program, options), kKubecliffPort, "/-/ready"} {}

void Kubecliff::await_polling() const {
  await_metric(kUnchangedRefreshes, metric(kUnchangedRefreshes).value_or(0) + 2);
}

NodeExporter::NodeExporter()
    : Daemon{
          {"prometheus-node-exporter", local_address(kNodeExporterPort)}, kNodeExporterPort, "/"} {}

}  // namespace kubecliff::bench
