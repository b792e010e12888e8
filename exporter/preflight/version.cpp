#include "exporter/preflight/version.h"

#include <charconv>
#include <system_error>

namespace kubecliff::preflight {
namespace {

// Digits at the beginning of the text, which loses them.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, char sign) {
  if (!text.starts_with(sign)) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<Version> parse_version(std::string_view text) {
  (void)take(text, 'v');
  const auto major = take_number(text);
  if (!major || !take(text, '.')) {
    return std::nullopt;
  }
  const auto minor = take_number(text);
  if (!minor) {
    return std::nullopt;
  }
  Version version{.major = *major, .minor = *minor};
  if (take(text, '.')) {
    const auto patch = take_number(text);
    if (!patch) {
      return std::nullopt;
    }
    version.patch = *patch;
  }
  constexpr std::string_view kBeginsMore = "-+.~_ \n";
  const bool ends = text.empty() || kBeginsMore.find(text.front()) != std::string_view::npos;
  return ends ? std::optional{version} : std::nullopt;
}

std::string to_text(const Version& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor);
}

}  // namespace kubecliff::preflight
