#include "tests/integration/probe/spawned.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

namespace kubecliff::test {

Spawned::Spawned(const std::vector<std::string>& argv) {
  std::vector<std::string> words = argv;
  for (const std::string folder : {"/usr/sbin/", "/usr/bin/"}) {
    if (std::filesystem::exists(folder + argv.front())) {
      words.front() = folder + argv.front();
    }
  }
  std::vector<char*> pointers;
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    ::posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0);
  }
  EXPECT_EQ(::posix_spawn(&pid_, pointers.front(), &actions, nullptr, pointers.data(), environ), 0)
      << argv.front();
  ::posix_spawn_file_actions_destroy(&actions);
}

Spawned::~Spawned() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

}  // namespace kubecliff::test
