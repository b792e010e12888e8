// LinkFold: what is kept of a chain so that, once all of them are known, each Service's endpoints
// can be told (service_links.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "collectors/iptables/chain_names.h"
#include "collectors/iptables/rule.h"

namespace kubecliff::iptables {

// A chain has none of these, or two and more:
//   services, nodeports   for each rule the key of the Service, and that of the port's hash, or 0
//                         where the rule refuses its traffic
//   svc, svl, xlb         the port's hash, kPortHash characters in two words; the names' keys of
//                         the KUBE-SEP-* chains that it chooses from
//   sep                   its name's key; the key of the endpoint, or 0; a third word where that
//                         is not all, or was not understood
// 24 bytes an endpoint all in all.
using LinkWord = std::uint64_t;

inline constexpr std::size_t kPortHash = 16;
inline constexpr std::size_t kPortHashWords = kPortHash / sizeof(LinkWord);

// Chains from which a Service's endpoints are chosen.
[[nodiscard]] constexpr bool chooses_endpoints(ChainClass chain_class) {
  return chain_class == ChainClass::svc || chain_class == ChainClass::svl ||
         chain_class == ChainClass::xlb;
}

// Chains that tell the addresses of Services.
[[nodiscard]] constexpr bool dispatches(ChainClass chain_class) {
  return chain_class == ChainClass::services || chain_class == ChainClass::nodeports;
}

// One chain after the other; keeps its buffer.
class LinkFold {
 public:
  void begin(ChainClass chain_class, std::string_view chain);
  // `target` is the class of the chain that the rule leads to.
  void add(const Rule& rule, ChainClass target);
  [[nodiscard]] std::span<const LinkWord> words() const { return words_; }

 private:
  void add_dispatch(const Rule& rule, ChainClass target);
  void add_endpoint(const Rule& rule);

  ChainClass chain_class_ = ChainClass::foreign;
  std::vector<LinkWord> words_;
};

}  // namespace kubecliff::iptables
