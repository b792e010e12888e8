#include "collectors/restore/process_table.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <string>
#include <string_view>
#include <system_error>

#include "collectors/kernel/process_stat.h"
#include "collectors/kernel/procfs.h"

namespace kubecliff::restore {
namespace {

// Of a command line only its beginning matters, and a tool's is short.
constexpr std::size_t kMostCommandLine = 1'024;

Time now(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

}  // namespace

std::filesystem::path ProcessTable::of(std::uint32_t pid, const char* file) const {
  return procfs_ / std::to_string(pid) / file;
}

ProcessTable::Identity ProcessTable::identify(std::uint32_t pid) const {
  std::array<char, kMostCommandLine> text;
  const UniqueFd file{::open(of(pid, "cmdline").c_str(), O_RDONLY | O_CLOEXEC)};
  const ssize_t size = file.valid() ? ::read(file.get(), text.data(), text.size()) : 0;
  // A process that ends has an empty one.
  if (size <= 0) {
    return {};
  }
  const std::string_view cmdline{text.data(), static_cast<std::size_t>(size)};
  std::optional<Tool> tool = tool_of_command_line(cmdline);
  const std::filesystem::path executable = of(pid, "exe");
  if (!tool) {
    return is_wrapper(cmdline)
               ? Identity{.look = Look::wrapper, .executable = find_file(executable.c_str())}
               : Identity{.look = Look::other};
  }
  if (tool->backend == Backend::unknown) {
    std::error_code error;
    tool->backend =
        backend_of_executable(std::filesystem::read_symlink(executable, error).native());
  }
  return {.look = Look::tool, .tool = *tool, .executable = find_file(executable.c_str())};
}

std::optional<Time> ProcessTable::start(std::uint32_t pid) const {
  const Result<std::string> text = read_file(of(pid, "stat"));
  const auto stat = text ? decode_process_stat(*text) : std::nullopt;
  return stat ? std::optional{stat->start - (now(CLOCK_BOOTTIME) - now(CLOCK_MONOTONIC))}
              : std::nullopt;
}

Result<void> ProcessTable::scan(
    const std::function<void(std::uint32_t pid, Tool tool)>& visit) const {
  std::error_code error;
  for (std::filesystem::directory_iterator entry{procfs_, error}, end; !error && entry != end;
       entry.increment(error)) {
    const auto pid = parse_number<std::uint32_t>(entry->path().filename().native());
    // Asked first: a command line has to be waited for while its process changes its memory.
    Result<std::string> name = pid ? read_file(of(*pid, "comm")) : std::string{};
    if (!name || !may_run_tool(name->substr(0, name->find('\n')))) {
      continue;
    }
    if (const Identity identity = identify(*pid); identity.look == Look::tool) {
      visit(*pid, identity.tool);
    }
  }
  return error ? fail_errno(error.value(), "list processes in " + procfs_.native())
               : Result<void>{};
}

}  // namespace kubecliff::restore
