// The Services that this network namespace's rules know, by name: for the report, the node's page
// and evidence. Metrics never name any.
//
//   const Result<Services> services = read_services({});
//   for (const Service* service : top_by_endpoints(*services, 10)) …
//
// Cost: everything is read, each time; nothing is kept. CPU with 10 endpoints a Service, of which
// the kernel's part is two thirds and more (scripts/bench inventory):
//
//                       1,000 Services   5,000 Services   grows with
//   iptables, legacy             30 ms           180 ms   rules: the kernel copies the table, which
//                                                         is 100 MB of memory for 5,000
//   iptables, nft                70 ms           430 ms   chains: a question for each
//   nftables, >= 1.36            20 ms           450 ms   Services, and their square: the kernel
//                                                         walks all sets to find one, 70 ns each
//   nftables, < 1.36             70 ms           970 ms   the same, and endpoints
//
// IPVS takes a question for each virtual server. A ruleset of nf_tables that changes meanwhile is
// read anew, five times at most: on a node whose rules change more often than they can be read
// there is a miss of kind `torn`.
//
// Memory: some 200 bytes a Service and 40 an endpoint, bounded by kMostServices and kMostEndpoints.
// Needs CAP_NET_ADMIN, and user 0 for the list of legacy tables. Reads no table that is not there
// and loads no module. Any thread may call it; /proc/net is that of the process's main thread, and
// netlink the calling thread's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "collectors/core/dataplane_signs.h"
#include "collectors/core/result.h"
#include "collectors/inventory/address.h"
#include "collectors/inventory/names.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/netlink_socket.h"

namespace kubecliff::inventory {

inline constexpr std::size_t kMostServices = 50'000;
inline constexpr std::size_t kMostEndpoints = 1'000'000;  // of all Services together

struct Endpoint {
  Address address = {};
  std::uint16_t port = 0;
  std::uint32_t weight = 1;                   // IPVS; 0: no new connections
  std::optional<std::uint64_t> packets = {};  // that its rules counted; see Service::packets
};

// What is known of the shares that a Service's endpoints should have.
enum class Shares : std::uint8_t {
  equal,
  weights,
  // Some traffic goes to the endpoints of this node alone, or the scheduler looks at more than
  // weights.
  unknown,
};

// One port of a Service, in one dataplane and family.
struct Service {
  // "namespace/name:port", without the colon where the port has no name: bytes that users chose, at
  // most kLongestName of them; empty where nothing tells (IPVS; rules without comments).
  std::string name = {};
  Dataplane dataplane = Dataplane::iptables_legacy;
  AddressFamily family = AddressFamily::ipv4;
  std::uint8_t protocol = 0;  // IPPROTO_TCP, …
  // The ClusterIP where the rules tell which it is, else one of its addresses; none where it has
  // nothing but a node port.
  Address address = {};
  std::uint16_t port = 0;

  std::uint32_t endpoint_count = 0;
  // iptables: of its SVC, SVL, EXT, FW, XLB and SEP chains, and those of KUBE-SERVICES,
  // KUBE-EXTERNAL-SERVICES and KUBE-NODEPORTS that lead to it or refuse its traffic. nftables: of
  // its service-, local-, external-, firewall- and endpoint- chains, and its elements in verdict
  // maps. IPVS has none.
  std::uint32_t rules = 0;
  // New flows, since the rules were written last: those that were dispatched to it (iptables), or
  // the connections that IPVS counted, as of its estimator's last round. Nothing where nothing
  // counts: kube-proxy's nftables rules do not, nor does IPVS with run_estimation=0.
  std::optional<std::uint64_t> packets = {};

  Shares shares = Shares::equal;
  bool affinity = false;  // clients stay with their endpoint, so shares may differ
  // All counters began at the same time. IPVS counts from when an endpoint was added, so one that
  // came later shows less than its share.
  bool counted_together = true;
  // Its endpoints are all known. Where not, `endpoint_count` may still be right.
  bool clear = true;
  std::vector<Endpoint> endpoints = {};
};

// One of the addresses at which a Service is reached.
struct ServiceAddress {
  Address address = {};  // none: a node port, at every address of the node
  AddressFamily family = AddressFamily::ipv4;
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;
  bool refused = false;  // no endpoint is reached through it
  std::uint32_t service = 0;
};

// What could not be looked at. What is not there at all is none.
struct Miss {
  Dataplane dataplane = Dataplane::iptables_legacy;
  Error error = {};
};

struct Services {
  std::vector<Service> services = {};
  std::vector<ServiceAddress> addresses = {};
  std::vector<Miss> misses = {};
  bool cut = false;  // there are more Services or endpoints than it holds
};

struct ServiceOptions {
  std::filesystem::path procfs = "/proc";
  netlink::TransportFactory netfilter = {};  // none: the kernel's
  netlink::TransportFactory generic = {};
  std::size_t most_services = kMostServices;
};

// An error only where no dataplane could be looked at.
[[nodiscard]] Result<Services> read_services(const ServiceOptions& options);

// The first `most` of them, by what the name says, the largest first; equal ones as they were read.
// Those that have 0 of it are left out.
[[nodiscard]] std::vector<const Service*> top_by_endpoints(const Services& services,
                                                           std::size_t most);
[[nodiscard]] std::vector<const Service*> top_by_rules(const Services& services, std::size_t most);
[[nodiscard]] std::vector<const Service*> top_by_packets(const Services& services,
                                                         std::size_t most);

}  // namespace kubecliff::inventory
