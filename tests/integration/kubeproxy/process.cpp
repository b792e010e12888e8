#include "tests/integration/kubeproxy/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "collectors/kernel/procfs.h"

namespace kubecliff::test {

KubeProxy::KubeProxy(const std::string& program, const std::vector<std::string>& arguments) {
  for (const std::string folder : {"/usr/sbin/", "/usr/bin/"}) {
    if (std::filesystem::exists(folder + program)) {
      std::filesystem::create_symlink(folder + program, path_);
      break;
    }
  }
  std::vector<std::string> argv{path_};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& argument : argv) {
    pointers.push_back(argument.data());
  }
  pointers.push_back(nullptr);

  std::array<int, 2> ends{-1, -1};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd read_end{ends[0]};
  input_ = UniqueFd{ends[1]};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, read_end.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  std::array<char*, 1> environment{nullptr};
  EXPECT_EQ(
      ::posix_spawn(&pid_, path_.c_str(), &actions, nullptr, pointers.data(), environment.data()),
      0);
  ::posix_spawn_file_actions_destroy(&actions);
  wait_until_still();  // all of it is loaded, and waits for its time or for input
}

void KubeProxy::say(std::string_view line) const {
  EXPECT_EQ(::write(input_.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
}

void KubeProxy::end() {
  if (const pid_t pid = std::exchange(pid_, 0); pid > 0) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
}

void KubeProxy::wait_until_still() const {
  using namespace std::chrono_literals;
  int still = 0;
  for (const auto deadline = std::chrono::steady_clock::now() + 60s;
       still < 5 && std::chrono::steady_clock::now() < deadline;) {
    std::this_thread::sleep_for(5ms);
    still = sleeps() ? still + 1 : 0;
  }
  EXPECT_EQ(still, 5) << "process " << pid_ << " does not come to rest";
}

bool KubeProxy::sleeps() const {
  const auto text = read_file("/proc/" + std::to_string(pid_) + "/stat");
  return text && text->find("(kube-proxy) S ") != std::string::npos;
}

}  // namespace kubecliff::test
