#include "collectors/conntrack/decode_stats.h"

#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <algorithm>
#include <string>
#include <utility>

#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/procfs.h"

namespace kubecliff::conntrack {
namespace {

struct CounterName {
  Counter counter;
  std::uint16_t attribute;
  std::string_view column;
};

// The columns of `searched` and `delete_list` were given to clash_resolve and chain_too_long, and
// renamed with it. Under their old names they never hold what we serve.
constexpr std::array<CounterName, kCounters> kCounterNames{{
    {Counter::found, CTA_STATS_FOUND, "found"},
    {Counter::invalid, CTA_STATS_INVALID, "invalid"},
    {Counter::insert_failed, CTA_STATS_INSERT_FAILED, "insert_failed"},
    {Counter::drop, CTA_STATS_DROP, "drop"},
    {Counter::early_drop, CTA_STATS_EARLY_DROP, "early_drop"},
    {Counter::error, CTA_STATS_ERROR, "icmp_error"},
    {Counter::search_restart, CTA_STATS_SEARCH_RESTART, "search_restart"},
    {Counter::clash_resolve, CTA_STATS_CLASH_RESOLVE, "clashres"},
    {Counter::chain_too_long, CTA_STATS_CHAIN_TOOLONG, "chainlength"},
}};

std::unexpected<Error> malformed(std::string what) {
  return fail(ErrorKind::malformed, std::move(what));
}

// Up to the next line feed, which is taken too.
std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

// Columns are padded to one or two spaces. Empty at the end of the line.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

// What each column holds; nothing for one that is not ours.
std::vector<std::optional<Counter>> parse_header(std::string_view line) {
  std::vector<std::optional<Counter>> columns;
  for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
    const auto* const name = std::ranges::find(kCounterNames, word, &CounterName::column);
    columns.push_back(name == kCounterNames.end() ? std::nullopt : std::optional{name->counter});
  }
  return columns;
}

}  // namespace

Result<TableSize> decode_table_size(Bytes payload) {
  const Bytes attributes = netlink::after_header(payload, sizeof(nfgenmsg));
  const auto entries =
      read_be<std::uint32_t>(netlink::find_attribute(attributes, CTA_STATS_GLOBAL_ENTRIES));
  if (!entries) {
    return malformed("conntrack statistics without a count of entries");
  }
  const auto limit =
      read_be<std::uint32_t>(netlink::find_attribute(attributes, CTA_STATS_GLOBAL_MAX_ENTRIES));
  if (!limit) {
    return fail(ErrorKind::unavailable,
                "conntrack statistics without the limit (before Linux 4.18)");
  }
  return TableSize{.entries = *entries, .limit = *limit};
}

Result<CpuCounters> decode_cpu_counters(Bytes payload) {
  const auto header = read_as<nfgenmsg>(payload);
  if (!header) {
    return malformed("conntrack CPU statistics without a header");
  }
  CpuCounters counters{.cpu = be16toh(header->res_id)};

  netlink::Attributes attributes{netlink::after_header(payload, sizeof(nfgenmsg))};
  for (netlink::Attribute attribute; attributes.next(attribute);) {
    const auto* const name =
        std::ranges::find(kCounterNames, attribute.type, &CounterName::attribute);
    if (name == kCounterNames.end()) {
      continue;
    }
    const auto value = read_be<std::uint32_t>(attribute.payload);
    if (!value) {
      return malformed("conntrack CPU statistics: short counter");
    }
    counters[name->counter] = value;
  }
  if (attributes.malformed()) {
    return malformed("conntrack CPU statistics: attribute longer than its message");
  }
  return counters;
}

Result<std::vector<CpuCounters>> parse_cpu_counters(std::string_view text) {
  const auto columns = parse_header(take_line(text));

  std::vector<CpuCounters> cpus;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    CpuCounters& cpu = cpus.emplace_back();
    cpu.cpu = static_cast<std::uint32_t>(cpus.size() - 1);
    for (const std::optional<Counter>& column : columns) {
      const auto value = parse_number<std::uint32_t>(take_word(line), 16);
      if (!value) {
        return malformed("conntrack statistics: a line that does not fit its header");
      }
      if (column) {
        cpu[*column] = value;
      }
    }
  }
  if (cpus.empty()) {
    return malformed("conntrack statistics: no CPU");
  }
  return cpus;
}

}  // namespace kubecliff::conntrack
