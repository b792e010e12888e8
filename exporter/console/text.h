// Text for terminals: columns, wrapped words, and nothing in it that a terminal would act on.
// Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kubecliff::console {

inline constexpr std::size_t kWidth = 100;

// What is said of this machine and of itself is ASCII: other bytes become '?'. Longer than any
// sentence of ours is cut, and ends in "..." then, which is among `most_bytes`: at least 3.
inline constexpr std::size_t kMostBytes = 1'000;
[[nodiscard]] std::string printable(std::string_view text, std::size_t most_bytes = kMostBytes);

// Filled up with spaces, on the right or on the left.
[[nodiscard]] std::string padded(std::string text, std::size_t width);
[[nodiscard]] std::string right_aligned(const std::string& text, std::size_t width);

// Words in lines, of which the first goes on from `column` and the others begin at `indent`; ends
// with a newline where there is a word.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t column, std::size_t indent);

[[nodiscard]] std::string grouped(std::uint64_t number);  // 1,234,567
[[nodiscard]] std::string upper(std::string_view text);

}  // namespace kubecliff::console
