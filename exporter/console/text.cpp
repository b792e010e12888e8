#include "exporter/console/text.h"

#include <algorithm>
#include <ranges>

namespace kubecliff::console {

std::string printable(std::string_view text, std::size_t most_bytes) {
  constexpr std::string_view kCut = "...";
  const bool is_cut = text.size() > most_bytes;
  std::string clean{text.substr(0, is_cut ? most_bytes - kCut.size() : most_bytes)};
  std::ranges::replace_if(clean, [](char byte) { return byte < ' ' || byte > '~'; }, '?');
  return is_cut ? clean.append(kCut) : clean;
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

std::string right_aligned(const std::string& text, std::size_t width) {
  return std::string(width - std::min(text.size(), width), ' ') + text;
}

std::string wrapped(std::string_view text, std::size_t column, std::size_t indent) {
  std::string out;
  for (const auto part : std::views::split(text, ' ')) {
    const std::string_view word{part.begin(), part.end()};
    if (word.empty()) {
      continue;
    }
    if (column + word.size() > kWidth && column > indent) {
      out.back() = '\n';
      out.append(indent, ' ');
      column = indent;
    }
    out.append(word).push_back(' ');
    column += word.size() + 1;
  }
  if (!out.empty()) {
    out.back() = '\n';
  }
  return out;
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) {
    text.insert(at - 3, ",");
  }
  return text;
}

std::string upper(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
  });
  return out;
}

}  // namespace kubecliff::console
