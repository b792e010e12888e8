// What tools that we run read and write. pipe2(2), memfd_create(2).
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>

#include "collectors/core/result.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

[[nodiscard]] inline Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail_errno(errno, "pipe2");
  }
  return Pipe{.read = UniqueFd{ends[0]}, .write = UniqueFd{ends[1]}};
}

// A file without a name, at its beginning. Rather than a pipe: a tool that does not read all of it
// cannot block or end us.
[[nodiscard]] inline Result<UniqueFd> file_with(std::string_view text) {
  UniqueFd file{::memfd_create("input", MFD_CLOEXEC)};
  if (!file.valid()) {
    return fail_errno(errno, "memfd_create");
  }
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0) {
      return fail_errno(errno, "write a tool's input");
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) {
    return fail_errno(errno, "rewind a tool's input");
  }
  return file;
}

}  // namespace kubecliff
