// Rule: what a decoder says of one rule, of either backend.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/kernel/destination.h"

namespace kubecliff::iptables {

enum class Target : std::uint8_t {
  none,   // counts, and lets the packet go on
  chain,  // jump or goto
  drop,
  reject,
  masquerade,
  notrack,
  dnat,
  other,
};

struct Rule {
  Target target = Target::none;
  std::string_view chain = {};        // Target::chain: where to
  std::optional<double> chance = {};  // of a statistic match in random mode
  bool recent = false;        // has a recent match: how kube-proxy keeps a client's affinity
  std::uint64_t packets = 0;  // counted by the rule
  std::uint64_t content = 0;  // hash of everything but the counters
  Destination destination = {};
  Translation translation = {};  // Target::dnat
  // Of the table's family. (Every other decoded part is a view into what was read, too.)
  std::size_t address_size = 0;
  // What whoever wrote it says of it, where it was asked for: bytes that users choose, 255 at most.
  std::string_view comment = {};
};

}  // namespace kubecliff::iptables
