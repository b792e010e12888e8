#include "exporter/http/preferences.h"

#include <charconv>
#include <system_error>
#include <utility>

#include "collectors/core/split.h"
#include "exporter/http/ascii.h"

namespace kubecliff::http {
namespace {

// Negative where it is none.
double parse_quality(std::string_view text) {
  double quality = -1;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), quality, std::chars_format::fixed);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && quality >= 0 && quality <= 1 ? quality : -1;
}

}  // namespace

std::vector<Preference> parse_preferences(std::string_view header) {
  std::vector<Preference> preferences;
  for (const std::string_view entry : split(header, ",")) {
    const auto parts = split(entry, ";");
    Preference preference{.value = trimmed(parts.front())};
    if (preference.value.empty()) {
      continue;
    }
    for (auto part = parts.begin() + 1; part != parts.end(); ++part) {
      const std::string_view parameter = trimmed(*part);
      if (parameter.starts_with("q=") || parameter.starts_with("Q=")) {
        preference.quality = parse_quality(parameter.substr(2));
      } else if (!parameter.empty()) {
        preference.parameters.push_back(parameter);
      }
    }
    if (preference.quality >= 0) {
      preferences.push_back(std::move(preference));
    }
  }
  return preferences;
}

}  // namespace kubecliff::http
