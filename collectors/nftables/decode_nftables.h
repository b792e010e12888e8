// Messages of nf_tables as kube-proxy's own tables come in them. Pure functions over bytes; the
// views they give point into the message.
// Source: include/uapi/linux/netfilter/nf_tables.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/kernel/address_family.h"
#include "collectors/kernel/bytes.h"
#include "collectors/kernel/destination.h"
#include "collectors/kernel/netlink_message.h"

namespace kubecliff::nftables {

struct Set {
  std::string_view name;
  std::uint64_t handle = 0;  // grows with each set that is made; dumps come in its order
  bool anonymous = false;    // stands in a rule
  bool map = false;
  std::optional<std::uint32_t> elements;  // NFTA_SET_COUNT: newer kernels only
};

// The rule by which a Service's chain takes one of its endpoints: `numgen random mod N map { … }`.
struct Choice {
  std::string_view map;     // by its name
  std::uint32_t count = 0;  // N
};

// An element of a set or map.
struct Element {
  Bytes key;
  Bytes value = {};               // in a map of values
  std::string_view chain = {};    // in a map of verdicts: where to, if anywhere
  std::string_view comment = {};  // where it was asked for
};

enum class Comments : std::uint8_t { no, yes };

// Where an element of the maps by which Services are found leads.
struct Dispatch {
  std::uint64_t service = 0;  // key, as ServiceEndpoints has it
  std::string_view chain;     // empty: its traffic is refused
};

// What a key of those maps says.
struct Key {
  Bytes address;  // empty: a node port
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;
};

// Nothing where the message lacks what every message of its kind has.
[[nodiscard]] std::optional<Set> decode_set(const netlink::Message& message);

// Nothing where the rule is another one, or broken.
[[nodiscard]] std::optional<Choice> decode_choice(const netlink::Message& message);

// Whether the rule looks something up in a set whose name begins so.
[[nodiscard]] bool looks_up(const netlink::Message& message, std::string_view set_prefix);

// The elements in one message of an NFT_MSG_GETSETELEM dump.
class Elements {
 public:
  explicit Elements(const netlink::Message& message, Comments comments = Comments::no);
  // False at the end and where the rest is broken, which malformed() tells.
  [[nodiscard]] bool next(Element& element);
  [[nodiscard]] bool malformed() const { return list_.malformed(); }

 private:
  netlink::Attributes list_;
  Comments comments_;
};

// By address, protocol and port, or as a node port by protocol and port; nothing where the key is
// neither of the family's.
[[nodiscard]] std::optional<Key> decode_key(const Element& element, AddressFamily family);
[[nodiscard]] std::optional<Dispatch> decode_dispatch(const Element& element, AddressFamily family);

// The address and port in the map of a rule that chooses an endpoint, and their key; nothing where
// the value is no such pair of the family.
[[nodiscard]] Translation decode_value(const Element& element, AddressFamily family);
[[nodiscard]] std::optional<std::uint64_t> decode_backend(const Element& element,
                                                          AddressFamily family);

// Where a rule sends its packets, whatever else it does; without an address where it is not one
// place.
[[nodiscard]] Translation decode_translation(const netlink::Message& message, AddressFamily family);

}  // namespace kubecliff::nftables
