// JSON that is not trusted: a member of the right type, or nothing.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "collectors/core/result.h"

namespace kubecliff::kube {

using Json = nlohmann::json;

// An object; malformed where the text is anything else.
[[nodiscard]] inline Result<Json> parse_object(std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return fail(ErrorKind::malformed, "the API server's answer is no JSON object");
  }
  return json;
}

// Null where there is no such member, or `json` has none.
[[nodiscard]] inline const Json& member(const Json& json, const char* name) {
  static const Json none;
  if (!json.is_object()) {
    return none;
  }
  const auto found = json.find(name);
  return found == json.end() ? none : *found;
}

// Empty where it is no text.
[[nodiscard]] inline std::string text(const Json& json) {
  const auto* const value = json.get_ptr<const std::string*>();
  return value == nullptr ? "" : *value;
}

}  // namespace kubecliff::kube
