// Reader: the kernel's conntrack state, by whatever interface answers. Keeps its netlink socket
// open. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "collectors/conntrack/availability.h"
#include "collectors/conntrack/decode_flow.h"
#include "collectors/conntrack/decode_stats.h"
#include "collectors/core/result.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/kernel/procfs.h"

namespace kubecliff::conntrack {

class Reader {
 public:
  // `open` makes transports of NETLINK_NETFILTER. /proc/net is that of the process's main thread,
  // ctnetlink and /proc/sys/net are the calling thread's.
  Reader(std::filesystem::path procfs, Availability availability, netlink::TransportFactory open);

  // Each of these first makes sure that connections are tracked at all, so that a missing file or a
  // refusal is never told for the real reason.

  // From ctnetlink, which needs CAP_NET_ADMIN; where that is denied or unavailable from /proc,
  // which needs nothing but is not complete on every kernel: about 10 us each.
  [[nodiscard]] Result<TableSize> read_size();
  [[nodiscard]] Result<std::vector<CpuCounters>> read_counters();

  // From /proc alone: ctnetlink does not tell it.
  [[nodiscard]] Result<std::uint64_t> read_buckets();

  // From ctnetlink alone: 1 to 2 us for each flow, and the kernel holds no lock for longer than one
  // bucket. The table changes meanwhile, so the sum is not that of one instant. The kernel marks
  // nothing as torn here (it never sets NLM_F_DUMP_INTR in a conntrack dump); the hash table being
  // resized meanwhile can repeat flows or leave some out. `visit` sees every flow, whose views
  // point into its message.
  [[nodiscard]] Result<FlowCounts> count_flows(const std::function<void(const Flow& flow)>& visit);
  [[nodiscard]] Result<FlowCounts> count_flows() {
    return count_flows([](const Flow& /*flow*/) {});
  }

 private:
  std::filesystem::path procfs_;
  Availability availability_;
  PolledFile buckets_;
  netlink::Socket socket_;
  netlink::Request size_request_;
  netlink::Request counters_request_;
  netlink::Request flows_request_;
};

}  // namespace kubecliff::conntrack
