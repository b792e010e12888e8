// The blob of a legacy xtables table, taken apart: entries, their matches and targets, names of
// chains. What these mean is for decode_legacy.h to say, and for whoever else reads them. Pure
// functions; views point into the blob. Source: include/uapi/linux/netfilter/x_tables.h,
// netfilter_ipv4/ip_tables.h, netfilter_ipv6/ip6_tables.h.
#pragma once

#include <arpa/inet.h>  // before the kernel's, which then leave out what both have
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/iptables/chain_record.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/bytes.h"
#include "collectors/kernel/xtables_socket.h"

namespace kubecliff::iptables {

// Where the fields lie in an entry of either family.
struct LegacyLayout {
  std::size_t header;         // size of the entry without matches and target
  std::size_t match_end;      // u16: offset of the target
  std::size_t entry_end;      // u16: offset of the next entry
  std::size_t counters;       // struct xt_counters
  std::size_t selector_size;  // the leading bytes that say which packets match; within them:
  std::size_t source;
  std::size_t source_mask;
  std::size_t destination;
  std::size_t destination_mask;
  std::size_t in;  // names of devices
  std::size_t out;
  std::size_t protocol;    // u16
  std::size_t inversions;  // u8
  std::size_t address_size;
};

inline constexpr LegacyLayout kIpv4Layout{
    .header = sizeof(ipt_entry),
    .match_end = offsetof(ipt_entry, target_offset),
    .entry_end = offsetof(ipt_entry, next_offset),
    .counters = offsetof(ipt_entry, counters),
    .selector_size = sizeof(ipt_ip),
    .source = offsetof(ipt_entry, ip.src),
    .source_mask = offsetof(ipt_entry, ip.smsk),
    .destination = offsetof(ipt_entry, ip.dst),
    .destination_mask = offsetof(ipt_entry, ip.dmsk),
    .in = offsetof(ipt_entry, ip.iniface),
    .out = offsetof(ipt_entry, ip.outiface),
    .protocol = offsetof(ipt_entry, ip.proto),
    .inversions = offsetof(ipt_entry, ip.invflags),
    .address_size = sizeof(in_addr),
};
inline constexpr LegacyLayout kIpv6Layout{
    .header = sizeof(ip6t_entry),
    .match_end = offsetof(ip6t_entry, target_offset),
    .entry_end = offsetof(ip6t_entry, next_offset),
    .counters = offsetof(ip6t_entry, counters),
    .selector_size = sizeof(ip6t_ip6),
    .source = offsetof(ip6t_entry, ipv6.src),
    .source_mask = offsetof(ip6t_entry, ipv6.smsk),
    .destination = offsetof(ip6t_entry, ipv6.dst),
    .destination_mask = offsetof(ip6t_entry, ipv6.dmsk),
    .in = offsetof(ip6t_entry, ipv6.iniface),
    .out = offsetof(ip6t_entry, ipv6.outiface),
    .protocol = offsetof(ip6t_entry, ipv6.proto),
    .inversions = offsetof(ip6t_entry, ipv6.invflags),
    .address_size = sizeof(in6_addr),
};

[[nodiscard]] constexpr const LegacyLayout& layout_of(AddressFamily family) {
  return family == AddressFamily::ipv4 ? kIpv4Layout : kIpv6Layout;
}

// A match or a target. They begin alike: size, name, revision; their own data follow.
struct LegacyExtension {
  std::string_view name;
  std::uint8_t revision = 0;
  Bytes data;
  std::size_t size = 0;  // with its header
};

static_assert(sizeof(xt_entry_match) == sizeof(xt_entry_target));
inline constexpr std::size_t kExtensionHeader = sizeof(xt_entry_target);
inline constexpr std::size_t kErrorTarget = XT_ALIGN(sizeof(xt_error_target));

[[nodiscard]] inline std::optional<LegacyExtension> extension_at(Bytes bytes) {
  const auto size = read_as<std::uint16_t>(bytes);
  if (!size || *size < kExtensionHeader || *size > bytes.size()) {
    return std::nullopt;
  }
  return LegacyExtension{
      .name = text_of(bytes.subspan(sizeof(std::uint16_t), XT_EXTENSION_MAXNAMELEN)),
      .revision = *read_as<std::uint8_t>(bytes, kExtensionHeader - 1),
      .data = bytes.subspan(kExtensionHeader, *size - kExtensionHeader),
      .size = *size,
  };
}

struct LegacyEntry {
  Bytes bytes;  // all of the layout's header, at least
  Bytes matches;
  LegacyExtension target;
};

// Nothing where it is broken.
[[nodiscard]] inline std::optional<LegacyEntry> entry_at(Bytes rest, const LegacyLayout& layout) {
  if (rest.size() < layout.header) {
    return std::nullopt;
  }
  const auto match_end = read_as<std::uint16_t>(rest, layout.match_end);
  const auto entry_end = read_as<std::uint16_t>(rest, layout.entry_end);
  if (*match_end < layout.header || *entry_end < *match_end || *entry_end > rest.size()) {
    return std::nullopt;
  }
  const Bytes bytes = rest.first(*entry_end);
  const auto target = extension_at(bytes.subspan(*match_end));
  if (!target) {
    return std::nullopt;
  }
  return LegacyEntry{.bytes = bytes,
                     .matches = bytes.subspan(layout.header, *match_end - layout.header),
                     .target = *target};
}

// The name of the chain whose head has that target. Of the longest names no NUL need follow, only
// padding.
[[nodiscard]] inline std::string_view name_in_head(const LegacyExtension& error_target) {
  return text_of(error_target.data.first(
      std::min<std::size_t>(error_target.data.size(), XT_FUNCTION_MAXNAMELEN)));
}

// The user chain whose first rule is there; empty where none is. A chain's head has a fixed size,
// so its name lies at a fixed distance before its first rule.
[[nodiscard]] inline std::string_view chain_before(Bytes blob, std::size_t first_rule,
                                                   const LegacyLayout& layout) {
  const std::size_t head = layout.header + kErrorTarget;
  if (first_rule < head || first_rule > blob.size()) {
    return {};
  }
  const auto target = extension_at(blob.subspan(first_rule - kErrorTarget, kErrorTarget));
  return target && target->name == XT_ERROR_TARGET ? name_in_head(*target) : std::string_view{};
}

// The built-in chain that begins there.
[[nodiscard]] inline std::optional<ChainKind> hook_at(const xtables::TableInfo& info,
                                                      std::size_t offset) {
  for (std::size_t hook = 0; hook < xtables::kHooks; ++hook) {
    if ((info.valid_hooks & (1U << hook)) != 0 && info.hook_entry[hook] == offset) {
      return static_cast<ChainKind>(hook + 1);  // numbered as the hooks, after `user`
    }
  }
  return std::nullopt;
}

}  // namespace kubecliff::iptables
