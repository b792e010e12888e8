#include "exporter/evidence/legacy_listing.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_statistic.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "collectors/iptables/chain_record.h"
#include "collectors/iptables/legacy_entries.h"
#include "collectors/kernel/protocol_name.h"
#include "exporter/evidence/device_names.h"

namespace kubecliff::evidence {
namespace {

using iptables::LegacyEntry;
using iptables::LegacyExtension;
using iptables::LegacyLayout;

// What both families say of the packets that an entry is for.
struct Selector {
  Bytes source;
  Bytes source_mask;
  Bytes destination;
  Bytes destination_mask;
  std::string_view in;
  std::string_view out;
  std::uint16_t protocol = 0;
  std::uint8_t inversions = 0;
};

Selector selector_of(Bytes entry, const LegacyLayout& layout) {
  const auto address = [&](std::size_t at) { return entry.subspan(at, layout.address_size); };
  return {.source = address(layout.source),
          .source_mask = address(layout.source_mask),
          .destination = address(layout.destination),
          .destination_mask = address(layout.destination_mask),
          .in = text_of(entry.subspan(layout.in, IFNAMSIZ)),
          .out = text_of(entry.subspan(layout.out, IFNAMSIZ)),
          .protocol = *read_as<std::uint16_t>(entry, layout.protocol),
          .inversions = *read_as<std::uint8_t>(entry, layout.inversions)};
}

bool is_zero(Bytes bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{}; });
}

// "10.0.0.0/8"; a mask with a hole as it is.
std::string network_text(Bytes address, Bytes mask) {
  std::size_t ones = 0;
  bool holes = false;
  bool ended = false;
  for (const std::byte byte : mask) {
    const auto bits = std::to_integer<std::uint8_t>(byte);
    const int leading = std::countl_one(bits);
    holes |= (ended && bits != 0) || std::popcount(bits) != leading;
    ones += static_cast<std::size_t>(leading);
    ended |= leading < 8;
  }
  return address_text(address) + '/' + (holes ? address_text(mask) : std::to_string(ones));
}

std::string inverted(bool is, std::string text) {
  return is ? "! " + std::move(text) : std::move(text);
}

void put_selector(const Selector& selector, Json& rule) {
  const auto has = [&](unsigned inversion) { return (selector.inversions & inversion) != 0; };
  if (!is_zero(selector.source_mask)) {
    rule["source"] =
        inverted(has(IPT_INV_SRCIP), network_text(selector.source, selector.source_mask));
  }
  if (!is_zero(selector.destination_mask)) {
    rule["destination"] =
        inverted(has(IPT_INV_DSTIP), network_text(selector.destination, selector.destination_mask));
  }
  if (!selector.in.empty()) {
    rule["in"] = inverted(has(IPT_INV_VIA_IN), clean(selector.in));
  }
  if (!selector.out.empty()) {
    rule["out"] = inverted(has(IPT_INV_VIA_OUT), clean(selector.out));
  }
  if (selector.protocol != 0) {
    rule["protocol"] = inverted(has(XT_INV_PROTO), protocol_name(selector.protocol));
  }
}

std::string ports_text(const std::array<std::uint16_t, 2>& ports) {
  return ports[0] == ports[1] ? std::to_string(ports[0])
                              : std::to_string(ports[0]) + ":" + std::to_string(ports[1]);
}

// struct xt_tcp and struct xt_udp begin alike; where their inversions stand differs.
void put_ports(Bytes data, std::size_t inversions_at, Json& match) {
  constexpr std::array<std::uint16_t, 2> kAll{0, 0xffff};
  const auto inversions = read_as<std::uint8_t>(data, inversions_at).value_or(0);
  const auto put = [&](std::string_view key, std::size_t at, unsigned inversion) {
    const auto ports = read_as<std::array<std::uint16_t, 2>>(data, at);
    if (ports && *ports != kAll) {
      match[key] = inverted((inversions & inversion) != 0, ports_text(*ports));
    }
  };
  put("source_ports", offsetof(xt_udp, spts), XT_UDP_INV_SRCPT);
  put("destination_ports", offsetof(xt_udp, dpts), XT_UDP_INV_DSTPT);
}
static_assert(offsetof(xt_tcp, spts) == offsetof(xt_udp, spts) &&
              offsetof(xt_tcp, dpts) == offsetof(xt_udp, dpts) &&
              XT_TCP_INV_SRCPT == XT_UDP_INV_SRCPT && XT_TCP_INV_DSTPT == XT_UDP_INV_DSTPT);

