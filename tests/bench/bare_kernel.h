// The references: the least that a program can do to have the same bytes from the kernel. Each
// takes the answers of the system calls into memory and throws them away; nothing is decoded but
// what is needed to find the end of an answer and to ask the next question.
#pragma once

#include <linux/netlink.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff::bench {

// A netlink socket, with send() and recv() into one buffer of 32 KiB: as much
// as the kernel ever puts into a datagram of a dump.
class BareNetlink {
 public:
  explicit BareNetlink(int protocol = NETLINK_NETFILTER);

  // NFT_MSG_GETCHAIN of all IPv4 tables: one dump.
  void dump_chains();
  // The same, and with the names from it an NFT_MSG_GETRULE dump of each chain.
  void dump_chain_by_chain();
  // NFT_MSG_GETSET of the table `ip kube-proxy`: one dump.
  void dump_kube_proxy_sets();
  // Any other, each message of which is handed to `visit(message)`.
  void dump(netlink::Request& request,
            const std::function<void(const netlink::Message& message)>& visit);
  // IPCTNL_MSG_CT_GET: every flow. How many there were.
  std::size_t dump_flows();

 private:
  UniqueFd socket_;
  std::uint32_t sequence_ = 0;
  alignas(std::max_align_t) std::array<std::byte, std::size_t{32} * 1024> buffer_{};
};

// IPT_SO_GET_INFO and IPT_SO_GET_ENTRIES of every IPv4 table that is loaded, into memory made as
// kubecliff makes its own: a fresh anonymous mapping, huge pages where the kernel has them
// (MADV_HUGEPAGE), unmapped after use.
void get_legacy_entries();

}  // namespace kubecliff::bench
