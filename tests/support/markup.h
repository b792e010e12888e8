// What is read off HTML and SVG, by a parser that is not ours.
#pragma once

#include <string_view>

#include "collectors/core/result.h"

namespace kubecliff::test {

// The error says where the text is no well-formed XML, by Python's expat.
[[nodiscard]] Result<void> well_formed(std::string_view xml);

// By WCAG 2, from 1 to 21, of colours written as "#0b5cad".
[[nodiscard]] double contrast(std::string_view one, std::string_view other);

}  // namespace kubecliff::test
