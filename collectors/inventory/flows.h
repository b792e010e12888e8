// Who fills the connection tracking table: the addresses that have the most flows in it, and the
// most that live shortly, in one dump of it.
//
//   const Result<Flows> flows = read_flows({});
//   for (const Talker& source : flows->sources) …
//
// Cost: 1 to 2 us a flow, of which the kernel's dump is three quarters: 110 ms of CPU for 100,000
// (scripts/bench inventory). Memory: some 2 MB, whatever the number of flows and addresses. Needs
// CAP_NET_ADMIN. Any thread may call it; ctnetlink and its limits are those of the calling thread's
// network namespace.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "collectors/conntrack/decode_flow.h"
#include "collectors/core/result.h"
#include "collectors/inventory/address.h"
#include "collectors/inventory/translated_flows.h"
#include "collectors/kernel/netlink_socket.h"

namespace kubecliff::inventory {

// A flow that takes a place in the table and no longer, or not yet, carries a conversation: of TCP
// one that was never answered (syn_sent, syn_sent2) or is past its end (fin_wait, close_wait,
// last_ack, time_wait, close), of UDP one that never became assured. A client that opens many of
// these, a scan or a resolver or a client without a connection pool, fills the table by their
// number alone, as each is kept from 10 s to minutes after its last packet
// (nf_conntrack_proto_tcp.c, nf_conntrack_proto_udp.c). Other protocols have no such end.
[[nodiscard]] bool is_short_lived(conntrack::FlowClass flow);

// As the client sees it, in the direction of the first packet. `flows` is exact where
// Flows::…_error is 0; else there may be so many more.
struct Talker {
  Address address = {};
  std::uint64_t flows = 0;
};
struct Target {
  Address address = {};    // a Service's, where it is one
  std::uint16_t port = 0;  // 0 where the protocol has none
  std::uint8_t protocol = 0;
  bool translated = false;  // to somewhere else, as what goes to a Service is
  std::uint64_t flows = 0;
};

template <typename T>
struct Top {
  std::vector<T> most = {};  // the largest first
  std::uint64_t error = 0;   // how many each of them may have more; none above it is missing
};

struct Flows {
  std::uint64_t total = 0;
  std::uint64_t short_lived = 0;
  Top<Talker> sources = {};
  Top<Target> targets = {};
  Top<Talker> short_sources = {};
  Top<Target> short_targets = {};
};

struct FlowOptions {
  std::filesystem::path procfs = "/proc";
  netlink::TransportFactory netfilter = {};  // none: the kernel's
  std::uint64_t most_flows = 500'000;        // as --collector.conntrack.max-flows
  std::size_t top = 10;
  // Where there is one, it is given every flow too: stale_flows.h.
  TranslatedFlows* translated = nullptr;
};

// Unavailable where the table has more entries than most_flows, or connections are not tracked.
[[nodiscard]] Result<Flows> read_flows(const FlowOptions& options);

// The same of flows that come one by one. Pure. Not thread-safe.
class FlowTops {
 public:
  // Addresses for which there is room in each list, before counts become estimates.
  static constexpr std::size_t kRoom = 4096;

  explicit FlowTops(std::size_t room = kRoom);
  FlowTops(FlowTops&&) noexcept;
  FlowTops& operator=(FlowTops&&) noexcept;
  ~FlowTops();

  void add(const conntrack::Flow& flow);
  [[nodiscard]] Flows finish(std::size_t most) const;

 private:
  struct Counters;
  std::unique_ptr<Counters> counters_;
};

}  // namespace kubecliff::inventory
