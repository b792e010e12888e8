#include "exporter/evidence/recognise.h"

#include <arpa/inet.h>

#include <charconv>
#include <system_error>

namespace kubecliff::evidence {
namespace {

constexpr std::size_t kShortestId = 24;

// With dashes or underscores.
bool is_uuid(std::string_view text) {
  constexpr std::array<std::size_t, 4> kDashes{8, 13, 18, 23};
  return std::ranges::count_if(text, is_hex) == 32 &&
         std::ranges::all_of(kDashes,
                             [text](std::size_t at) { return text[at] == '-' || text[at] == '_'; });
}

// "aa:bb:cc:dd:ee:ff", or more of that, as in a logged packet's header.
bool is_hardware_address(std::string_view run) {
  if (run.size() < 17 || (run.size() + 1) % 3 != 0) {
    return false;
  }
  for (std::size_t i = 0; i < run.size(); ++i) {
    if (i % 3 == 2 ? run[i] != ':' : !is_hex(run[i])) {
      return false;
    }
  }
  return true;
}

bool is_hash(std::string_view text) {
  return std::ranges::all_of(
      text, [](char byte) { return (byte >= 'A' && byte <= 'Z') || (byte >= '2' && byte <= '7'); });
}

// How long the address at the front of `text` is that has colons, of IPv6 or of hardware; 0: none.
std::size_t colons_size(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  std::string_view rest = text.substr(0, kLongest);
  std::string_view run =
      take_while(rest, [](char byte) { return is_hex(byte) || byte == ':' || byte == '.'; });
  if (std::ranges::count(run, ':') < 2) {
    return 0;
  }
  for (; run.size() >= 2; run.remove_suffix(1)) {
    // A part of a word is not the end of an address.
    const bool ends = run.size() == text.size() || !is_hex(text[run.size()]);
    if (is_hardware_address(run) || (ends && parse_ipv6(run))) {
      return run.size();
    }
  }
  return 0;
}

}  // namespace

std::optional<Ipv4> parse_ipv4(std::string_view text, std::size_t& size) {
  Ipv4 address{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t i = 0; i < address.size(); ++i) {
    if (i > 0) {
      if (at == end || *at != '.') {
        return std::nullopt;
      }
      ++at;
    }
    const char* const digits = at;
    unsigned value = 0;
    const auto [after, error] = std::from_chars(at, end, value);
    if (error != std::errc{} || after - digits > 3 || value > 255 || !is_digit(*digits)) {
      return std::nullopt;
    }
    address[i] = static_cast<std::uint8_t>(value);
    at = after;
  }
  size = static_cast<std::size_t>(at - text.data());
  return address;
}

bool is_ipv4(std::string_view text) {
  std::size_t size = 0;
  return parse_ipv4(text, size) && size == text.size();
}

std::optional<Place> find_ipv4(std::string_view word) {
  if (std::ranges::count(word, '.') < 3) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < word.size(); ++i) {
    std::size_t size = 0;
    if (is_digit(word[i]) && (i == 0 || !is_digit(word[i - 1])) &&
        parse_ipv4(word.substr(i), size)) {
      return Place{i, size};
    }
  }
  return std::nullopt;
}

std::optional<in6_addr> parse_ipv6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.size() >= copy.size()) {
    return std::nullopt;
  }
  std::ranges::copy(text, copy.begin());
  in6_addr address{};
  return ::inet_pton(AF_INET6, copy.data(), &address) == 1 ? std::optional{address} : std::nullopt;
}

std::string_view network_of(const Ipv4& address) {
  const auto [a, b, c, d] = address;
  if (a == 127 || a == 0 || address == Ipv4{255, 255, 255, 255}) {
    return {};
  }
  if (a == 255) {
    return {};  // a mask
  }
  if (a == 10 || (a == 172 && (b & 0xf0U) == 16) || (a == 192 && b == 168)) {
    return "private";
  }
  if (a == 100 && (b & 0xc0U) == 64) {
    return "shared";
  }
  if (a == 169 && b == 254) {
    return "link-local";
  }
  return a >= 224 ? "multicast" : "public";
}

std::string_view network_of(const in6_addr& address) {
  const std::uint8_t first = address.s6_addr[0];
  const std::uint8_t second = address.s6_addr[1];
  if (IN6_IS_ADDR_UNSPECIFIED(&address) || IN6_IS_ADDR_LOOPBACK(&address)) {
    return {};
  }
  if ((first & 0xfeU) == 0xfc) {
    return "private";
  }
  if (first == 0xfe && (second & 0xc0U) == 0x80) {
    return "link-local";
  }
  return first == 0xff ? "multicast" : "public";
}

