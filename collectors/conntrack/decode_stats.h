// What the kernel says about connection tracking as a whole, decoded. Pure functions.
// Source: net/netfilter/nf_conntrack_netlink.c (ctnetlink) and nf_conntrack_standalone.c
// (/proc/net).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/kernel/bytes.h"

namespace kubecliff::conntrack {

// How full the table is.
struct TableSize {
  std::uint64_t entries = 0;  // of this network namespace
  std::uint64_t limit = 0;    // nf_conntrack_max, of all namespaces

  friend bool operator==(const TableSize&, const TableSize&) = default;
};

// The kernel's per-CPU counters in use, of this network namespace. `insert` is left out: it stays 0
// in normal work, because new flows are inserted where nothing counts them.
enum class Counter : std::uint8_t {
  found,
  invalid,
  insert_failed,
  drop,
  early_drop,
  error,
  search_restart,  // Linux 2.6.35
  clash_resolve,   // Linux 5.10
  chain_too_long,  // Linux 5.15
};
inline constexpr std::size_t kCounters = 9;

struct CpuCounters {
  std::uint32_t cpu = 0;
  // As wide as the kernel's, so they wrap; nothing for a counter that this kernel does not have.
  std::array<std::optional<std::uint32_t>, kCounters> values{};

  [[nodiscard]] const std::optional<std::uint32_t>& operator[](Counter counter) const {
    return values[static_cast<std::size_t>(counter)];
  }
  [[nodiscard]] std::optional<std::uint32_t>& operator[](Counter counter) {
    return values[static_cast<std::size_t>(counter)];
  }

  friend bool operator==(const CpuCounters&, const CpuCounters&) = default;
};

// The payload of the answer to IPCTNL_MSG_CT_GET_STATS. Unavailable where it lacks the limit, as it
// does before Linux 4.18.
[[nodiscard]] Result<TableSize> decode_table_size(Bytes payload);

// The payload of one answer to IPCTNL_MSG_CT_GET_STATS_CPU: one CPU's.
[[nodiscard]] Result<CpuCounters> decode_cpu_counters(Bytes payload);

// /proc/net/stat/nf_conntrack: a line for each possible CPU, whose columns the first line names.
// The lines carry no CPU number and are counted instead, which is the same wherever the numbers of
// the possible CPUs have no gap.
[[nodiscard]] Result<std::vector<CpuCounters>> parse_cpu_counters(std::string_view text);

}  // namespace kubecliff::conntrack
