#include "exporter/commands/report.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "collectors/kernel/unique_fd.h"
#include "exporter/client/ask_daemon.h"
#include "exporter/commands/exit_code.h"
#include "exporter/commands/node_alerts.h"
#include "exporter/commands/streams.h"
#include "exporter/commands/version.h"
#include "exporter/config/load.h"
#include "exporter/config/values.h"
#include "exporter/console/text.h"
#include "exporter/report/json.h"
#include "exporter/report/local_node.h"
#include "exporter/report/markdown.h"
#include "exporter/report/names.h"
#include "exporter/report/text.h"
#include "exporter/report/top.h"

namespace kubecliff {
namespace {

using namespace std::chrono_literals;

constexpr Duration kEvery = 5s;
constexpr Duration kLeastEvery = 1s;
constexpr Duration kMostEvery = 24h;
// A daemon reads names when it is asked for them. While watch waits for it, no key is heard.
constexpr Duration kDaemonAnswersWithin = 30s;
constexpr Duration kDaemonIsWatchedWithin = 5s;

enum class Output : std::uint8_t { text, json, markdown };

std::optional<Output> parse_output(std::string_view text) {
  if (text.empty() || text == "text") {
    return Output::text;
  }
  if (text == "json") {
    return Output::json;
  }
  return text == "markdown" ? std::optional{Output::markdown} : std::nullopt;
}

std::optional<std::size_t> top_of(const CommandLine& line) {
  return line.report.top.empty() ? std::optional{report::kTop} : report::parse_top(line.report.top);
}

int refuse_top(std::string_view command, const std::string& text) {
  return refuse(std::string{command} + ": --top: expected a number from 0 to 100, got \"" + text +
                "\"; see kubecliff --help");
}

// https://no-color.org
report::Colours colours() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return std::string_view{value == nullptr ? "" : value};
  };
  return ::isatty(STDOUT_FILENO) == 1 && variable("NO_COLOR").empty() && variable("TERM") != "dumb"
             ? report::Colours::on
             : report::Colours::off;
}

// Where reports come from; each call makes a new one.
using Look = std::function<Result<report::Report>(Duration over)>;

Look daemon_look(std::string url, std::size_t top, Duration within) {
  return [url = std::move(url), top, within](Duration /*over*/) -> Result<report::Report> {
    const auto body = body_of(ask_daemon(url, "/api/v1/report?top=" + std::to_string(top), within));
    if (!body) {
      return std::unexpected(body.error());
    }
    auto parsed = report::from_json(*body);
    return parsed ? std::move(parsed) : prefixed("--url", parsed.error());
  };
}

Look local_look(const Settings& settings, std::span<const CollectorSpec> specs, std::size_t top) {
  auto node = std::make_shared<report::LocalNode>(report::identity(build_info().version),
                                                  checks_of(settings), settings, specs);
  auto names = std::make_shared<report::LatestNames>(report::names_options(settings, top));
  return [node, names, top](Duration over) -> Result<report::Report> {
    node->look(over);
    report::Report report = node->report();
    if (top > 0) {
      report.names = names->get(top);
    }
    return report;
  };
}

Result<Look> look(const CommandLine& line, const SettingTable& table,
                  std::span<const CollectorSpec> specs, std::size_t top) {
  if (!line.report.url.empty()) {
    if (const auto right = check_daemon_url(line.report.url); !right) {
      return std::unexpected(right.error());
    }
    return daemon_look(
        line.report.url, top,
        line.command == Command::watch ? kDaemonIsWatchedWithin : kDaemonAnswersWithin);
  }
  const auto settings = load_settings(line, table, specs);
  if (!settings) {
    return std::unexpected(settings.error());
  }
  return local_look(*settings, specs, top);
}

std::string written(const report::Report& report, Output output) {
  switch (output) {
    case Output::json:
      return report::to_json(report);
    case Output::markdown:
      return report::to_markdown(report);
    case Output::text:
      break;
  }
  return report::to_text(report, colours());
}

int exit_code(const report::Report& report) {
  if (!report::is_known(report)) {
    return kExitUnknown;
  }
  const auto severity = report::worst(report);
  if (severity == Severity::critical) {
    return kExitCritical;
  }
  return severity == Severity::warning ? kExitWarning : kExitOk;
}

int exit_code(const Error& error) {
  return error.kind == ErrorKind::malformed ? kExitBadSettings : kExitFailure;
}

