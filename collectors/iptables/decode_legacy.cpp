#include "collectors/iptables/decode_legacy.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "collectors/iptables/legacy_entries.h"
#include "collectors/iptables/match_info.h"

namespace kubecliff::iptables {
namespace {

// The entry's own part of it; ports are for the matches to tell.
Destination destination_of(Bytes entry, const LegacyLayout& layout) {
  constexpr std::byte kInvertedDestination{IPT_INV_DSTIP};
  constexpr std::byte kInvertedProtocol{XT_INV_PROTO};
  static_assert(IPT_INV_DSTIP == IP6T_INV_DSTIP);

  Destination destination;
  const std::byte inverted = entry[layout.inversions];
  const auto protocol = read_as<std::uint16_t>(entry, layout.protocol);
  if ((inverted & kInvertedProtocol) == std::byte{}) {
    destination.protocol = static_cast<std::uint8_t>(*protocol);
  }
  const Bytes mask = entry.subspan(layout.destination_mask, layout.address_size);
  const auto all = [mask](std::byte value) {
    return std::ranges::all_of(mask, [value](std::byte byte) { return byte == value; });
  };
  if (all(std::byte{0xff}) && (inverted & kInvertedDestination) == std::byte{}) {
    destination.hosts = Destination::Hosts::one;
    destination.address = entry.subspan(layout.destination, layout.address_size);
  } else if (!all(std::byte{})) {
    destination.hosts = Destination::Hosts::some;
  }
  return destination;
}

class Walker {
 public:
  Walker(Bytes blob, const xtables::TableInfo& info, AddressFamily family,
         const RuleVisitor* visitor = nullptr)
      : blob_{blob}, info_{info}, layout_{layout_of(family)}, visitor_{visitor} {}

  Result<LegacyTable> walk();

 private:
  [[nodiscard]] std::optional<Rule> decode_rule(const LegacyEntry& entry, std::size_t offset) const;
  void begin_chain(std::string_view name, ChainKind kind, std::size_t first_rule);
  void add_rule(const Rule& rule);
  void end_chain();
  void count_jumps_to_dead_chains();

