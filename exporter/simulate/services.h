// The Services of a made-up cluster, for the generators of rulesets: what they offer follows from a
// shape, their names, addresses and ports from their numbers. Deterministic.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "collectors/kernel/address_family.h"

namespace kubecliff::simulate {

enum class Protocol : std::uint8_t { tcp, udp, sctp };
// Each has what the ones before it have.
enum class Exposure : std::uint8_t { cluster_ip, node_port, load_balancer };
enum class TrafficPolicy : std::uint8_t { cluster, local };
enum class Affinity : std::uint8_t { none, client_ip };

// kube-proxy leaves out the comments of rules that choose endpoints where a cluster is large.
enum class Comments : std::uint8_t { all, large_cluster };

// One port of a Service. Its name, addresses and ports follow from its number.
struct Service {
  int number = 0;           // 0 to 44,000, once in a ruleset
  int endpoints = 0;        // 0: its traffic is rejected in the filter table
  int local_endpoints = 0;  // of them on this node: the only ones that TrafficPolicy::local uses
  int source_ranges = 0;    // of a load balancer: who may use it; 0 is everybody
  Protocol protocol = Protocol::tcp;
  Exposure exposure = Exposure::cluster_ip;
  TrafficPolicy external_policy = TrafficPolicy::cluster;
  Affinity affinity = Affinity::none;

  friend bool operator==(const Service&, const Service&) = default;
};

// A feature with `one_in` n is had by every n-th Service, with 0 by none.
struct RulesetShape {
  int services = 0;
  int endpoints = 0;  // of every Service but those without endpoints
  AddressFamily family = AddressFamily::ipv4;
  Comments comments = Comments::all;

  int udp_one_in = 0;
  int sctp_one_in = 0;
  int node_port_one_in = 0;
  int load_balancer_one_in = 0;
  int source_ranges_one_in = 0;  // makes it a load balancer
  int local_policy_one_in = 0;   // makes it a NodePort, where it is not a load balancer already
  int no_local_endpoints_one_in = 0;  // the same, but all of its endpoints are on other nodes
  int no_endpoints_one_in = 0;
  int client_ip_affinity_one_in = 0;
};

// ClusterIP Services on TCP and nothing else.
[[nodiscard]] RulesetShape plain(int services, int endpoints,
                                 AddressFamily family = AddressFamily::ipv4);

// Every feature, alone and in combination; all of them from 13 Services on.
[[nodiscard]] RulesetShape varied(int services, int endpoints,
                                  AddressFamily family = AddressFamily::ipv4);

// The Service of that number in that shape.
[[nodiscard]] Service make_service(const RulesetShape& shape, int number);

[[nodiscard]] bool has_node_port(const Service& service);
[[nodiscard]] bool has_load_balancer(const Service& service);
// Source ranges that let some in and keep others out.
[[nodiscard]] bool has_firewall(const Service& service);
// Outside traffic goes to endpoints on this node only, of which there are `local_choices`.
[[nodiscard]] bool routes_locally(const Service& service);
[[nodiscard]] int local_choices(const Service& service);
// Nothing takes outside traffic to it.
[[nodiscard]] bool turns_outsiders_away(const Service& service);

[[nodiscard]] std::string_view label(Protocol protocol);         // "tcp"
[[nodiscard]] std::string service_name(const Service& service);  // "namespace/name"
// Every Service has port 80 and calls it so: "tcp-80".
[[nodiscard]] std::string port_name(const Service& service);
[[nodiscard]] int node_port(const Service& service);
inline constexpr int kEndpointPort = 8080;

[[nodiscard]] std::string cluster_ip(const Service& service, AddressFamily family);
[[nodiscard]] std::string load_balancer_ip(const Service& service, AddressFamily family);
[[nodiscard]] std::string endpoint_ip(const Service& service, int endpoint, AddressFamily family);
// Who may use a load balancer: its i-th range, with its length.
[[nodiscard]] std::string source_range(int range, AddressFamily family);
[[nodiscard]] std::string_view pod_cidr(AddressFamily family);

// `prefix` and the first 16 characters of the base32 of the SHA-256 of `of`, as kube-proxy names
// chains: hashed_chain("KUBE-SVC-", "default/kubernetes:https" "tcp").
[[nodiscard]] std::string hashed_chain(std::string_view prefix, std::string_view of);

}  // namespace kubecliff::simulate
