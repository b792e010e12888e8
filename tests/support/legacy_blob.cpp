#include "tests/support/legacy_blob.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include <algorithm>
#include <map>
#include <span>
#include <utility>

namespace kubecliff::test {
namespace {

void append(ByteVector& bytes, Bytes more) {
  const std::size_t end = bytes.size();
  bytes.resize(end + more.size());
  std::ranges::copy(more, bytes.begin() + static_cast<std::ptrdiff_t>(end));
}

template <typename T>
void append_value(ByteVector& bytes, const T& value) {
  append(bytes, std::as_bytes(std::span{&value, 1}));
}

// The kernel keeps a verdict as the negative of one more than its code.
constexpr std::int32_t stored(unsigned code) {
  return -static_cast<std::int32_t>(code) - 1;
}

ByteVector extension_bytes(std::string_view name, Bytes info, std::uint8_t revision = 0) {
  xt_entry_target header{};
  header.u.user.target_size = static_cast<__u16>(XT_ALIGN(sizeof(header) + info.size()));
  header.u.user.revision = revision;
  name.copy(header.u.user.name, sizeof(header.u.user.name) - 1);
  ByteVector bytes;
  append_value(bytes, header);
  append(bytes, info);
  bytes.resize(header.u.user.target_size);
  return bytes;
}

ByteVector standard_target(std::int32_t verdict_code) {
  return extension_bytes(XT_STANDARD_TARGET, std::as_bytes(std::span{&verdict_code, 1}));
}

// The kernel does not ask for a NUL after the name.
ByteVector error_target(std::string_view name) {
  char errorname[XT_FUNCTION_MAXNAMELEN]{};
  name.copy(errorname, sizeof(errorname));
  return extension_bytes(XT_ERROR_TARGET, std::as_bytes(std::span{errorname}));
}

template <typename Entry>
void append_entry(ByteVector& blob, Entry entry, const LegacyRule& rule, const ByteVector& matches,
                  const ByteVector& target) {
  entry.target_offset = static_cast<__u16>(sizeof(entry) + matches.size());
  entry.next_offset = static_cast<__u16>(entry.target_offset + target.size());
  entry.counters.pcnt = rule.packets;
  entry.counters.bcnt = rule.bytes;
  append_value(blob, entry);
  append(blob, matches);
  append(blob, target);
}

// Appends entries; the offsets of chains are known once all have been appended for a first time.
class Writer {
 public:
  Writer(AddressFamily family, const std::map<std::string, std::size_t>& chain_offsets)
      : chain_offsets_{chain_offsets} {
    blob.family = family;
  }

  void rule(const LegacyRule& rule) {
    ByteVector matches;
    for (const XtablesExtension& match : rule.matches) {
      append(matches, extension_bytes(match.name, match.info, match.revision));
    }
    if (const auto* extension = std::get_if<XtablesExtension>(&rule.target)) {
      entry(rule, matches, extension_bytes(extension->name, extension->info, extension->revision),
            false);
    } else if (const auto* to = std::get_if<Jump>(&rule.target)) {
      const auto found = chain_offsets_.find(to->chain);
      const std::size_t offset = found == chain_offsets_.end() ? 0 : found->second;
      entry(rule, matches, standard_target(static_cast<std::int32_t>(offset)), to->is_goto);
    } else if (const auto* code = std::get_if<Verdict>(&rule.target)) {
      entry(rule, matches, standard_target(code->code), false);
    } else {
      const std::size_t size = header_size() + matches.size() + standard_target(0).size();
      const auto next = static_cast<std::int32_t>(blob.bytes.size() + size);
      entry(rule, matches, standard_target(next), false);
    }
  }

  void head(std::string_view name) { entry({}, {}, error_target(name), false); }

  LegacyBlob blob;

 private:
  [[nodiscard]] std::size_t header_size() const {
    return blob.family == AddressFamily::ipv4 ? sizeof(ipt_entry) : sizeof(ip6t_entry);
  }

  void entry(const LegacyRule& rule, const ByteVector& matches, const ByteVector& target,
             bool is_goto) {
    blob.entries.push_back(blob.bytes.size());
    if (blob.family == AddressFamily::ipv4) {
      ipt_entry header{};
      header.ip.proto = rule.protocol;
      header.ip.flags = is_goto ? IPT_F_GOTO : 0;
      append_entry(blob.bytes, header, rule, matches, target);
    } else {
      ip6t_entry header{};
      header.ipv6.proto = rule.protocol;
      header.ipv6.flags = is_goto ? IP6T_F_GOTO : 0;
      append_entry(blob.bytes, header, rule, matches, target);
    }
  }

  const std::map<std::string, std::size_t>& chain_offsets_;
};

}  // namespace

LegacyTarget jump(std::string chain) {
  return Jump{.chain = std::move(chain)};
}

LegacyTarget go_to(std::string chain) {
  return Jump{.chain = std::move(chain), .is_goto = true};
}

LegacyTarget verdict(unsigned code) {
  return Verdict{stored(code)};
}

LegacyTarget return_to_caller() {
  return Verdict{XT_RETURN};
}

LegacyBlobBuilder& LegacyBlobBuilder::hook(unsigned hook) {
  chains_.push_back({.built_in = true, .hook = hook, .name = {}, .rules = {}});
  return *this;
}

LegacyBlobBuilder& LegacyBlobBuilder::chain(std::string name) {
  chains_.push_back({.built_in = false, .hook = 0, .name = std::move(name), .rules = {}});
  return *this;
}

LegacyBlobBuilder& LegacyBlobBuilder::rule(LegacyRule rule) {
  chains_.back().rules.push_back(std::move(rule));
  return *this;
}

LegacyBlob LegacyBlobBuilder::build() const {
  std::map<std::string, std::size_t> offsets;
  const auto write = [&] {
    Writer writer{family_, offsets};
    xtables::TableInfo& info = writer.blob.info;
    for (const Chain& chain : chains_) {
      if (!chain.built_in) {
        writer.head(chain.name);
        offsets[chain.name] = writer.blob.bytes.size();
      } else {
        info.valid_hooks |= 1U << chain.hook;
        info.hook_entry[chain.hook] = static_cast<std::uint32_t>(writer.blob.bytes.size());
      }
      for (const LegacyRule& rule : chain.rules) {
        writer.rule(rule);
      }
      if (chain.built_in) {
        info.underflow[chain.hook] = static_cast<std::uint32_t>(writer.blob.bytes.size());
      }
      writer.rule({.target = chain.built_in ? verdict(NF_ACCEPT) : return_to_caller()});
    }
    writer.head(XT_ERROR_TARGET);
    info.entries = static_cast<std::uint32_t>(writer.blob.entries.size());
    info.bytes = static_cast<std::uint32_t>(writer.blob.bytes.size());
    return std::move(writer.blob);
  };
  static_cast<void>(write());
  return write();
}

}  // namespace kubecliff::test
