// What kubecliff reads of xtables extensions. iptables-nft stores them in the same shapes inside
// its "match" and "target" expressions, so both decoders come here.
#pragma once

#include <cstdint>
#include <string_view>

#include "collectors/iptables/rule.h"
#include "collectors/kernel/bytes.h"

namespace kubecliff::iptables {

// Takes what matters of a match into the rule; every other match is left alone.
void apply_match(std::string_view match, Bytes info, Rule& rule);

// Of a match that is a comment, what it says. Apart from the other matches: a refresh does not pay
// for what it does not use.
void take_comment(std::string_view match, Bytes info, Rule& rule);

// Takes what a target that is neither a verdict nor a jump does into the rule.
void apply_target(std::string_view target, std::uint32_t revision, Bytes info, Rule& rule);

// 64 bits over the bytes, chained by `seed`.
[[nodiscard]] std::uint64_t hash_of(Bytes bytes, std::uint64_t seed = 0);

}  // namespace kubecliff::iptables
