#include "collectors/restore/tool.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace kubecliff::restore {
namespace {

// As /proc/PID/cmdline holds it: each argument ends in NUL.
std::string cmdline(const std::vector<std::string>& arguments) {
  std::string text;
  for (const std::string& argument : arguments) {
    text += argument + '\0';
  }
  return text;
}

constexpr Tool kRestore{Command::iptables_restore, Backend::unknown};

TEST(ToolOfCommandLine, IsToldByTheLastPartOfTheFirstArgument) {
  EXPECT_EQ(tool_of_command_line(cmdline({"iptables-restore", "-w", "5"})), kRestore);
  EXPECT_EQ(tool_of_command_line(cmdline({"/usr/sbin/iptables-restore"})), kRestore);
  EXPECT_EQ(tool_of_command_line("iptables-restore"), kRestore);
  EXPECT_EQ(tool_of_command_line(cmdline({"ip6tables-legacy-restore"})),
            (Tool{Command::ip6tables_restore, Backend::legacy}));
  EXPECT_EQ(tool_of_command_line(cmdline({"ip6tables-nft", "-L"})),
            (Tool{Command::ip6tables, Backend::nft}));
  EXPECT_EQ(tool_of_command_line(cmdline({"nft", "-f", "-"})), (Tool{Command::nft, Backend::nft}));
  EXPECT_EQ(tool_of_command_line(cmdline({"ipset", "restore"})),
            (Tool{Command::ipset, Backend::ipset}));
}

TEST(ToolOfCommandLine, OfAProgramOfManyNamesIsTheOneThatIsAskedFor) {
  EXPECT_EQ(tool_of_command_line(cmdline({"/usr/sbin/xtables-nft-multi", "iptables-restore"})),
            (Tool{Command::iptables_restore, Backend::nft}));
  EXPECT_EQ(tool_of_command_line(cmdline({"xtables-legacy-multi", "ip6tables", "-L"})),
            (Tool{Command::ip6tables, Backend::legacy}));
  EXPECT_EQ(tool_of_command_line(cmdline({"xtables-nft-multi", "iptables-save"})), std::nullopt);
  EXPECT_EQ(tool_of_command_line(cmdline({"xtables-nft-multi"})), std::nullopt);
  EXPECT_EQ(tool_of_command_line(cmdline({"xtables-legacy-multi", "nft"})), std::nullopt);
}

TEST(ToolOfCommandLine, WrappersReadersAndOthersAreNone) {
  EXPECT_EQ(tool_of_command_line(cmdline({"/bin/sh", "/usr/sbin/iptables-restore"})), std::nullopt);
  EXPECT_EQ(tool_of_command_line(cmdline({"ip", "netns", "exec", "x", "iptables"})), std::nullopt);
  EXPECT_EQ(tool_of_command_line(cmdline({"iptables-save"})), std::nullopt);
  EXPECT_EQ(tool_of_command_line(cmdline({"iptables-restore-translate"})), std::nullopt);
  EXPECT_EQ(tool_of_command_line(cmdline({"/usr/sbin/nft/"})), std::nullopt);
  EXPECT_EQ(tool_of_command_line(""), std::nullopt);
  EXPECT_EQ(tool_of_command_line(std::string(1, '\0')), std::nullopt);
}

TEST(IsWrapper, IsAnInterpreterWithAToolsScript) {
  EXPECT_TRUE(is_wrapper(cmdline({"/bin/sh", "/usr/sbin/iptables-restore", "-w"})));
  EXPECT_FALSE(is_wrapper(cmdline({"/bin/sh", "-c", "iptables-restore"})));
  EXPECT_FALSE(is_wrapper(cmdline({"iptables-restore"})));
  EXPECT_FALSE(is_wrapper(""));
}

TEST(ToolOfTaskName, IsToldByWhatTheKernelLeavesOfTheName) {
  EXPECT_EQ(tool_of_task_name("iptables-restor"), kRestore);
  EXPECT_EQ(tool_of_task_name("ip6tables-resto")->command, Command::ip6tables_restore);
  EXPECT_EQ(tool_of_task_name("iptables-nft-re"), (Tool{Command::iptables_restore, Backend::nft}));
  EXPECT_EQ(tool_of_task_name("nft"), (Tool{Command::nft, Backend::nft}));
}

TEST(ToolOfTaskName, OfWhatMayBeTwoProgramsTheBackendIsKnown) {
  EXPECT_EQ(tool_of_task_name("iptables-legacy"),  // or iptables-legacy-restore
            (Tool{Command::unknown, Backend::legacy}));
}

TEST(ToolOfTaskName, OthersAreNone) {
  EXPECT_EQ(tool_of_task_name("iptables-nft-sa"), std::nullopt);
  EXPECT_EQ(tool_of_task_name("xtables-nft-mul"), std::nullopt);
  EXPECT_EQ(tool_of_task_name(""), std::nullopt);
}

TEST(MayRunTool, IsTrueOfToolsAndOfTheProgramOfManyNames) {
  EXPECT_TRUE(may_run_tool("iptables-restor"));
  EXPECT_TRUE(may_run_tool("xtables-legacy-"));
  EXPECT_TRUE(may_run_tool("nft"));
  EXPECT_FALSE(may_run_tool("bash"));
  EXPECT_FALSE(may_run_tool("nftables"));
  EXPECT_FALSE(may_run_tool(""));
}

TEST(BackendOfExecutable, IsToldByTheProgramBehindTheNames) {
  EXPECT_EQ(backend_of_executable("/usr/sbin/xtables-nft-multi"), Backend::nft);
  EXPECT_EQ(backend_of_executable("/sbin/xtables-legacy-multi"), Backend::legacy);
  EXPECT_EQ(backend_of_executable("/usr/sbin/iptables"), Backend::unknown);
  EXPECT_EQ(backend_of_executable(""), Backend::unknown);
}

}  // namespace
}  // namespace kubecliff::restore
