// FileId: which file, by what the kernel calls it where it names no path.
#pragma once

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <compare>
#include <cstdint>
#include <optional>

namespace kubecliff::restore {

struct FileId {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint64_t inode = 0;

  friend auto operator<=>(const FileId&, const FileId&) = default;
};

// Nothing where there is no such file, or it may not be seen. Follows links.
[[nodiscard]] inline std::optional<FileId> find_file(const char* path) {
  struct stat status{};
  if (::stat(path, &status) != 0) {
    return std::nullopt;
  }
  return FileId{
      .major = major(status.st_dev), .minor = minor(status.st_dev), .inode = status.st_ino};
}

}  // namespace kubecliff::restore
