// Messages of nf_tables as kube-proxy's own tables come in them. Pure functions over bytes; the
// views they give point into the message.
// Source: include/uapi/linux/netfilter/nf_tables.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

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

// Nothing where the message lacks what every message of its kind has.
[[nodiscard]] std::optional<Set> decode_set(const netlink::Message& message);

// Nothing where the rule is another one, or broken.
[[nodiscard]] std::optional<Choice> decode_choice(const netlink::Message& message);

// Elements in one message of an NFT_MSG_GETSETELEM dump; nothing where it is broken.
[[nodiscard]] std::optional<std::size_t> count_elements(const netlink::Message& message);

}  // namespace kubecliff::nftables