std::string_view hashed_prefix(std::string_view word) {
  constexpr std::array<std::string_view, 8> kOfBase32{"KUBE-SVC-",    "KUBE-SVL-",   "KUBE-SEP-",
                                                      "KUBE-EXT-",    "KUBE-FW-",    "KUBE-XLB-",
                                                      "KUBE-POD-FW-", "KUBE-NWPLCY-"};
  constexpr std::array<std::string_view, 4> kOfHex{"cali", "cali-tw-cali", "cali-fw-cali",
                                                   "cali-sm-cali"};
  constexpr std::size_t kBase32 = 16;
  constexpr std::size_t kHex = 11;
  const auto before = [word](std::size_t hash) {
    return word.substr(0, word.size() - std::min(hash, word.size()));
  };
  const std::string_view chain = before(kBase32);
  if (std::ranges::find(kOfBase32, chain) != kOfBase32.end() &&
      is_hash(word.substr(chain.size()))) {
    return chain;
  }
  const std::string_view device = before(kHex);
  const bool of_hex = std::ranges::find(kOfHex, device) != kOfHex.end() &&
                      std::ranges::all_of(word.substr(device.size()), is_hex);
  return of_hex ? device : std::string_view{};
}

std::string_view object_prefix(std::string_view word) {
  constexpr std::array<std::string_view, 6> kRoles{"service",  "local",    "external",
                                                   "firewall", "endpoint", "affinity"};
  const std::size_t dash = word.find('-');
  if (dash == std::string_view::npos || word.size() < dash + kShortHash + 3 ||
      word[dash + kShortHash + 1] != '-' || !is_hash(word.substr(dash + 1, kShortHash)) ||
      std::ranges::find(kRoles, word.substr(0, dash)) == kRoles.end()) {
    return {};
  }
  return word.substr(0, dash + kShortHash + 2);
}

std::optional<Place> find_id(std::string_view word) {
  constexpr std::size_t kUuid = 36;
  for (std::size_t i = 0; i + kShortestId <= word.size();) {
    if (!is_hex(word[i])) {
      ++i;
      continue;
    }
    std::string_view rest = word.substr(i);
    const std::size_t run = take_while(rest, is_hex).size();
    // The "d" of "pod" is a digit too.
    for (std::size_t at = i; at < i + run && at + kUuid <= word.size(); ++at) {
      if (is_uuid(word.substr(at, kUuid))) {
        return Place{at, kUuid};
      }
    }
    if (run >= kShortestId) {
      const std::size_t pod = word.substr(0, i + 1).ends_with("pod") ? 1 : 0;
      return Place{i + pod, run - pod};
    }
    i += run;
  }
  return std::nullopt;
}

std::string endpoint_address(std::string_view text) {
  std::string address{text};
  if (!is_ipv4(text)) {
    std::ranges::replace(address, '.', ':');
    address = parse_ipv6(address) ? address : std::string{};
  }
  return address;
}

std::string_view without_endpoint(std::string_view word) {
  const std::size_t underlines = std::min(word.rfind("__"), word.size());
  return endpoint_address(word.substr(std::min(underlines + 2, word.size()))).empty()
             ? word
             : word.substr(0, underlines);
}

Piece Pieces::next() {
  if (const std::size_t size = colons_at(at_); size > 0) {
    return take(Piece::Kind::colons, size);
  }
  const std::string_view left = text_.substr(at_);
  std::string_view word = left.substr(0, kLongestWord);
  std::size_t size = take_while(word, in_word).size();
  if (size > 0) {
    // An address may begin within it: "x-fd00::1".
    const bool ends_in_colon = left.substr(size).starts_with(':');
    for (std::size_t i = 1; ends_in_colon && i < size; ++i) {
      size = colons_at(at_ + i) > 0 ? i : size;
    }
    return take(Piece::Kind::word, size);
  }
  for (size = 1; size < left.size() && !in_word(left[size]) && colons_at(at_ + size) == 0;) {
    ++size;
  }
  return take(Piece::Kind::other, size);
}

// The size of an address with colons that begins here.
std::size_t Pieces::colons_at(std::size_t at) const {
  const bool can =
      (is_hex(text_[at]) || text_[at] == ':') && (at == 0 || !is_alphanumeric(text_[at - 1]));
  return can ? colons_size(text_.substr(at)) : 0;
}

Piece Pieces::take(Piece::Kind kind, std::size_t size) {
  at_ += size;
  return {.kind = kind, .text = text_.substr(at_ - size, size)};
}

}  // namespace kubecliff::evidence
