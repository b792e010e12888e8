// What redaction recognises in a text without being told: addresses, hashes of names, ids, and
// where words begin and end. Pure functions; views point into what they are given.
#pragma once

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace kubecliff::evidence {

[[nodiscard]] constexpr bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}
[[nodiscard]] constexpr bool is_letter(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}
[[nodiscard]] constexpr bool is_alphanumeric(char byte) {
  return is_digit(byte) || is_letter(byte);
}
[[nodiscard]] constexpr bool is_hex(char byte) {
  return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}
// Bytes above ASCII too: names need not be of Kubernetes.
[[nodiscard]] constexpr bool in_word(char byte) {
  return is_digit(byte) || is_letter(byte) || byte == '-' || byte == '_' || byte == '.' ||
         (static_cast<unsigned char>(byte) & 0x80U) != 0;
}
[[nodiscard]] constexpr bool in_part(char byte) {
  return in_word(byte) && byte != '.' && byte != '_';
}

// From the front, as far as `belongs` says.
template <typename Belongs>
[[nodiscard]] std::string_view take_while(std::string_view& text, Belongs belongs) {
  const auto end = std::ranges::find_if_not(text, belongs);
  const std::string_view taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(taken.size());
  return taken;
}

using Ipv4 = std::array<std::uint8_t, 4>;

// Where something stands within a word, and its length.
using Place = std::pair<std::size_t, std::size_t>;

// The address that the text begins with, and its length.
[[nodiscard]] std::optional<Ipv4> parse_ipv4(std::string_view text, std::size_t& size);
[[nodiscard]] bool is_ipv4(std::string_view text);
[[nodiscard]] std::optional<Place> find_ipv4(std::string_view word);

[[nodiscard]] std::optional<in6_addr> parse_ipv6(std::string_view text);

// The kind of network; empty where the address tells nothing of anybody's.
[[nodiscard]] std::string_view network_of(const Ipv4& address);
[[nodiscard]] std::string_view network_of(const in6_addr& address);

// What stands before a hash of names that can be guessed: "KUBE-SVC-" of
// "KUBE-SVC-ERIFXISQEP7F7OF4", "cali" of "cali0123456789a", which is the device of a pod. Empty for
// any other word.
[[nodiscard]] std::string_view hashed_prefix(std::string_view word);

inline constexpr std::size_t kShortHash = 8;  // of kube-proxy's objects in nftables

// "service-ULMVA6XW-" of "service-ULMVA6XW-ns": what the names of these objects begin with. Empty
// for any other word.
[[nodiscard]] std::string_view object_prefix(std::string_view word);

// The address of an endpoint in the names of these objects, where dots stand for colons; empty
// where it is none.
[[nodiscard]] std::string endpoint_address(std::string_view text);
// Without that address at its end.
[[nodiscard]] std::string_view without_endpoint(std::string_view word);

// A UUID with dashes or underscores, or 24 and more hexadecimal digits.
[[nodiscard]] std::optional<Place> find_id(std::string_view word);

inline constexpr std::size_t kLongestWord = 1'024;

// A text in pieces: addresses with colons, words, and what is between them. What is learned and
// what is replaced are cut alike.
struct Piece {
  enum class Kind : std::uint8_t { other, word, colons } kind = Kind::other;
  std::string_view text;
};

class Pieces {
 public:
  explicit Pieces(std::string_view text) : text_{text} {}

  [[nodiscard]] bool done() const { return at_ == text_.size(); }
  Piece next();

 private:
  [[nodiscard]] std::size_t colons_at(std::size_t at) const;
  Piece take(Piece::Kind kind, std::size_t size);

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace kubecliff::evidence
