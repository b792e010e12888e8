#include "tests/integration/program/program.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <thread>
#include <utility>

#include <gmock/gmock.h>

#include "collectors/kernel/tool_streams.h"
#include "tests/support/result_matchers.h"
#include "tests/support/sanitized.h"

namespace kubecliff::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10s;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

UniqueFd tcp_socket() {
  return UniqueFd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
}

// The sockets API takes every address as a sockaddr.
sockaddr* generic(sockaddr_in& address) {
  return reinterpret_cast<sockaddr*>(&address);
}

// Commands other than these end by themselves.
bool serves(const std::vector<std::string>& arguments) {
  return arguments.empty() || arguments.front().starts_with("--") || arguments.front() == "probe" ||
         arguments.front() == "canary";
}

bool readable_by(int fd, std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  pollfd wanted{fd, POLLIN, 0};
  return left > 0ms && ::poll(&wanted, 1, static_cast<int>(left.count())) > 0;
}

}  // namespace

std::string Program::path() {
  return KUBECLIFF_BINARY;
}

ToolRun run_program(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), Program::path());
  const auto run = run_tool(arguments, {}, kPatience);
  EXPECT_THAT(run, has_value());
  return run.value_or(ToolRun{});
}

Result<std::unique_ptr<Program>> Program::start(const std::vector<std::string>& arguments) {
  Result<Pipe> log = make_pipe();
  if (!log) {
    return std::unexpected(std::move(log.error()));
  }

  std::vector<std::string> words{path()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  if (serves(arguments) && !kSanitized) {
    words.emplace_back("--process.seccomp=kill");
  }
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, log->write.get(), STDERR_FILENO);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return fail_errno(error, path());
  }
  return std::unique_ptr<Program>{new Program{pid, std::move(log->read)}};
}

Program::~Program() {
  if (!reaped_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

bool Program::read_more(std::chrono::steady_clock::time_point deadline) {
  std::array<char, 4096> piece{};
  if (!readable_by(log_.get(), deadline)) {
    return false;
  }
  const ssize_t size = ::read(log_.get(), piece.data(), piece.size());
  if (size > 0) {
    pending_.append(piece.data(), static_cast<std::size_t>(size));
  }
  return size > 0;
}

std::string Program::line_with(std::string_view part) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  do {
    for (std::size_t end = 0; (end = pending_.find('\n')) != std::string::npos;) {
      const std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      if (line.find(part) != std::string::npos) {
        return line;
      }
    }
  } while (read_more(deadline));
  return {};
}

std::uint16_t Program::port_served() {
  constexpr std::string_view kKey = "addresses=127.0.0.1:";
  const std::string line = line_with(kKey);
  std::uint16_t port = 0;
  if (const std::size_t key = line.find(kKey); key != std::string::npos) {
    const char* digits = line.data() + key + kKey.size();
    (void)std::from_chars(digits, line.data() + line.size(), port);
  }
  return port;
}

void Program::signal(int number) const {
  ::kill(pid_, number);
}

std::optional<int> Program::exit_within(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      return std::nullopt;
    }
    std::this_thread::sleep_for(2ms);
  }
  reaped_ = true;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string Program::rest_of_log() {
  while (read_more(std::chrono::steady_clock::now() + kPatience)) {
  }
  return std::exchange(pending_, {});
}

Result<UniqueFd> connect_to(std::uint16_t port) {
  UniqueFd socket = tcp_socket();
  sockaddr_in address = loopback(port);
  if (::connect(socket.get(), generic(address), sizeof address) != 0) {
    return fail_errno(errno, "connect");
  }
  return socket;
}

std::string http_get(std::uint16_t port, std::string_view target) {
  const auto socket = connect_to(port);
  if (!socket) {
    return {};
  }
  const std::string request =
      "GET " + std::string{target} + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  (void)::send(socket->get(), request.data(), request.size(), MSG_NOSIGNAL);

  std::string response;
  std::array<char, 4096> piece{};
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (readable_by(socket->get(), deadline)) {
    const ssize_t size = ::recv(socket->get(), piece.data(), piece.size(), 0);
    if (size <= 0) {
      break;
    }
    response.append(piece.data(), static_cast<std::size_t>(size));
  }
  return response;
}

std::uint16_t free_port() {
  const UniqueFd socket = tcp_socket();
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  ::bind(socket.get(), generic(address), size);
  ::getsockname(socket.get(), generic(address), &size);
  return ntohs(address.sin_port);
}

}  // namespace kubecliff::test
