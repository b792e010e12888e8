// The programs whose runs are measured, told by their names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace kubecliff::restore {

enum class Command : std::uint8_t {
  iptables_restore,
  ip6tables_restore,
  iptables,
  ip6tables,
  nft,
  ipset,
  unknown,  // a program of xtables, gone before its command line was read
};
inline constexpr std::size_t kCommands = 7;

// Of the kernel, to which the program talks; unknown where nothing told.
enum class Backend : std::uint8_t { unknown, legacy, nft, ipset };
inline constexpr std::size_t kBackends = 4;

struct Tool {
  Command command{};
  Backend backend{};

  friend bool operator==(const Tool&, const Tool&) = default;
};

[[nodiscard]] std::string_view name(Command command);
[[nodiscard]] std::string_view name(Backend backend);

// From /proc/PID/cmdline, whose arguments end in NUL. Nothing for other programs, a script of a
// tool's name among them: that is a wrapper, which starts the tool or becomes it. Saving and
// translating are other programs.
[[nodiscard]] std::optional<Tool> tool_of_command_line(std::string_view cmdline);

// Whether it is an interpreter's, of a script that has a tool's name.
[[nodiscard]] bool is_wrapper(std::string_view cmdline);

// From the name that the kernel keeps of a task, at most 15 characters: enough but for programs of
// long names, which it cuts to the same.
[[nodiscard]] std::optional<Tool> tool_of_task_name(std::string_view comm);
// Whether a process of that name can run a tool: one of those, or the program of many names under
// its own.
[[nodiscard]] bool may_run_tool(std::string_view comm);

// From what /proc/PID/exe points to: tells the backend of programs whose name does not.
[[nodiscard]] Backend backend_of_executable(std::string_view path);

}  // namespace kubecliff::restore