// The terminal as long as watch has it: an empty screen of its own, keys without Enter, no cursor.
// There is one at a time. Signals that end us put everything back at whatever moment they come:
// reading a node can take seconds.
class Screen {
 public:
  Screen() {
    sigset_t resized{};
    sigemptyset(&resized);
    sigaddset(&resized, SIGWINCH);
    ::pthread_sigmask(SIG_BLOCK, &resized, nullptr);
    signals_ = UniqueFd{::signalfd(-1, &resized, SFD_CLOEXEC)};
    struct sigaction action{};
    action.sa_handler = end;  // NOLINT(*-union-access)
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
      ::sigaction(signal, &action, nullptr);
    }
    if (::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &keys_before) == 0) {
      termios keys = keys_before;
      keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      keys.c_cc[VSUSP] = _POSIX_VDISABLE;  // stopped, it would leave this screen to the shell
      keys_changed = ::tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
    }
    // Lines that are too long are cut by the terminal.
    std::cout << "\x1b[?1049h\x1b[?25l\x1b[?7l" << std::flush;
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen() { put_back(); }

  // The first lines, as many as there is room for.
  static void show(std::string_view text) {
    winsize size{};
    const std::size_t rows =
        ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row : 24;
    std::string out = "\x1b[H";
    for (std::size_t row = 1; row < rows && !text.empty(); ++row) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      out.append(text.substr(0, end)).append("\x1b[K\n");
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    out += text.empty() ? "\x1b[J" : "\x1b[J(more: a larger window, or kubecliff report)";
    std::cout << out << std::flush;
  }

  enum class Why : std::uint8_t { time, again, ended };

  [[nodiscard]] Why wait(Duration duration) const {
    std::array<pollfd, 2> ready{
        {{.fd = signals_.get(), .events = POLLIN, .revents = 0},
         {.fd = keys_changed ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}}};
    if (::poll(ready.data(), ready.size(), static_cast<int>(duration.count())) <= 0) {
      return Why::time;
    }
    signalfd_siginfo resized{};
    if (ready[0].revents != 0 &&
        ::read(signals_.get(), &resized, sizeof resized) == sizeof resized) {
      return Why::again;
    }
    char key = 0;
    const bool quits = ::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q';
    return quits ? Why::ended : Why::again;
  }

 private:
  // Nothing but system calls, so that a signal may ask for it.
  static void put_back() {
    constexpr std::string_view kAsItWas = "\x1b[?7h\x1b[?25h\x1b[?1049l";
    std::ignore = ::write(STDOUT_FILENO, kAsItWas.data(), kAsItWas.size());
    if (keys_changed) {
      ::tcsetattr(STDIN_FILENO, TCSANOW, &keys_before);
    }
  }
  static void end(int /*signal*/) {
    put_back();
    ::_exit(kExitOk);
  }

  UniqueFd signals_;
  static inline termios keys_before{};
  static inline bool keys_changed = false;
};

int watch(const Look& look, Duration every) {
  const Screen screen;
  Screen::show("Asking the collectors ...\n");
  std::string report_text;  // the last that there was
  // The wait between two looks is the screen's, so that keys and signals end it.
  for (Duration over = report::LocalNode::kOver;; over = Duration{0}) {
    const auto report = look(over);
    if (report) {
      report_text = written(*report, Output::text);
    }
    const std::string text =
        report ? report_text
               : "kubecliff: " + console::printable(report.error().message) + "\n\n" + report_text;
    Screen::show(text);
    const Clock::time_point next = Clock::now() + every;
    for (Duration left = every; left > Duration{0};
         left = std::chrono::ceil<Duration>(next - Clock::now())) {
      const Screen::Why why = screen.wait(left);
      if (why == Screen::Why::ended) {
        return kExitOk;
      }
      if (why == Screen::Why::again) {
        Screen::show(text);
      }
    }
  }
}

}  // namespace

int run_report(const CommandLine& line, const SettingTable& table,
               std::span<const CollectorSpec> specs) {
  const auto output = parse_output(line.report.output);
  if (!output) {
    return refuse("report: --output: expected text, json or markdown, got \"" + line.report.output +
                  "\"; see kubecliff --help");
  }
  const auto top = top_of(line);
  if (!top) {
    return refuse_top("report", line.report.top);
  }
  const auto report_look = look(line, table, specs, *top);
  if (!report_look) {
    return refuse(report_look.error().message);
  }
  const auto report = (*report_look)(report::LocalNode::kOver);
  if (!report) {
    return refuse("report: " + console::printable(report.error().message),
                  exit_code(report.error()));
  }
  return print("report", written(*report, *output), exit_code(*report));
}

int run_watch(const CommandLine& line, const SettingTable& table,
              std::span<const CollectorSpec> specs) {
  const auto top = top_of(line);
  if (!top) {
    return refuse_top("watch", line.report.top);
  }
  const auto every =
      line.report.every.empty() ? std::optional{kEvery} : parse_duration(line.report.every);
  if (!every || *every < kLeastEvery || *every > kMostEvery) {
    return refuse("watch: --every: expected a duration from 1s to 1d, got \"" + line.report.every +
                  "\"; see kubecliff --help");
  }
  if (::isatty(STDOUT_FILENO) != 1) {
    return refuse("watch: expected a terminal; kubecliff report writes to anything");
  }
  const auto report_look = look(line, table, specs, *top);
  if (!report_look) {
    return refuse(report_look.error().message);
  }
  return watch(*report_look, *every);
}

}  // namespace kubecliff
