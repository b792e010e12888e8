// Reads the virtual and real servers of this network namespace.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "collectors/core/result.h"
#include "collectors/ipvs/server_keys.h"
#include "collectors/ipvs/servers.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/netlink_socket.h"

namespace kubecliff::ipvs {

struct Reading {
  Servers servers;
  std::uint32_t table_buckets = 0;                            // of the hash table of connections
  std::array<ServerKeys, kAddressFamilies.size()> keys = {};  // by the virtual server's family

  friend bool operator==(const Reading&, const Reading&) = default;
};

// IPVS has no generation: every look reads everything. Generic netlink takes a question for each
// virtual server and tells statistics that nobody asked for, at five to ten times the cost of
// /proc/net/ip_vs (docs/decisions/0011). So netlink is asked for what the text does not say, the
// family of firewall marks, and for everything where that file cannot be read. Neither is a
// snapshot: both go on by number where the piece before ended, so a server that comes or goes
// meanwhile can make another one count twice or not at all, until the next look.
//
// Not thread-safe.
class ServerReader {
 public:
  ServerReader(netlink::TransportFactory transport, const std::filesystem::path& procfs);

  [[nodiscard]] Result<Reading> read();

 private:
  [[nodiscard]] Result<Reading> read_netlink();
  [[nodiscard]] Result<void> add_fwmarks(Servers& servers);

  std::filesystem::path file_;
  netlink::Socket socket_;
};

}  // namespace kubecliff::ipvs
