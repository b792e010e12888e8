#include "exporter/alerting/delivery/text.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace kubecliff::delivery {

std::string to_rfc3339(WallClock::time_point time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(time - whole);
  const std::time_t since_epoch = WallClock::to_time_t(whole);
  std::tm parts{};
  ::gmtime_r(&since_epoch, &parts);
  std::array<char, 40> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%FT%T", &parts);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(rest.count()));
  return std::string{text.data(), size} + fraction.data();
}

std::uint64_t fingerprint(const Labels& labels) {
  constexpr std::uint64_t kOffset = 14'695'981'039'346'656'037U;
  constexpr std::uint64_t kPrime = 1'099'511'628'211U;
  constexpr unsigned kSeparator = 255;
  std::uint64_t sum = kOffset;
  const auto add = [&](unsigned byte) { sum = (sum ^ byte) * kPrime; };
  for (const auto& [name, value] : labels) {
    for (const std::string_view text : {std::string_view{name}, std::string_view{value}}) {
      for (const char byte : text) {
        add(static_cast<unsigned char>(byte));
      }
      add(kSeparator);
    }
  }
  return sum;
}

std::string to_hex(std::uint64_t number) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = text.size(); i > 0; number >>= 4U) {
    text[--i] = kDigits[number & 0xFU];
  }
  return text;
}

std::string shortened(std::string_view text, std::size_t most) {
  constexpr std::string_view kMore = "…";
  if (text.size() <= most) {
    return std::string{text};
  }
  std::size_t size = most - kMore.size();
  // Bytes within a character are 10xxxxxx.
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
    --size;
  }
  return std::string{text.substr(0, size)} + std::string{kMore};
}

std::string to_text(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace kubecliff::delivery
