// Files of another process's file system, as /proc/PID/root leads to it: what that holds was put
// there by a container's maker. Its links, absolute ones too, end inside of it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "collectors/core/result.h"

namespace kubecliff::preflight {

// The whole file, at most `limit` bytes of it. Never waits, as for a FIFO's writer. Errors: denied
// (/proc/PID/root takes CAP_SYS_PTRACE), unavailable (no such file, or Linux before 5.6, which
// cannot hold links in), malformed (longer, or not a regular file); the message names the path.
[[nodiscard]] Result<std::string> read_below(const std::filesystem::path& root,
                                             const std::filesystem::path& path, std::size_t limit);

// A program of that name is in one of the folders that programs are in. Looks, and starts nothing.
[[nodiscard]] Result<bool> has_program(const std::filesystem::path& root, const std::string& name);

}  // namespace kubecliff::preflight
