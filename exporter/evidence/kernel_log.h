// Records of /dev/kmsg: those that matter here, as dmesg prints them. Pure functions.
// Source: Documentation/ABI/testing/dev-kmsg.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kubecliff::evidence {

// "[12345.678901] nf_conntrack: table full, dropping packet"; nothing for a record about anything
// but connection tracking, netfilter, neighbours and memory, and for one that is broken.
[[nodiscard]] std::optional<std::string> log_line(std::string_view record);

// The program that a line on memory names, which is somebody's name; empty where it names none.
[[nodiscard]] std::string_view program_in(std::string_view line);

}  // namespace kubecliff::evidence
