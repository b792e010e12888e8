#include "collectors/iptables/match_info.h"

#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_statistic.h>

#include <cstddef>
#include <functional>

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
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  return std::hash<std::string_view>{}(text) + seed * 0x9e3779b97f4a7c15U;
}

}  // namespace kubecliff::iptables
