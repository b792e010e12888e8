// TCP sockets as the kernel tells of them. Pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/core/result.h"
#include "collectors/kernel/netlink_message.h"

namespace kubecliff::sockets {

// The states of TCP, in the order of the kernel's numbers (include/net/tcp_states.h): the value of
// the label `state`, as `ss` writes them but for the dashes.
inline constexpr std::array<std::string_view, 11> kStates{
    "established", "syn_sent",   "syn_recv", "fin_wait1", "fin_wait2", "time_wait",
    "closed",      "close_wait", "last_ack", "listen",    "closing"};

// Index into kStates of the socket that one message of a sock_diag dump is about; nothing where the
// message is too short or of a state that nobody knows. A connection that is being opened has a
// state of its own in the kernel (TCP_NEW_SYN_RECV): it is syn_recv, as in `ss`. Source:
// include/uapi/linux/inet_diag.h.
[[nodiscard]] std::optional<std::size_t> decode_state(const netlink::Message& message);

// Figures of /proc/net/sockstat, of both address families together.
// Source: net/ipv4/proc.c, sockstat_seq_show().
struct TcpUse {
  std::uint64_t orphaned = 0;
  std::uint64_t time_wait = 0;
  std::uint64_t allocated = 0;
  std::uint64_t memory_pages = 0;

  friend bool operator==(const TcpUse&, const TcpUse&) = default;
};

// Malformed where one of them is missing.
[[nodiscard]] Result<TcpUse> decode_tcp_use(std::string_view sockstat);

// The third of the three numbers of net.ipv4.tcp_mem: from so many pages on, TCP fails.
[[nodiscard]] std::optional<std::uint64_t> decode_most_pages(std::string_view tcp_mem);

}  // namespace kubecliff::sockets
