// The socket options through which legacy iptables reads its tables.
// Source: net/ipv4/netfilter/ip_tables.c, net/ipv6/netfilter/ip6_tables.c.
//
// Asking for a table that is not there makes the kernel create it, hooks and all: ask only for
// names that LoadedTables gave. Needs CAP_NET_ADMIN. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/bytes.h"
#include "collectors/kernel/procfs.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff::xtables {

inline constexpr std::size_t kHooks =
    5;  // PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING, as numbered

// What IPT_SO_GET_INFO answers (struct ipt_getinfo): microseconds, whatever the table's size.
struct TableInfo {
  std::uint32_t valid_hooks = 0;  // a bit for each hook the table has
  std::array<std::uint32_t, kHooks> hook_entry{};
  std::array<std::uint32_t, kHooks> underflow{};
  std::uint32_t entries = 0;  // with policies, chain heads and chain ends
  std::uint32_t bytes = 0;

  friend bool operator==(const TableInfo&, const TableInfo&) = default;
};

// The entries of one table, as IPT_SO_GET_ENTRIES copies them. Its memory goes back to the system
// with it: at 10,000 Services it is 100 MB.
class TableBlob {
 public:
  TableBlob() = default;
  explicit TableBlob(std::size_t size);
  TableBlob(TableBlob&& other) noexcept;
  TableBlob& operator=(TableBlob&& other) noexcept;
  TableBlob(const TableBlob&) = delete;
  TableBlob& operator=(const TableBlob&) = delete;
  ~TableBlob();

  [[nodiscard]] bool valid() const { return memory_ != nullptr; }
  [[nodiscard]] std::byte* data() { return memory_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  // Without the header of the answer.
  [[nodiscard]] Bytes entries() const;

 private:
  std::byte* memory_ = nullptr;
  std::size_t size_ = 0;
};

// The tables that exist in this network namespace, from /proc/net/ip_tables_names and
// ip6_tables_names.
class LoadedTables {
 public:
  LoadedTables(const std::filesystem::path& procfs, AddressFamily family);

  // Unavailable where legacy iptables is not loaded or not built; denied where the file, readable
  // by root only, is not ours to read.
  [[nodiscard]] Result<std::vector<std::string>> read();

 private:
  PolledFile names_;
};

class Socket {
 public:
  // A datagram socket will do, so CAP_NET_RAW is not needed.
  [[nodiscard]] static Result<Socket> open(AddressFamily family);

  [[nodiscard]] Result<TableInfo> info(std::string_view table) const;
  // The kernel copies under the table's mutex: a restore that runs meanwhile waits. `torn` where
  // the table is no longer of the size that `info` gave.
  [[nodiscard]] Result<TableBlob> entries(std::string_view table, const TableInfo& info) const;

 private:
  Socket(UniqueFd fd, AddressFamily family) : fd_{std::move(fd)}, family_{family} {}

  UniqueFd fd_;
  AddressFamily family_;
};

}  // namespace kubecliff::xtables
