// What is known of one of kube-proxy's tables between two looks at it, and the figures that follow.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/service_endpoints.h"
#include "collectors/kernel/address_family.h"
#include "collectors/nftables/service_links.h"

namespace kubecliff::nftables {

inline constexpr std::string_view kTable = "kube-proxy";

// kube-proxy's sets and maps whose names do not depend on a Service.
inline constexpr std::array<std::string_view, 8> kFixedSets{
    "service-ips",  "service-nodeports", "no-endpoint-services", "no-endpoint-nodeports",
    "firewall-ips", "cluster-ips",       "nodeport-ips",         "hairpin-connections"};

// Figures of one table, as `nft list table` would count them.
struct Figures {
  std::uint32_t rules = 0;
  std::uint32_t chains = 0;
  std::uint32_t sets = 0;  // with a name, as are the maps
  std::uint32_t maps = 0;
  std::array<std::optional<std::uint32_t>, kFixedSets.size()> elements{};
  std::uint32_t services = 0;   // a port of a Service that has endpoints
  std::uint32_t endpoints = 0;  // of those, once for each such port
};

// A map without a name.
struct Map {
  std::uint64_t handle = 0;
  std::uint64_t name = 0;  // its key: the kernel gives names again, handles it does not
  std::uint32_t elements = 0;
};

// The chains of a Service port: from all of its endpoints, from those of this node, and each.
enum class Role : std::uint8_t { other, service, local, endpoint };

struct Chain {
  std::uint64_t handle = 0;
  std::uint64_t map = 0;  // from which it takes an endpoint; 0: it does not
  // Key of the Service port's name in it; of all of it where it is an endpoint's; else 0.
  std::uint64_t name = 0;
  std::uint64_t backend = 0;  // Role::endpoint: key of where it leads; 0: not to one place
  std::uint32_t use = 0;
  std::uint32_t rules = 0;
  std::uint32_t choices = 0;  // of the numbers that it draws from
  Role role = Role::other;
  bool known = false;      // the rules were read, and are those that `use` counts
  bool duplicate = false;  // Role::local, and the Service has a chain with all endpoints too
};

// A Service's endpoints are chosen in it.
[[nodiscard]] constexpr bool chooses(const Chain& chain) {
  return chain.role == Role::service || chain.role == Role::local;
}

// A chain whose rules are to be read.
struct UnreadChain {
  std::size_t chain = 0;
  std::string name;
};

// A map whose elements are.
struct UnreadMap {
  std::uint64_t handle = 0;
  std::string name;
};

struct Table {
  AddressFamily family;
  std::optional<Figures> figures = {};

  std::uint64_t handle = 0;  // of the table; 0: there is none
  bool whole = false;        // its chains were read once
  std::uint32_t use = 0;
  std::uint32_t objects = 0;            // in `use`, and neither named sets nor chains
  std::vector<Map> maps = {};           // by handle
  std::vector<Chain> chains = {};       // by handle
  std::vector<UnreadChain> local = {};  // all chains of that role
  std::vector<UnreadChain> unread = {};
  // Maps, by handle, that are not what a Service is counted by: those of its local chain where it
  // has another one too.
  std::vector<std::uint64_t> uncounted = {};
  std::vector<UnreadMap> unread_maps = {};
  EndpointMaps endpoint_maps = {};
  std::vector<ServiceLink> service_links = {};
  Figures next = {};
  std::array<bool, kFixedSets.size()> has_set = {};
  bool counts_elements = true;

  void forget_contents();
  // Where the table's message has another handle than before, it is another table.
  void take(std::uint64_t table_handle);
  [[nodiscard]] bool has_map(std::uint64_t wanted) const;
  void find_new_local_choices();
  void attribute_maps();
  void attribute_new_local_choices();
  void publish(bool chains_read);
  [[nodiscard]] std::shared_ptr<const EndpointSet> link() const;
};

}  // namespace kubecliff::nftables
