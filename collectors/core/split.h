// Lists within texts.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace kubecliff {

// The parts between separators; one empty part for an empty text.
[[nodiscard]] inline std::vector<std::string_view> split(std::string_view text,
                                                         std::string_view separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(at + separator.size());
  }
}

}  // namespace kubecliff
