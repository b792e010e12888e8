// IPVS as /proc/net shows it. Pure functions over text.
// Source: net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_info_seq_show() and ip_vs_stats_percpu_show().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/core/result.h"
#include "collectors/ipvs/server_keys.h"
#include "collectors/ipvs/servers.h"

namespace kubecliff::ipvs {

// /proc/net/ip_vs, line by line.
//
// It does not tell the family of a virtual server that is a firewall mark: those are only counted.
class ProcDecoder {
 public:
  // Malformed where a line is none of those that the kernel writes.
  [[nodiscard]] Result<void> add(std::string_view line);

  [[nodiscard]] const Servers& servers() const { return servers_; }
  [[nodiscard]] std::uint32_t fwmarks() const { return fwmarks_; }
  // By the family of the virtual server.
  [[nodiscard]] const ServerKeys& keys(AddressFamily family) const {
    return keys_[static_cast<std::size_t>(family)];
  }
  // Of the table of connections; nothing before its line came.
  [[nodiscard]] std::optional<std::uint32_t> table_buckets() const { return table_buckets_; }

 private:
  [[nodiscard]] bool add_virtual(std::string_view line);
  [[nodiscard]] bool add_real(std::string_view line);

  Servers servers_;
  std::uint32_t fwmarks_ = 0;
  std::optional<std::uint32_t> table_buckets_;
  // Of the virtual server whose real servers follow.
  std::optional<Protocol> protocol_;
  AddressFamily family_ = AddressFamily::ipv4;
  std::optional<std::uint64_t> service_;

  std::array<ServerKeys, kAddressFamilies.size()> keys_;
};

// Since the module was loaded.
struct Totals {
  std::uint64_t connections = 0;
  std::uint64_t incoming_packets = 0;
  std::uint64_t outgoing_packets = 0;
  std::uint64_t incoming_bytes = 0;
  std::uint64_t outgoing_bytes = 0;

  friend bool operator==(const Totals&, const Totals&) = default;
};

// /proc/net/ip_vs_stats_percpu, all processors together. The kernel's own sum, there and in
// ip_vs_stats, is as old as the estimator's last round: two seconds, or for ever where estimation
// is off. Malformed where there is no line of a processor.
[[nodiscard]] Result<Totals> decode_totals(std::string_view text);

}  // namespace kubecliff::ipvs