std::string mark_text(std::uint32_t mark, std::uint32_t mask) {
  const auto hex = [](std::uint32_t value) {
    std::array<char, 2 * sizeof value> digits{};
    char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
    return "0x" + std::string{digits.data(), end};
  };
  return hex(mark) + "/" + hex(mask);
}

Json match_json(const LegacyExtension& match) {
  Json json{{"match", clean(match.name)}};
  if (match.name == "comment") {
    json["comment"] = clean(text_of(match.data));
  } else if (match.name == "tcp") {
    put_ports(match.data, offsetof(xt_tcp, invflags), json);
  } else if (match.name == "udp") {
    put_ports(match.data, offsetof(xt_udp, invflags), json);
  } else if (match.name == "statistic") {
    const auto chance =
        read_as<std::uint32_t>(match.data, offsetof(xt_statistic_info, u.random.probability));
    const auto mode = read_as<std::uint16_t>(match.data, offsetof(xt_statistic_info, mode));
    if (chance && mode == XT_STATISTIC_MODE_RANDOM) {
      json["probability"] = static_cast<double>(*chance) / 0x1p31;
    }
  } else if (match.name == "mark" && match.revision == 1) {
    if (const auto mark = read_as<xt_mark_mtinfo1>(match.data)) {
      json["mark"] = inverted(mark->invert != 0, mark_text(mark->mark, mark->mask));
    }
  }
  return json;
}

std::string with_port(std::string address, std::uint16_t port) {
  return (address.find(':') == std::string::npos ? std::move(address) : "[" + address + "]") + ":" +
         std::to_string(port);
}

// Of DNAT: revision 0 is IPv4's, a list that is one long; 1 and 2 begin alike.
std::string dnat_text(const LegacyExtension& target, AddressFamily family) {
  if (target.revision == 0) {
    constexpr std::size_t kRange = offsetof(nf_nat_ipv4_multi_range_compat, range);
    const auto range = read_as<nf_nat_ipv4_range>(target.data, kRange);
    return !range || (range->flags & NF_NAT_RANGE_MAP_IPS) == 0
               ? std::string{}
               : with_port(address_text(bytes_of(range->min_ip)), ntohs(range->min.all));
  }
  const auto range = read_as<nf_nat_range>(target.data);
  return !range || (range->flags & NF_NAT_RANGE_MAP_IPS) == 0
             ? std::string{}
             : with_port(address_text(bytes_of(range->min_addr).first(address_size(family))),
                         ntohs(range->min_proto.all));
}

std::string verdict_text(std::int32_t verdict) {
  switch (verdict) {
    case -NF_DROP - 1:
      return "DROP";
    case -NF_ACCEPT - 1:
      return "ACCEPT";
    case XT_RETURN:
      return "RETURN";
    default:
      return "verdict " + std::to_string(verdict);
  }
}

class Walker {
 public:
  Walker(Bytes blob, const xtables::TableInfo& info, AddressFamily family, std::string_view table,
         Listing& listing)
      : blob_{blob},
        info_{info},
        family_{family},
        layout_{iptables::layout_of(family)},
        table_{table},
        listing_{listing} {}

  Result<void> walk() {
    for (std::size_t offset = 0; offset < blob_.size();) {
      const auto entry = iptables::entry_at(blob_.subspan(offset), layout_);
      if (!entry) {
        return broken(offset);
      }
      const std::size_t next = offset + entry->bytes.size();
      if (entry->target.name == XT_ERROR_TARGET) {
        begin_chain(next == blob_.size() ? std::string_view{}
                                         : iptables::name_in_head(entry->target));
      } else {
        if (const auto hook = iptables::hook_at(info_, offset)) {
          begin_chain(iptables::name(*hook));
        }
        flush();
        if (!take(*entry, offset)) {
          return broken(offset);
        }
      }
      offset = next;
    }
    return {};
  }

