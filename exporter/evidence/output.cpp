#include "exporter/evidence/output.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace kubecliff::evidence {
namespace {

bool is_taken(const std::filesystem::path& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

std::unexpected<Error> is_there(const std::filesystem::path& path) {
  return fail(ErrorKind::unavailable, EEXIST,
              path.native() + ": is there already, and is not written over");
}

}  // namespace

OutputFile::OutputFile(UniqueFd fd, std::filesystem::path path, std::filesystem::path temporary)
    : fd_{std::move(fd)}, path_{std::move(path)}, temporary_{std::move(temporary)} {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : fd_{std::move(other.fd_)},
      path_{std::move(other.path_)},
      temporary_{std::exchange(other.temporary_, {})} {}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) {
    ::unlink(temporary_.c_str());
  }
}

Result<OutputFile> OutputFile::create(std::filesystem::path path) {
  if (is_taken(path)) {
    return is_there(path);
  }
  std::string temporary = path.native() + ".XXXXXX";
  UniqueFd fd{::mkostemp(temporary.data(), O_CLOEXEC)};  // mode 0600
  if (!fd.valid()) {
    return fail_errno(errno, path.native());
  }
  return OutputFile{std::move(fd), std::move(path), std::move(temporary)};
}

Result<void> OutputFile::write(std::string_view piece) {
  return write_whole(fd_.get(), piece, path_.native());
}

Result<void> OutputFile::keep() {
  if (::fsync(fd_.get()) != 0 && errno != EINVAL) {
    return fail_errno(errno, path_.native());
  }
  int renamed =
      ::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE);
  // Not every file system knows that flag.
  if (renamed != 0 && errno == EINVAL) {
    renamed = ::link(temporary_.c_str(), path_.c_str());
    if (renamed == 0) {
      ::unlink(temporary_.c_str());
    }
  }
  if (renamed != 0) {
    return errno == EEXIST ? is_there(path_) : fail_errno(errno, path_.native());
  }
  temporary_.clear();
  return {};
}

Result<void> write_whole(int descriptor, std::string_view piece, std::string_view name) {
  while (!piece.empty()) {
    const ssize_t written = ::write(descriptor, piece.data(), piece.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      return fail_errno(errno, name);
    }
    piece.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace kubecliff::evidence
