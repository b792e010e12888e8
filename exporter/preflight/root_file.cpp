#include "exporter/preflight/root_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>

#include "collectors/kernel/unique_fd.h"

namespace kubecliff::preflight {
namespace {

Result<UniqueFd> open_root(const std::filesystem::path& root) {
  UniqueFd folder{::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  return folder.valid() ? Result<UniqueFd>{std::move(folder)} : fail_errno(errno, root.native());
}

// The error is errno's.
UniqueFd open_below(const UniqueFd& root, const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return UniqueFd{
      static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof(how)))};
}

}  // namespace

Result<std::string> read_below(const std::filesystem::path& root, const std::filesystem::path& path,
                               std::size_t limit) {
  const auto folder = open_root(root);
  if (!folder) {
    return std::unexpected(folder.error());
  }
  const UniqueFd file = open_below(*folder, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat status{};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) {
    return fail_errno(errno, path.native());
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorKind::malformed, path.native() + ": not a file");
  }

  std::string text(limit + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = ::read(file.get(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return fail_errno(errno, path.native());
    }
    if (count == 0) {
      text.resize(size);
      return text;
    }
    size += static_cast<std::size_t>(count);
  }
  return fail(ErrorKind::malformed, path.native() + ": longer than it can be");
}

Result<bool> has_program(const std::filesystem::path& root, const std::string& name) {
  const auto folder = open_root(root);
  if (!folder) {
    return std::unexpected(folder.error());
  }
  constexpr std::array<std::string_view, 6> kFolders{"usr/sbin", "sbin",           "usr/bin",
                                                     "bin",      "usr/local/sbin", "usr/local/bin"};
  for (const std::string_view programs : kFolders) {
    const std::string path = std::string{programs} + "/" + name;
    if (open_below(*folder, path, O_PATH).valid()) {
      return true;
    }
    if (errno != ENOENT && errno != ENOTDIR) {
      return fail_errno(errno, (root / path).native());
    }
  }
  return false;
}

}  // namespace kubecliff::preflight
