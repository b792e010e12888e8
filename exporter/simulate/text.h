// Texts put together from parts, for the generators of rulesets.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace kubecliff::simulate {

inline std::string_view text_of(std::string_view part) {
  return part;
}
inline std::string text_of(std::integral auto part) {
  return std::to_string(part);
}

template <typename... Parts>
void append(std::string& to, const Parts&... parts) {
  (to.append(text_of(parts)), ...);
}

template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::string all;
  append(all, parts...);
  return all;
}

}  // namespace kubecliff::simulate
