// Redactor: addresses and names replaced by tokens, the same one by the same token wherever it
// stands. Pure; not thread-safe; holds every name it was told, some 150 bytes each.
//
//   Redactor redactor;
//   redactor.learn("shop/cart:http cluster IP");
//   redactor.apply("shop/cart:http at 10.96.0.7:80");   // NAMESPACE-1/SERVICE-1:http at
//                                                       // IPV4-PRIVATE-1:80
//
// Addresses are recognised in any text, and so are hardware addresses, the hashes in the names of
// kube-proxy's chains, and what looks like the id of a pod or container. Names are those that
// learn() was told, as whole words or after a prefix ("cali-NAME-1"). Of an address stay its
// family, what kind of network it is in, its port and the length of its prefix; loopback and
// unspecified addresses stay as they are. What a token stands for is kept in memory only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace kubecliff::evidence {

enum class NameKind : std::uint8_t { name, node, name_space, service, port };

class Redactor {
 public:
  Redactor();

  // The words of this text are no secret, and stay.
  void keep(std::string_view text);
  // A kernel's release stays: "5.15.0-102.110.5.1.el9uek.x86_64" has no address in it.
  void keep_release(std::string_view release);

  // What somebody named or wrote: `shop/cart:http cluster IP`, a chain's name, a comment. Its words
  // are names from here on, but for those to be kept.
  void learn(std::string_view phrase);
  // A word that is a name wherever it stands, in longer words too: that of the node.
  void learn_node(std::string_view name);

  // With everything replaced that is known by now.
  [[nodiscard]] std::string apply(std::string_view text);

 private:
  void learn_word(std::string_view word, NameKind kind);
  void learn_qualified(std::string_view word);
  [[nodiscard]] bool is_node(std::string_view word) const;
  void put_word(std::string_view word, std::string& out);
  void put_part(std::string_view part, std::string& out);
  [[nodiscard]] bool put_known(std::string_view word, std::string& out);
  [[nodiscard]] std::string token(std::string_view kind, std::string_view of);
  // Of an address with colons, be it of IPv6 or of hardware.
  [[nodiscard]] std::string colons(std::string_view text);
  [[nodiscard]] std::string ipv4(std::string_view text);
  [[nodiscard]] std::string ipv4(std::array<std::uint8_t, 4> address);

  struct Found {
    std::size_t at = 0;
    std::size_t size = 0;
    std::string_view token;
  };
  // A name with dots or underlines is looked for in whole words, one without in their parts.
  enum class Dots : std::uint8_t { with, without };
  [[nodiscard]] std::optional<Found> find_node(std::string_view word, Dots dots) const;

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  template <typename Value>
  using Table = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

  std::unordered_set<std::string, Hash, std::equal_to<>> kept_;
  Table<std::string> names_;    // a name's token
  Table<std::string> tokens_;   // the same by kind and whatever it stands for
  Table<std::size_t> numbers_;  // the last one of each kind
  std::vector<std::pair<std::string, std::string>> nodes_;  // with their token
};

}  // namespace kubecliff::evidence
