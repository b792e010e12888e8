// The reference tools, run as a person would run them, without a shell.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"
#include "tests/support/backend.h"

namespace kubecliff::test {

struct ToolRun {
  int exit_status = 0;  // 128 and the signal's number for one that a signal ended
  std::string out;
  std::string err;
  std::chrono::microseconds wall{};
  std::chrono::microseconds cpu{};  // user and system
};

// Runs argv[0], found on PATH or in the sbin directories, feeds it `input` and waits for its end.
// It is killed when it outlives `limit`, and the error is then a timeout. Any exit status is a
// success here. The tool runs in the calling thread's network namespace.
[[nodiscard]] Result<ToolRun> run_tool(const std::vector<std::string>& argv,
                                       std::string_view input = {},
                                       std::chrono::milliseconds limit = std::chrono::minutes{2});

// What it said; throws where it could not be run, or has another exit status than 0.
std::string must_run(const std::vector<std::string>& argv, std::string_view input = {});

// "iptables-legacy-restore", "ip6tables-nft-save" and so on.
[[nodiscard]] std::string tool_name(Backend backend, Family family, std::string_view verb);

enum class Flush : std::uint8_t {
  all,   // what the tables in the input held is gone
  none,  // --noflush
};

// From here on an exit status other than 0 is an error whose message ends in what the tool said.

[[nodiscard]] Result<ToolRun> restore(Backend backend, Family family, std::string_view input,
                                      Flush flush = Flush::all);

// Every table that exists, as iptables-save prints it; never makes the kernel create one.
[[nodiscard]] Result<std::string> save(Backend backend, Family family);

// nft({"-f", "-"}, script); conntrack({"-C"}).
[[nodiscard]] Result<ToolRun> nft(std::vector<std::string> arguments, std::string_view input = {});
[[nodiscard]] Result<ToolRun> conntrack(std::vector<std::string> arguments);

}  // namespace kubecliff::test
