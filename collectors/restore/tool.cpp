#include "collectors/restore/tool.h"

#include <string>

namespace kubecliff::restore {
namespace {

// What TASK_COMM_LEN leaves of a name.
constexpr std::size_t kMostComm = 15;

constexpr std::array<std::string_view, kCommands> kCommandNames{
    "iptables-restore", "ip6tables-restore", "iptables", "ip6tables", "nft", "ipset", "unknown"};
constexpr std::array<std::string_view, kBackends> kBackendNames{"unknown", "legacy", "nft",
                                                                "ipset"};

struct Program {
  std::string_view name;
  Tool tool;
};
constexpr std::array kPrograms{
    Program{"iptables-restore", {Command::iptables_restore, Backend::unknown}},
    Program{"iptables-legacy-restore", {Command::iptables_restore, Backend::legacy}},
    Program{"iptables-nft-restore", {Command::iptables_restore, Backend::nft}},
    Program{"ip6tables-restore", {Command::ip6tables_restore, Backend::unknown}},
    Program{"ip6tables-legacy-restore", {Command::ip6tables_restore, Backend::legacy}},
    Program{"ip6tables-nft-restore", {Command::ip6tables_restore, Backend::nft}},
    Program{"iptables", {Command::iptables, Backend::unknown}},
    Program{"iptables-legacy", {Command::iptables, Backend::legacy}},
    Program{"iptables-nft", {Command::iptables, Backend::nft}},
    Program{"ip6tables", {Command::ip6tables, Backend::unknown}},
    Program{"ip6tables-legacy", {Command::ip6tables, Backend::legacy}},
    Program{"ip6tables-nft", {Command::ip6tables, Backend::nft}},
    Program{"nft", {Command::nft, Backend::nft}},
    Program{"ipset", {Command::ipset, Backend::ipset}},
};

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::optional<Tool> find(std::string_view name) {
  for (const Program& program : kPrograms) {
    if (program.name == name) {
      return program.tool;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(Command command) {
  return kCommandNames[static_cast<std::size_t>(command)];
}

std::string_view name(Backend backend) {
  return kBackendNames[static_cast<std::size_t>(backend)];
}

std::optional<Tool> tool_of_command_line(std::string_view cmdline) {
  const std::size_t end = cmdline.find('\0');
  const std::string_view program = base_name(cmdline.substr(0, end));
  const Backend backend = backend_of_executable(program);
  if (backend == Backend::unknown || end == std::string_view::npos) {
    return find(program);
  }
  // The program of many names, called by its own: the name is its first argument.
  const std::string_view rest = cmdline.substr(end + 1);
  std::optional<Tool> tool = find(rest.substr(0, rest.find('\0')));
  if (!tool || tool->command == Command::nft || tool->command == Command::ipset) {
    return std::nullopt;
  }
  tool->backend = backend;
  return tool;
}

bool is_wrapper(std::string_view cmdline) {
  const std::size_t end = cmdline.find('\0');
  if (end == std::string_view::npos) {
    return false;
  }
  const std::string_view rest = cmdline.substr(end + 1);
  return find(base_name(rest.substr(0, rest.find('\0')))).has_value();
}

std::optional<Tool> tool_of_task_name(std::string_view comm) {
  std::optional<Tool> tool;
  for (const Program& program : kPrograms) {
    if (program.name.substr(0, kMostComm) != comm) {
      continue;
    }
    if (tool && tool->command != program.tool.command) {
      return Tool{Command::unknown, program.tool.backend};
    }
    tool = program.tool;
  }
  return tool;
}

bool may_run_tool(std::string_view comm) {
  return comm.starts_with("xtables-") || tool_of_task_name(comm).has_value();
}

Backend backend_of_executable(std::string_view path) {
  const std::string_view program = base_name(path);
  if (program == "xtables-nft-multi") {
    return Backend::nft;
  }
  return program == "xtables-legacy-multi" || program == "xtables-multi" ? Backend::legacy
                                                                         : Backend::unknown;
}

}  // namespace kubecliff::restore
