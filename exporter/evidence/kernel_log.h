// Records of /dev/kmsg: those that matter here, as dmesg prints them. Pure functions.
// Source: Documentation/ABI/testing/dev-kmsg; the lines on memory are of mm/oom_kill.c,
// mm/page_alloc.c and mm/memcontrol.c.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kubecliff::evidence {

// "[12345.678901] nf_conntrack: table full, dropping packet"; nothing for a record about anything
// but connection tracking, netfilter, neighbours and memory, and for one that is broken.
[[nodiscard]] std::optional<std::string> log_line(std::string_view record);

// What a line on memory names that is somebody's: programs, and control groups, part by part.
[[nodiscard]] std::vector<std::string_view> names_in(std::string_view line);

}  // namespace kubecliff::evidence
