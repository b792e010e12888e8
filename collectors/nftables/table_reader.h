// Reads kube-proxy's own nftables tables over netlink: `ip kube-proxy` and `ip6 kube-proxy`.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/collector.h"
#include "collectors/core/result.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/kernel_feature.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/kernel/nftables.h"

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

// An unchanged ruleset costs one NFT_MSG_GETGEN. After a change, one dump of the sets gives sets,
// maps, elements, and, since the map of a Service's rule holds its endpoints, Services and
// endpoints too. Up to kube-proxy 1.35 each endpoint is a chain: a dump of chains costs ten times
// as much. So rules are counted at a slower pace, every kChainInterval at most, and then only those
// of chains that have another handle, number of users or map than before. Every kFullInterval, if
// anything changed since, all rules are; and at once where the table is a new one.
//
// Kernels that do not count elements are asked for them at that slower pace, and so are endpoints,
// from the rules that choose one. Nothing is published that was read while a transaction was under
// way, be it committed or given up. Not thread-safe.
class TableReader {
 public:
  static constexpr Duration kChainInterval{std::chrono::seconds{15}};
  static constexpr Duration kFullInterval{std::chrono::minutes{10}};

  TableReader(netlink::TransportFactory transport, std::filesystem::path procfs);

  // What could not be read keeps its last figures, and the error is returned; `torn` where the
  // ruleset kept changing while it was read.
  [[nodiscard]] Result<RefreshKind> refresh(Clock::time_point now);

  // Nothing where there is no such table.
  [[nodiscard]] const std::optional<Figures>& figures(AddressFamily family) const {
    return families_[static_cast<std::size_t>(family)].figures;
  }
  // Nothing where the kernel has no nf_tables.
  [[nodiscard]] std::optional<std::uint32_t> generation() const { return generation_; }

 private:
  // A map without a name.
  struct Map {
    std::uint64_t handle = 0;
    std::size_t name = 0;  // its hash: the kernel gives names again, handles it does not
    std::uint32_t elements = 0;
  };
  enum class Role : std::uint8_t { other, service, local };
  struct Chain {
    std::uint64_t handle = 0;
    std::uint64_t map = 0;    // from which it takes an endpoint; 0: it does not
    std::size_t service = 0;  // hash of the Service port's name, but for Role::other
    std::uint32_t use = 0;
    std::uint32_t rules = 0;
    std::uint32_t choices = 0;  // of the numbers that it draws from
    Role role = Role::other;
    bool known = false;      // the rules were read, and are those that `use` counts
    bool duplicate = false;  // Role::local, and the Service has a chain with all endpoints too
  };
  // A chain whose rules are to be read.
  struct Unread {
    std::size_t chain = 0;
    std::string name;
  };
  struct Family {
    AddressFamily family;
    std::optional<Figures> figures = {};

    std::uint64_t handle = 0;  // of the table; 0: there is none
    bool whole = false;        // its chains were read once
    std::uint32_t use = 0;
    std::uint32_t objects = 0;       // in `use`, and neither named sets nor chains
    std::vector<Map> maps = {};      // by handle
    std::vector<Chain> chains = {};  // by handle
    std::vector<Unread> local = {};  // all chains of that role
    std::vector<Unread> unread = {};
    // Maps, by handle, that are not what a Service is counted by: those of its local chain where it
    // has another one too.
    std::vector<std::uint64_t> uncounted = {};
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
  };

  // Reads chains too where `chains` says so, and says whether it did.
  [[nodiscard]] Result<bool> pass(std::uint32_t generation, bool chains);
  [[nodiscard]] Result<void> list(std::uint32_t generation, bool& chains);
  [[nodiscard]] Result<void> read_contents(std::uint32_t generation, bool chains);
  [[nodiscard]] Result<void> confirm(std::uint32_t generation);
  [[nodiscard]] Result<void> confirm_listing(const Family& family, std::uint32_t generation);
  struct TableFace {
    std::uint64_t handle = 0;  // 0: there is no such table
    std::uint32_t use = 0;
  };
  [[nodiscard]] Result<TableFace> read_table(AddressFamily family, std::uint32_t generation);
  [[nodiscard]] Result<void> list_sets(Family& family, std::uint32_t generation);
  [[nodiscard]] Result<void> list_chains(Family& family, std::uint32_t generation);
  [[nodiscard]] Result<void> read_rules(Family& family, std::uint32_t generation);
  [[nodiscard]] Result<void> read_chain(Family& family, std::uint32_t generation,
                                        const Unread& unread);
  [[nodiscard]] Result<void> read_elements(Family& family, std::uint32_t generation);
  [[nodiscard]] RefreshKind withdraw();

  netlink::Socket socket_;
  netlink::CommitWait commit_;
  FeatureWatch nf_tables_;
  std::array<Family, 2> families_;
  std::optional<std::uint32_t> generation_;         // of the figures
  std::optional<std::uint32_t> chains_generation_;  // of the rules among them
  Clock::time_point chains_at_;
  // When the last full pass began, and whether it still runs.
  std::optional<std::uint32_t> full_generation_;
  Clock::time_point full_at_;
  bool full_running_ = false;

  std::vector<Map> by_name_;  // kept for its memory
};

}  // namespace kubecliff::nftables
