#include "collectors/restore/process_table.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <system_error>

#include "collectors/kernel/process_stat.h"
#include "collectors/kernel/procfs.h"

namespace kubecliff::restore {
namespace {

// Of a command line only its beginning matters, and a tool's is short.
constexpr std::size_t kMostCommandLine = 1'024;

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
  return stat ? std::optional{stat->start -
                              (read_clock(CLOCK_BOOTTIME) - read_clock(CLOCK_MONOTONIC))}
              : std::nullopt;
}

Result<void> ProcessTable::scan(
    const std::function<void(std::uint32_t pid, Tool tool)>& visit) const {
  return visit_processes(procfs_, [&](std::uint32_t pid, std::string_view name) {
    if (!may_run_tool(name)) {
      return;
    }
    if (const Identity identity = identify(pid); identity.look == Look::tool) {
      visit(pid, identity.tool);
    }
  });
}

}  // namespace kubecliff::restore
