// Foreign text in HTML, XML and SVG. Pure functions.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

namespace kubecliff::markup {

inline constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

// For text and attribute values alike, in HTML and XML. U+FFFD stands in for what is not UTF-8, for
// control characters, line ends among them, and for what is not seen but changes how the rest
// reads: bidirectional controls, zero-width and format characters. Beyond `most` characters the
// text is cut, and ends in an ellipsis that counts as one of them.
[[nodiscard]] std::string escaped(std::string_view text, std::size_t most = kAll);

// How many characters of `escaped` text a reader sees.
[[nodiscard]] std::size_t characters(std::string_view text);

}  // namespace kubecliff::markup
