#include "collectors/iptables/match_info.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_statistic.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#define XXH_INLINE_ALL  // a rule is some hundred bytes, too few to pay for a call
#include <xxhash.h>

namespace kubecliff::iptables {
namespace {

// Two ports of this machine's byte order at `offset`, where they are one and the same.
std::uint16_t one_port(Bytes info, std::size_t offset) {
  const auto ports = read_as<std::array<std::uint16_t, 2>>(info, offset);
  return ports && (*ports)[0] == (*ports)[1] ? (*ports)[0] : std::uint16_t{0};
}

void apply_tcp_or_udp(std::uint8_t protocol, std::size_t ports, std::size_t inversions,
                      std::uint8_t inverted_port, Bytes info, Rule& rule) {
  const auto inverted = read_as<std::uint8_t>(info, inversions);
  rule.destination.protocol = protocol;
  if (inverted && (*inverted & inverted_port) == 0) {
    rule.destination.port = one_port(info, ports);
  }
}

// struct xt_sctp_info, whose header is no C++.
void apply_sctp(Bytes info, Rule& rule) {
  constexpr std::size_t kPorts = 0;
  constexpr std::size_t kFlags = 284;
  constexpr std::size_t kInversions = 288;
  constexpr std::uint32_t kDestinationPorts = 0x02;

  const auto flags = read_as<std::uint32_t>(info, kFlags);
  const auto inverted = read_as<std::uint32_t>(info, kInversions);
  rule.destination.protocol = IPPROTO_SCTP;
  if (flags && inverted && (*flags & kDestinationPorts) != 0 &&
      (*inverted & kDestinationPorts) == 0) {
    rule.destination.port = one_port(info, kPorts);
  }
}

// Revision 0: IPv4, and a list that is one long.
Translation decode_ipv4_range(Bytes info) {
  constexpr std::size_t kRange = offsetof(nf_nat_ipv4_multi_range_compat, range);
  const auto range = read_as<nf_nat_ipv4_range>(info, kRange);
  constexpr unsigned kBoth = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED;
  if (!range || (range->flags & kBoth) != kBoth || range->min_ip != range->max_ip ||
      range->min.all != range->max.all) {
    return {};
  }
  return {.address = info.subspan(kRange + offsetof(nf_nat_ipv4_range, min_ip), sizeof(in_addr)),
          .port = ntohs(range->min.all)};
}

// Revisions 1 and 2, the second of which has one more field at its end.
Translation decode_range(Bytes info, std::size_t address_size) {
  const auto range = read_as<nf_nat_range>(info);
  constexpr unsigned kBoth = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED;
  if (!range || (range->flags & kBoth) != kBoth || range->min_proto.all != range->max_proto.all ||
      address_size > sizeof(range->min_addr)) {
    return {};
  }
  const Bytes lowest = info.subspan(offsetof(nf_nat_range, min_addr), address_size);
  const Bytes highest = info.subspan(offsetof(nf_nat_range, max_addr), address_size);
  return std::ranges::equal(lowest, highest)
             ? Translation{.address = lowest, .port = ntohs(range->min_proto.all)}
             : Translation{};
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
  if (target == "DNAT") {
    return Target::dnat;
  }
  if (target == "CT") {
    const auto flags = read_as<std::uint16_t>(info, offsetof(xt_ct_target_info, flags));
    return (flags.value_or(0) & XT_CT_NOTRACK) != 0 ? Target::notrack : Target::other;
  }
  return Target::other;
}

}  // namespace

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
  } else if (match == "tcp") {
    apply_tcp_or_udp(IPPROTO_TCP, offsetof(xt_tcp, dpts), offsetof(xt_tcp, invflags),
                     XT_TCP_INV_DSTPT, info, rule);
  } else if (match == "udp") {
    apply_tcp_or_udp(IPPROTO_UDP, offsetof(xt_udp, dpts), offsetof(xt_udp, invflags),
                     XT_UDP_INV_DSTPT, info, rule);
  } else if (match == "sctp") {
    apply_sctp(info, rule);
  }
}

void take_comment(std::string_view match, Bytes info, Rule& rule) {
  // struct xt_comment_info is nothing else.
  if (match == "comment") {
    rule.comment = text_of(info.first(std::min<std::size_t>(info.size(), XT_MAX_COMMENT_LEN - 1)));
  }
}

void apply_target(std::string_view target, std::uint32_t revision, Bytes info, Rule& rule) {
  rule.target = extension_target(target, info);
  if (rule.target == Target::dnat) {
    rule.translation =
        revision == 0 ? decode_ipv4_range(info) : decode_range(info, rule.address_size);
  }
}

std::uint64_t hash_of(Bytes bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace kubecliff::iptables
