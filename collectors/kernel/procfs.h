// Small text files of procfs and sysfs.
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/core/result.h"

namespace kubecliff {

// The whole file, at most `limit` bytes of it; a longer one is malformed. One open and as many
// reads as it takes; the error names the path.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path,
                                            std::size_t limit = std::size_t{1} << 20U);

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

}  // namespace kubecliff
