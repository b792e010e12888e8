// Names that anybody may have given, on their way into HTML.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "exporter/markup/escaped.h"

using kubecliff::markup::characters;
using kubecliff::markup::escaped;

namespace {

void expect(bool holds) {
  if (!holds) {
    std::abort();
  }
}

// Nothing that ends a text or an attribute, and nothing that controls what shows it.
bool is_tame(std::string_view text) {
  return std::ranges::none_of(text, [](char byte) {
    const auto value = static_cast<unsigned char>(byte);
    return value < 0x20 || value == 0x7F || byte == '<' || byte == '>' || byte == '"' ||
           byte == '\'';
  });
}

}  // namespace

// The first byte says how long the text may get.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::size_t most = data[0];
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};

  const std::string whole = escaped(text);
  expect(is_tame(whole));
  expect(characters(whole) <= text.size());
  // What was escaped is UTF-8: but for its ampersands it stays as it is.
  std::string without = whole;
  std::erase(without, '&');
  expect(escaped(without) == without);

  const std::string cut = escaped(text, most);
  expect(is_tame(cut));
  expect(characters(cut) == std::min(characters(whole), most));
  return 0;
}
