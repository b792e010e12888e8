#include "collectors/iptables/match_info.h"

#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_statistic.h>

#include <cstddef>

#define XXH_INLINE_ALL  // a rule is some hundred bytes, too few to pay for a call
#include <xxhash.h>

namespace kubecliff::iptables {

void apply_match(std::string_view match, Bytes info, Rule& rule) {
  if (match == "recent") {
    rule.recent = true;
  } else if (match == "statistic") {
    const auto mode = read_as<std::uint16_t>(info, offsetof(xt_statistic_info, mode));
    const auto chance =
        read_as<std::uint32_t>(info, offsetof(xt_statistic_info, u.random.probability));
    if (mode == XT_STATISTIC_MODE_RANDOM && chance) {
      rule.chance = static_cast<double>(*chance) / 0x1p31;
    }
  }
}

Target extension_target(std::string_view target, Bytes info) {
  if (target == "REJECT") {
    return Target::reject;
  }
  if (target == "MASQUERADE") {
    return Target::masquerade;
  }
  if (target == "NOTRACK") {
    return Target::notrack;
  }
  if (target == "CT") {
    const auto flags = read_as<std::uint16_t>(info, offsetof(xt_ct_target_info, flags));
    return (flags.value_or(0) & XT_CT_NOTRACK) != 0 ? Target::notrack : Target::other;
  }
  return Target::other;
}

std::uint64_t hash_of(Bytes bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace kubecliff::iptables