 private:
  static std::unexpected<Error> broken(std::size_t offset) {
    return fail(ErrorKind::malformed,
                "legacy table: broken entry at byte " + std::to_string(offset));
  }

  void begin_chain(std::string_view name) {
    pending_.reset();  // the end of the chain before
    chain_ = name;
    number_ = 0;
    if (wants_names(listing_.wanted)) {
      learn_object(name, listing_.names);
    }
  }

  // A rule is one where another entry of its chain follows.
  void flush() {
    if (pending_ && wants_rules(listing_.wanted)) {
      listing_.lines.add(*pending_);
    }
    pending_.reset();
  }

  // Whether the entry decodes.
  bool take(const LegacyEntry& entry, std::size_t offset) {
    const bool rules = wants_rules(listing_.wanted) && !listing_.lines.full();
    ++number_;
    const Selector selector = selector_of(entry.bytes, layout_);
    if (wants_names(listing_.wanted)) {
      learn_device(selector.in, listing_.names);
      learn_device(selector.out, listing_.names);
      learn_log_target(entry.target.name, entry.target.data, listing_.names);
    }
    Json matches = Json::array();
    for (Bytes rest = entry.matches; !rest.empty();) {
      const auto match = iptables::extension_at(rest);
      if (!match) {
        return false;
      }
      if (match->name == "comment" && wants_names(listing_.wanted)) {
        listing_.names.add(text_of(match->data));
      }
      if (rules) {
        matches.push_back(match_json(*match));
      }
      rest = rest.subspan(match->size);
    }
    if (!rules) {
      pending_.emplace();
      return true;
    }
    Json rule{{"family", name(family_)},
              {"table", clean(table_)},
              {"chain", clean(chain_)},
              {"rule", number_}};
    put_selector(selector, rule);
    if (!matches.empty()) {
      rule["matches"] = std::move(matches);
    }
    if (!put_target(entry, offset, rule)) {
      return false;
    }
    const auto counters = *read_as<xt_counters>(entry.bytes, layout_.counters);
    rule["packets"] = std::uint64_t{counters.pcnt};
    rule["bytes"] = std::uint64_t{counters.bcnt};
    pending_ = std::move(rule);
    return true;
  }

  [[nodiscard]] bool put_target(const LegacyEntry& entry, std::size_t offset, Json& rule) const {
    // The standard target, a verdict, has no name.
    if (!entry.target.name.empty()) {
      rule["target"] = clean(entry.target.name);
      if (entry.target.name == "DNAT") {
        rule["to"] = dnat_text(entry.target, family_);
      } else if (entry.target.name == "MARK" && entry.target.revision == 2) {
        if (const auto mark = read_as<xt_mark_tginfo2>(entry.target.data)) {
          rule["mark"] = mark_text(mark->mark, mark->mask);
        }
      }
      return true;
    }
    const auto verdict = read_as<std::int32_t>(entry.target.data);
    if (!verdict) {
      return false;
    }
    if (*verdict < 0) {
      rule["target"] = verdict_text(*verdict);
    } else if (static_cast<std::size_t>(*verdict) != offset + entry.bytes.size()) {
      const std::string_view chain =
          iptables::chain_before(blob_, static_cast<std::size_t>(*verdict), layout_);
      rule["jump"] = chain.empty() ? "?" : clean(chain);
    }
    return true;
  }

  Bytes blob_;
  const xtables::TableInfo& info_;
  AddressFamily family_;
  const LegacyLayout& layout_;
  std::string_view table_;
  Listing& listing_;
  std::string_view chain_;
  std::size_t number_ = 0;
  std::optional<Json> pending_;
};

}  // namespace

Result<void> list_legacy(Bytes blob, const xtables::TableInfo& info, AddressFamily family,
                         std::string_view table, Listing& listing) {
  return Walker{blob, info, family, table, listing}.walk();
}

}  // namespace kubecliff::evidence
