#include "exporter/simulate/services.h"

#include <arpa/inet.h>

#include <array>
#include <cstring>

#include <openssl/sha.h>

#include "exporter/simulate/text.h"

namespace kubecliff::simulate {
namespace {

// Addresses of one kind, by number.
struct AddressBlock {
  std::uint32_t ipv4;
  const char* ipv6;
};
constexpr AddressBlock kClusterIps{0x0a'60'00'00, "fd00:10:96::"};         // 10.96.0.0/12
constexpr AddressBlock kLoadBalancerIps{0xcb'00'00'00, "2001:db8:203::"};  // 203.0.0.0/16
constexpr AddressBlock kPodIps{0x64'40'00'00, "fd00:10:244::"};            // 100.64.0.0/10
constexpr AddressBlock kSourceRanges{0xc6'12'00'00, "2001:db8:198:18::"};  // 198.18.0.0/15
constexpr std::uint32_t kPodIpMask = 0x3f'ff'ff;

std::string address(AddressFamily family, const AddressBlock& block, std::uint32_t number) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family == AddressFamily::ipv4) {
    const std::uint32_t address = htonl(block.ipv4 + number);
    inet_ntop(AF_INET, &address, text.data(), text.size());
  } else {
    in6_addr address{};
    inet_pton(AF_INET6, block.ipv6, &address);
    const std::uint32_t last = htonl(number);
    std::memcpy(&address.s6_addr[12], &last, sizeof last);
    inet_ntop(AF_INET6, &address, text.data(), text.size());
  }
  return text.data();
}

std::uint32_t number_of(const Service& service) {
  return static_cast<std::uint32_t>(service.number);
}

bool is_nth(int number, int one_in) {
  return one_in > 0 && number % one_in == one_in - 1;
}

}  // namespace

RulesetShape plain(int services, int endpoints, AddressFamily family) {
  return {.services = services, .endpoints = endpoints, .family = family};
}

RulesetShape varied(int services, int endpoints, AddressFamily family) {
  // Mostly without common divisors, so that large rulesets have every combination.
  return {.services = services,
          .endpoints = endpoints,
          .family = family,
          .udp_one_in = 7,
          .sctp_one_in = 13,
          .node_port_one_in = 3,
          .load_balancer_one_in = 4,
          .source_ranges_one_in = 8,
          .local_policy_one_in = 6,
          .no_local_endpoints_one_in = 10,
          .no_endpoints_one_in = 11,
          .client_ip_affinity_one_in = 5};
}

Service make_service(const RulesetShape& shape, int number) {
  Service service{.number = number, .endpoints = shape.endpoints};
  if (is_nth(number, shape.udp_one_in)) {
    service.protocol = Protocol::udp;
  }
  if (is_nth(number, shape.sctp_one_in)) {
    service.protocol = Protocol::sctp;
  }
  const bool no_local_endpoints = is_nth(number, shape.no_local_endpoints_one_in);
  if (no_local_endpoints || is_nth(number, shape.local_policy_one_in)) {
    service.external_policy = TrafficPolicy::local;
    service.exposure = Exposure::node_port;
    service.local_endpoints = no_local_endpoints ? 0 : (shape.endpoints + 1) / 2;
  }
  if (is_nth(number, shape.node_port_one_in)) {
    service.exposure = Exposure::node_port;
  }
  if (is_nth(number, shape.load_balancer_one_in)) {
    service.exposure = Exposure::load_balancer;
  }
  if (is_nth(number, shape.source_ranges_one_in)) {
    service.exposure = Exposure::load_balancer;
    service.source_ranges = 2;
  }
  if (is_nth(number, shape.no_endpoints_one_in)) {
    service.endpoints = 0;
    service.local_endpoints = 0;
  }
  if (is_nth(number, shape.client_ip_affinity_one_in)) {
    service.affinity = Affinity::client_ip;
  }
  return service;
}

bool has_node_port(const Service& service) {
  return service.exposure != Exposure::cluster_ip;
}
bool has_load_balancer(const Service& service) {
  return service.exposure == Exposure::load_balancer;
}
bool has_firewall(const Service& service) {
  return has_load_balancer(service) && service.source_ranges > 0 && service.endpoints > 0;
}
bool routes_locally(const Service& service) {
  return has_node_port(service) && service.external_policy == TrafficPolicy::local;
}
int local_choices(const Service& service) {
  return routes_locally(service) ? service.local_endpoints : 0;
}
// Outside traffic to it is turned away in the filter table.
bool turns_outsiders_away(const Service& service) {
  return service.endpoints == 0 || (routes_locally(service) && local_choices(service) == 0);
}

// kube-proxy names protocols in lower case, as iptables does.
std::string_view label(Protocol protocol) {
  switch (protocol) {
    case Protocol::tcp:
      return "tcp";
    case Protocol::udp:
      return "udp";
    case Protocol::sctp:
      break;
  }
  return "sctp";
}

std::string service_name(const Service& service) {
  return concat("team-", service.number % 20, "/service-", service.number);
}

std::string port_name(const Service& service) {
  return concat(label(service.protocol), "-80");
}

int node_port(const Service& service) {
  return 20'000 + service.number;
}

std::string cluster_ip(const Service& service, AddressFamily family) {
  return address(family, kClusterIps, number_of(service) + 1);
}

std::string load_balancer_ip(const Service& service, AddressFamily family) {
  return address(family, kLoadBalancerIps, number_of(service) + 1);
}

// Pods spread over their block; two Services may share one, two endpoints of a Service do not.
std::string endpoint_ip(const Service& service, int endpoint, AddressFamily family) {
  const std::uint32_t pod =
      (number_of(service) * 257 + static_cast<std::uint32_t>(endpoint) + 1) & kPodIpMask;
  return address(family, kPodIps, pod);
}

std::string source_range(int range, AddressFamily family) {
  return concat(address(family, kSourceRanges, static_cast<std::uint32_t>(range) * 256),
                family == AddressFamily::ipv4 ? "/24" : "/120");
}

std::string_view pod_cidr(AddressFamily family) {
  return family == AddressFamily::ipv4 ? "100.64.0.0/10" : "fd00:10:244::/48";
}

std::string hashed_chain(std::string_view prefix, std::string_view of) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  constexpr std::size_t kLength = 16;

  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  // NOLINTNEXTLINE(*-reinterpret-cast): OpenSSL's bytes are unsigned char
  SHA256(reinterpret_cast<const unsigned char*>(of.data()), of.size(), digest.data());

  std::string chain{prefix};
  unsigned int bits = 0;
  int held = 0;
  std::size_t next = 0;
  for (std::size_t i = 0; i < kLength; ++i) {
    if (held < 5) {
      bits = bits << 8U | digest.at(next++);
      held += 8;
    }
    held -= 5;
    chain += kAlphabet[bits >> static_cast<unsigned int>(held) & 31U];
  }
  return chain;
}

}  // namespace kubecliff::simulate