  Bytes blob_;
  const xtables::TableInfo& info_;
  const LegacyLayout& layout_;
  const RuleVisitor* visitor_;  // where there is one, nothing is folded
  bool visited_ = false;        // the chain that began last
  LegacyTable table_;
  ChainFold fold_;
  bool in_chain_ = false;
  std::size_t chain_start_ = 0;
  std::optional<Rule> pending_;  // a rule, unless it turns out to be its chain's end
  std::uint32_t pending_jump_ = 0;
  std::vector<std::uint32_t> jumps_;
};

Result<LegacyTable> Walker::walk() {
  std::uint32_t entries = 0;
  bool ended = false;

  for (std::size_t offset = 0; offset < blob_.size();) {
    const std::optional<LegacyEntry> entry = entry_at(blob_.subspan(offset), layout_);
    if (!entry) {
      return fail(ErrorKind::malformed,
                  "legacy table: broken entry at byte " + std::to_string(offset));
    }
    ++entries;
    const std::size_t next = offset + entry->bytes.size();

    if (entry->target.name == XT_ERROR_TARGET) {
      end_chain();
      ended = next == blob_.size();
      if (!ended) {
        begin_chain(name_in_head(entry->target), ChainKind::user, next);
      }
    } else {
      if (const auto kind = hook_at(info_, offset)) {
        end_chain();
        begin_chain({}, *kind, offset);
      }
      if (!in_chain_) {
        return fail(ErrorKind::malformed, "legacy table: a rule outside of any chain");
      }
      if (pending_) {
        add_rule(*pending_);
      }
      pending_ = decode_rule(*entry, offset);
      if (!pending_) {
        return fail(ErrorKind::malformed,
                    "legacy table: broken rule at byte " + std::to_string(offset));
      }
      pending_jump_ = read_as<std::uint32_t>(entry->target.data).value_or(0);
    }
    offset = next;
  }
  if (!ended || entries != info_.entries) {
    return fail(ErrorKind::malformed, "legacy table: " + std::to_string(entries) + " entries of " +
                                          std::to_string(info_.entries));
  }
  count_jumps_to_dead_chains();
  return std::move(table_);
}

std::optional<Rule> Walker::decode_rule(const LegacyEntry& entry, std::size_t offset) const {
  Rule rule;
  rule.packets = *read_as<std::uint64_t>(entry.bytes, layout_.counters);
  if (visitor_ == nullptr) {
    rule.content = hash_of(entry.bytes.subspan(layout_.header),
                           hash_of(entry.bytes.first(layout_.selector_size)));
  }

  if (visitor_ != nullptr || fold_.wants_destinations()) {
    rule.destination = destination_of(entry.bytes, layout_);
  }
  rule.address_size = layout_.address_size;

  for (Bytes rest = entry.matches; !rest.empty();) {
    const auto match = extension_at(rest);
    if (!match) {
      return std::nullopt;
    }
    apply_match(match->name, match->data, rule);
    if (visitor_ != nullptr) {
      take_comment(match->name, match->data, rule);
    }
    rest = rest.subspan(match->size);
  }

  // The standard target, a verdict, has no name.
  if (!entry.target.name.empty()) {
    apply_target(entry.target.name, entry.target.revision, entry.target.data, rule);
    return rule;
  }
  const auto verdict = read_as<std::int32_t>(entry.target.data);
  if (!verdict) {
    return std::nullopt;
  }
  if (*verdict < 0) {
    rule.target = *verdict == -NF_DROP - 1 ? Target::drop : Target::other;
  } else if (static_cast<std::size_t>(*verdict) != offset + entry.bytes.size()) {
    // A verdict that leads to the very next entry is a rule without a target.
    rule.target = Target::chain;
    rule.chain = chain_before(blob_, static_cast<std::size_t>(*verdict), layout_);
  }
  return rule;
}

void Walker::begin_chain(std::string_view name, ChainKind kind, std::size_t first_rule) {
  in_chain_ = true;
  if (visitor_ != nullptr) {
    visited_ = kind == ChainKind::user;
    if (visited_) {
      visitor_->begin_chain(name);
    }
    return;
  }
  chain_start_ = first_rule;
  fold_.begin(name, kind);
}

void Walker::add_rule(const Rule& rule) {
  if (visitor_ != nullptr) {
    if (visited_) {
      visitor_->add(rule);
    }
    return;
  }
  fold_.add(rule);
  if (rule.target == Target::chain) {
    jumps_.push_back(pending_jump_);
  }
}

void Walker::end_chain() {
  pending_.reset();
  if (!in_chain_) {
    return;
  }
  in_chain_ = false;
  if (visitor_ != nullptr) {
    return;
  }
  ChainRecord record = fold_.finish();
  record.handle = chain_start_;
  record.links_at = static_cast<std::uint32_t>(table_.links.size());
  table_.links.insert(table_.links.end(), fold_.links().begin(), fold_.links().end());
  if (record.kind != ChainKind::user) {
    table_.built_in.push_back(fold_.built_in());
  }
  table_.chains.push_back(record);
}

void Walker::count_jumps_to_dead_chains() {
  if (std::ranges::none_of(table_.chains, &ChainRecord::is_dead)) {
    return;
  }
  for (const std::uint32_t jump : jumps_) {
    const auto found = std::ranges::lower_bound(table_.chains, jump, {}, &ChainRecord::handle);
    if (found != table_.chains.end() && found->handle == jump) {
      ++found->dangling_jumps;
    }
  }
}

}  // namespace

Result<LegacyTable> decode_legacy(Bytes blob, const xtables::TableInfo& info,
                                  AddressFamily family) {
  return Walker{blob, info, family}.walk();
}

Result<void> visit_legacy(Bytes blob, const xtables::TableInfo& info, AddressFamily family,
                          const RuleVisitor& visitor) {
  const Result<LegacyTable> walked = Walker{blob, info, family, &visitor}.walk();
  return walked ? Result<void>{} : std::unexpected(walked.error());
}

}  // namespace kubecliff::iptables
