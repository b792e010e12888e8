#include "collectors/kernel/procfs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace kubecliff {

namespace {

UniqueFd open_file(const std::filesystem::path& path) {
  return UniqueFd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
}

// Reads from the start, into `text` in place of what it held. At zero, the kernel's sequential
// files begin anew.
Result<void> read_whole(const UniqueFd& file, const std::filesystem::path& path, std::size_t limit,
                        std::string& text) {
  constexpr std::size_t kChunk = 4096;

  std::size_t size = 0;
  text.resize(kChunk);
  while (true) {
    if (size == text.size()) {
      text.resize(std::max(kChunk, 2 * size));
    }
    const ssize_t count =
        ::pread(file.get(), text.data() + size, text.size() - size, static_cast<off_t>(size));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return fail_errno(errno, path.native());
    }
    size += static_cast<std::size_t>(count);
    if (count == 0) {
      text.resize(size);
      return {};
    }
    if (size > limit) {
      return fail(ErrorKind::malformed, path.native() + ": longer than it can be");
    }
  }
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
  const UniqueFd file = open_file(path);
  if (!file.valid()) {
    return fail_errno(errno, path.native());
  }
  std::string text;
  if (Result<void> read = read_whole(file, path, limit, text); !read) {
    return std::unexpected(std::move(read.error()));
  }
  return text;
}

Result<void> visit_lines(const std::filesystem::path& path,
                         const std::function<Result<void>(std::string_view line)>& visit) {
  const UniqueFd file = open_file(path);
  if (!file.valid()) {
    return fail_errno(errno, path.native());
  }
  std::string buffer(std::size_t{64} * 1024, '\0');
  std::size_t kept = 0;  // of the line that the last piece ended in
  while (true) {
    const ssize_t count = ::read(file.get(), buffer.data() + kept, buffer.size() - kept);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return fail_errno(errno, path.native());
    }
    std::string_view text{buffer.data(), kept + static_cast<std::size_t>(count)};
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
      if (Result<void> visited = visit(text.substr(0, end)); !visited) {
        return visited;
      }
      text.remove_prefix(end + 1);
    }
    if (count == 0) {
      return text.empty() ? Result<void>{} : visit(text);
    }
    if (text.size() == buffer.size()) {
      return fail(ErrorKind::malformed, path.native() + ": a line longer than it can be");
    }
    kept = text.size();
    std::memmove(buffer.data(), text.data(), kept);
  }
}

Result<std::optional<std::string>> read_if_present(const std::filesystem::path& path) {
  Result<std::string> text = read_file(path);
  if (text) {
    return std::move(*text);
  }
  return text.error().errno_value == ENOENT ? Result<std::optional<std::string>>{std::nullopt}
                                            : std::unexpected(std::move(text.error()));
}

Result<std::uint64_t> read_number(const std::filesystem::path& path) {
  return PolledFile{path}.read_number();
}

Result<std::string_view> PolledFile::read() {
  if (file_.valid() && read_whole(file_, path_, kMostBytes, text_)) {
    return text_;
  }
  file_ = open_file(path_);
  if (!file_.valid()) {
    return fail_errno(errno, path_.native());
  }
  if (Result<void> read = read_whole(file_, path_, kMostBytes, text_); !read) {
    return std::unexpected(std::move(read.error()));
  }
  return text_;
}

Result<std::uint64_t> PolledFile::read_number() {
  const Result<std::string_view> text = read();
  if (!text) {
    return std::unexpected(text.error());
  }
  const auto number = parse_number<std::uint64_t>(*text);
  if (!number) {
    return fail(ErrorKind::malformed, path_.native() + ": not a number");
  }
  return *number;
}

}  // namespace kubecliff
