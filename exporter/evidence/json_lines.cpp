#include "exporter/evidence/json_lines.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <random>

#include "collectors/core/split.h"

namespace kubecliff::evidence {

std::string clean(std::string_view text) {
  constexpr std::size_t kMost = 256;
  std::string out{text.substr(0, kMost)};
  std::ranges::replace_if(
      out, [](char byte) { return static_cast<unsigned char>(byte) < ' ' || byte == '\x7f'; }, '?');
  const bool ascii =
      std::ranges::none_of(out, [](char byte) { return static_cast<unsigned char>(byte) >= 0x80; });
  return ascii ? out : Json::parse(to_line(Json(out))).get<std::string>();
}

std::string address_text(Bytes address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool ipv4 = address.size() == sizeof(in_addr);
  if (!ipv4 && address.size() != sizeof(in6_addr)) {
    return {};
  }
  ::inet_ntop(ipv4 ? AF_INET : AF_INET6, address.data(), text.data(), text.size());
  return text.data();
}

std::string hex_text(Bytes bytes, std::string_view between) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    const auto value = std::to_integer<unsigned>(byte);
    text += text.empty() ? std::string_view{} : between;
    text += kDigits[value >> 4U];
    text += kDigits[value & 0xfU];
  }
  return text;
}

std::string to_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void Lines::add(const Json& json) {
  add_text(to_line(json));
}

void Lines::add_text(std::string_view line) {
  ++all_;
  full_ = full_ || text_.size() + line.size() + 1 > most_bytes_;
  if (!full_) {
    text_.append(line).push_back('\n');
    ++kept_;
  }
}

void Lines::back_to(const Point& point) {
  text_.resize(point.bytes);
  all_ = point.all;
  kept_ = point.kept;
  full_ = point.full;
}

void Names::add(std::string_view phrase) {
  while (!phrase.empty()) {
    const std::size_t end = std::min(phrase.find(' '), phrase.size());
    if (end > 0 && names_.size() < kMost) {
      names_.insert(clean(phrase.substr(0, end)));
    }
    overflowed_ = overflowed_ || names_.size() == kMost;
    phrase.remove_prefix(std::min(end + 1, phrase.size()));
  }
}

void Names::add_parts(std::string_view path) {
  for (const std::string_view part : split(path, "/")) {
    add(part);
  }
}

std::vector<std::string> Names::take() {
  std::vector<std::string> names{names_.begin(), names_.end()};
  std::random_device random;
  std::ranges::shuffle(names, random);
  return names;
}

}  // namespace kubecliff::evidence
