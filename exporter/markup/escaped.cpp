#include "exporter/markup/escaped.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace kubecliff::markup {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

struct Decoded {
  char32_t character = 0;
  std::size_t bytes = 1;  // that it takes; of what is malformed one
  bool well_formed = false;
};

constexpr Decoded kMalformed{};

std::uint8_t byte_at(std::string_view text, std::size_t index) {
  return static_cast<std::uint8_t>(text[index]);
}

// RFC 3629: neither overlong forms nor surrogates nor what lies beyond U+10FFFF.
Decoded decode(std::string_view text) {
  const std::uint8_t first = byte_at(text, 0);
  if (first < 0x80) {
    return {.character = first, .bytes = 1, .well_formed = true};
  }
  const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < bytes) {
    return kMalformed;
  }
  char32_t character = first & (0xFFU >> (bytes + 1));
  for (std::size_t index = 1; index < bytes; ++index) {
    const std::uint8_t next = byte_at(text, index);
    if ((next & 0xC0U) != 0x80) {
      return kMalformed;
    }
    character = character << 6U | (next & 0x3FU);
  }
  constexpr std::array<char32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = character >= 0xD800 && character <= 0xDFFF;
  if (character < kLeast.at(bytes) || is_surrogate || character > 0x10FFFF) {
    return kMalformed;
  }
  return {.character = character, .bytes = bytes, .well_formed = true};
}

bool can_be_shown(char32_t character) {
  struct Span {
    char32_t first;
    char32_t last;
  };
  constexpr std::array kHidden{
      Span{0x00, 0x1F},        // C0 controls
      Span{0x7F, 0x9F},        // DEL, C1 controls
      Span{0xAD, 0xAD},        // soft hyphen
      Span{0x61C, 0x61C},      // Arabic letter mark
      Span{0x180E, 0x180E},    // Mongolian vowel separator
      Span{0x200B, 0x200F},    // zero-width, left-to-right and right-to-left marks
      Span{0x2028, 0x202E},    // line and paragraph separators, embeddings and overrides
      Span{0x2060, 0x206F},    // word joiner, isolates, deprecated formats
      Span{0xFDD0, 0xFDEF},    // no characters
      Span{0xFEFF, 0xFEFF},    // byte order mark
      Span{0xFFF9, 0xFFFB},    // interlinear annotation
      Span{0xFFFE, 0xFFFF},    // not allowed in XML
      Span{0xE0000, 0xE0FFF},  // tags, variation selectors
  };
  return (character & 0xFFFEU) != 0xFFFE && std::ranges::none_of(kHidden, [=](const Span& span) {
           return span.first <= character && character <= span.last;
         });
}

std::string_view shown(std::string_view text, const Decoded& decoded) {
  if (!decoded.well_formed || !can_be_shown(decoded.character)) {
    return kReplacement;
  }
  switch (decoded.character) {
    case U'&':
      return "&amp;";
    case U'<':
      return "&lt;";
    case U'>':
      return "&gt;";
    case U'"':
      return "&quot;";
    case U'\'':
      return "&#39;";
    default:
      return text.substr(0, decoded.bytes);
  }
}

}  // namespace

std::string escaped(std::string_view text, std::size_t most) {
  std::string out;
  out.reserve(std::min(text.size(), most));
  std::size_t before_last = 0;  // where `out` is to be cut, if there is more than `most`
  for (std::size_t written = 0; !text.empty(); ++written) {
    if (written == most) {
      out.resize(before_last);
      out += most > 0 ? kEllipsis : "";
      break;
    }
    const Decoded decoded = decode(text);
    before_last = out.size();
    out += shown(text, decoded);
    text.remove_prefix(decoded.bytes);
  }
  return out;
}

std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  bool in_entity = false;
  for (const char byte : text) {
    const bool continues = (static_cast<std::uint8_t>(byte) & 0xC0U) == 0x80;
    count += in_entity || continues ? 0 : 1;
    in_entity = in_entity ? byte != ';' : byte == '&';
  }
  return count;
}

}  // namespace kubecliff::markup
