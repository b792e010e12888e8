#include "collectors/kernel/procfs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "collectors/kernel/unique_fd.h"

namespace kubecliff {

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
  constexpr std::size_t kChunk = 4096;

  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file.valid()) {
    return fail_errno(errno, path.native());
  }
  std::string text;
  while (true) {
    const std::size_t size = text.size();
    text.resize(size + std::max(kChunk, size));
    const ssize_t count = ::read(file.get(), text.data() + size, text.size() - size);
    if (count < 0 && errno != EINTR) {
      return fail_errno(errno, path.native());
    }
    text.resize(size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) {
      return text;
    }
    if (text.size() > limit) {
      return fail(ErrorKind::malformed, path.native() + ": longer than it can be");
    }
  }
}

Result<std::uint64_t> read_number(const std::filesystem::path& path) {
  const Result<std::string> text = read_file(path);
  if (!text) {
    return std::unexpected(text.error());
  }
  const auto number = parse_number<std::uint64_t>(*text);
  if (!number) {
    return fail(ErrorKind::malformed, path.native() + ": not a number");
  }
  return *number;
}

}  // namespace kubecliff
