// Small text files of procfs and sysfs.
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "collectors/core/result.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff {

// Longer than any file that is read by these.
inline constexpr std::size_t kMostBytes = std::size_t{1} << 20U;

// The whole file, at most `limit` bytes of it; a longer one is malformed. One open and as many
// reads as it takes; the error names the path.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path,
                                            std::size_t limit = kMostBytes);

// The same; nothing where there is no such file: which there are is for kernels to differ in.
[[nodiscard]] Result<std::optional<std::string>> read_if_present(const std::filesystem::path& path);

// A file of any length, line by line, without its newlines: it is never whole in memory. Files that
// the kernel makes as they are read come in pieces of a page. Ends early with the visitor's error;
// a line of more than 64 KiB is malformed.
[[nodiscard]] Result<void> visit_lines(
    const std::filesystem::path& path,
    const std::function<Result<void>(std::string_view line)>& visit);

// A decimal number (hexadecimal with base 16) and nothing else, white space at the end aside.
template <std::integral T>
[[nodiscard]] std::optional<T> parse_number(std::string_view text, int base = 10) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// A file that holds one number, as those below /proc/sys do.
[[nodiscard]] Result<std::uint64_t> read_number(const std::filesystem::path& path);

// A file that is read again and again. It stays open, which spares the walk along its path: that
// costs more than reading a short file. Where reading fails, as it does once the kernel has taken
// the file away, it is opened anew, so a module may go and come back. Not thread-safe.
class PolledFile {
 public:
  explicit PolledFile(std::filesystem::path path) : path_{std::move(path)} {}

  // The whole file as it is now, under the rules of read_file(); good until the next read.
  [[nodiscard]] Result<std::string_view> read();
  [[nodiscard]] Result<std::uint64_t> read_number();

 private:
  std::filesystem::path path_;
  UniqueFd file_;
  std::string text_;
};

}  // namespace kubecliff
