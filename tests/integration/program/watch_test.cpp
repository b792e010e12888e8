// `kubecliff watch` in a terminal of its own.
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/unique_fd.h"
#include "tests/integration/program/program.h"

namespace kubecliff::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kAsAtTheStart = "\x1b[?7h\x1b[?25h\x1b[?1049l";

// The program in a terminal of 100 columns, which ends with the test.
class Terminal {
 public:
  explicit Terminal(winsize size = {.ws_row = 50, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0},
                    const std::string& option = "--log.level=info") {
    int master = -1;
    const std::string path = Program::path();
    pid_ = ::forkpty(&master, nullptr, nullptr, &size);
    if (pid_ == 0) {
      ::execl(path.c_str(), path.c_str(), "watch", "--every=1s", "--top=0", option.c_str(),
              nullptr);
      ::_exit(127);
    }
    master_ = UniqueFd{master};
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  // All that was shown until `part` was, or ten seconds went by.
  std::string shown_until(std::string_view part) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (shown_.find(part) == std::string::npos && std::chrono::steady_clock::now() < end) {
      pollfd ready{.fd = master_.get(), .events = POLLIN, .revents = 0};
      std::array<char, 4096> buffer{};
      if (::poll(&ready, 1, 100) > 0) {
        const ssize_t size = ::read(master_.get(), buffer.data(), buffer.size());
        if (size <= 0) {
          break;  // the program has ended
        }
        shown_.append(buffer.data(), static_cast<std::size_t>(size));
      }
    }
    return std::exchange(shown_, {});
  }
  void press(char key) const { std::ignore = ::write(master_.get(), &key, 1); }
  void signal(int number) const { ::kill(pid_, number); }
  [[nodiscard]] int exit_status() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  UniqueFd master_;
  std::string shown_;
};

TEST(Watch, ShowsTheReportAgainAndAgainUntilQ) {
  Terminal terminal;
  EXPECT_THAT(terminal.shown_until("Verdict"), HasSubstr("kubecliff report: "));
  EXPECT_THAT(terminal.shown_until("Verdict"), HasSubstr("kubecliff report: "));
  terminal.press('x');
  terminal.press('q');
  EXPECT_THAT(terminal.shown_until(kAsAtTheStart), HasSubstr(kAsAtTheStart));
  EXPECT_EQ(terminal.exit_status(), 0);
}

TEST(Watch, LeavesTheTerminalAsItWasOnASignal) {
  Terminal terminal;
  std::ignore = terminal.shown_until("Verdict");
  terminal.signal(SIGTERM);
  EXPECT_THAT(terminal.shown_until(kAsAtTheStart), HasSubstr(kAsAtTheStart));
  EXPECT_EQ(terminal.exit_status(), 0);
}

// Ctrl-C and Ctrl-\, while it is reading the node.
TEST(Watch, EndsAtOnceAndLeavesTheTerminalAsItWas) {
  for (const char key : {'\x03', '\x1c'}) {
    Terminal terminal;
    ASSERT_THAT(terminal.shown_until("Asking"), HasSubstr("Asking"));
    terminal.press(key);
    const std::string shown = terminal.shown_until(kAsAtTheStart);
    EXPECT_THAT(shown, HasSubstr(kAsAtTheStart));
    EXPECT_THAT(shown, Not(HasSubstr("Verdict")));
    EXPECT_EQ(terminal.exit_status(), 0);
  }
}

TEST(Watch, ShowsAsMuchAsThereIsRoomFor) {
  Terminal terminal{{.ws_row = 4, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0}};
  EXPECT_THAT(terminal.shown_until("(more"), HasSubstr("(more: a larger window"));
}

// Lines that the terminal would break would push the first ones out of it.
TEST(Watch, HasTheTerminalCutItsLines) {
  Terminal terminal{{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0}};
  EXPECT_THAT(terminal.shown_until("Verdict"), HasSubstr("\x1b[?7l"));
  terminal.press('q');
  EXPECT_THAT(terminal.shown_until(kAsAtTheStart), HasSubstr("\x1b[?7h"));
}

TEST(Watch, SaysOnceThatItsDaemonIsGone) {
  const std::string url = "--url=http://127.0.0.1:" + std::to_string(free_port());
  Terminal terminal{{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0}, url};
  for (int frame = 0; frame < 3; ++frame) {
    const std::string shown = terminal.shown_until("Failed to connect");
    ASSERT_THAT(shown, HasSubstr("Failed to connect"));
    EXPECT_EQ(shown.find("kubecliff: "), shown.rfind("kubecliff: ")) << shown;
  }
}

TEST(Watch, WantsATerminal) {
  const ToolRun run = run_program({"watch"});
  EXPECT_EQ(run.exit_status, 2);
  EXPECT_THAT(run.err, StartsWith("kubecliff: watch: expected a terminal"));
  EXPECT_THAT(run_program({"watch", "--every=10ms"}).err,
              StartsWith("kubecliff: watch: --every: expected a duration from 1s to 1d"));
}

}  // namespace
}  // namespace kubecliff::test
