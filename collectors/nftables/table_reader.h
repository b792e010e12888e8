// Reads kube-proxy's own nftables tables over netlink: `ip kube-proxy` and `ip6 kube-proxy`.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/collector.h"
#include "collectors/core/result.h"
#include "collectors/core/service_endpoints.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/kernel_feature.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/kernel/nftables.h"
#include "collectors/nftables/table.h"

namespace kubecliff::nftables {

// An unchanged ruleset costs one NFT_MSG_GETGEN. After a change, one dump of the sets gives sets,
// maps, elements, and, since the map of a Service's rule holds its endpoints, Services and
// endpoints too. Up to kube-proxy 1.35 each endpoint is a chain: a dump of chains costs ten times
// as much. So rules are counted at a slower pace, every kChainInterval at most, and then only those
// of chains that have another handle, number of users or map than before. Every kFullInterval, if
// anything changed since, all rules are; and at once where the table is a new one.
//
// Kernels that do not count elements are asked for them at that slower pace, and so are endpoints,
// from the rules that choose one. At that pace, too, it is told which endpoints each Service has:
// from the elements of the maps by which Services are found, and from those of maps without a name
// that were not there before, a few in each refresh. Nothing is published that was read while a
// transaction was under way, be it committed or given up. Not thread-safe.
class TableReader {
 public:
  static constexpr Duration kChainInterval{std::chrono::seconds{15}};
  static constexpr Duration kFullInterval{std::chrono::minutes{10}};

  TableReader(netlink::TransportFactory transport, std::filesystem::path procfs,
              std::shared_ptr<ServiceEndpoints> endpoints = std::make_shared<ServiceEndpoints>());

  // What could not be read keeps its last figures, and the error is returned; `torn` where the
  // ruleset kept changing while it was read.
  [[nodiscard]] Result<RefreshKind> refresh(Clock::time_point now);

  // Nothing where there is no such table.
  [[nodiscard]] const std::optional<Figures>& figures(AddressFamily family) const {
    return tables_[static_cast<std::size_t>(family)].figures;
  }
  // Nothing where the kernel has no nf_tables.
  [[nodiscard]] std::optional<std::uint32_t> generation() const { return generation_; }

 private:
  // Reads chains too where `chains` says so, and says whether it did.
  [[nodiscard]] Result<bool> pass(std::uint32_t generation, bool chains);
  [[nodiscard]] Result<void> list(std::uint32_t generation, bool& chains);
  [[nodiscard]] Result<void> read_contents(std::uint32_t generation, bool chains);
  [[nodiscard]] Result<void> confirm(std::uint32_t generation);
  [[nodiscard]] Result<void> confirm_listing(const Table& table, std::uint32_t generation);
  struct TableFace {
    std::uint64_t handle = 0;  // 0: there is no such table
    std::uint32_t use = 0;
  };
  [[nodiscard]] Result<TableFace> read_table(AddressFamily family, std::uint32_t generation);
  // Remembers which maps are unread where `chains` are to be read as well.
  [[nodiscard]] Result<void> list_sets(Table& table, std::uint32_t generation, bool chains);
  [[nodiscard]] Result<void> list_chains(Table& table, std::uint32_t generation);
  [[nodiscard]] Result<void> read_rules(Table& table, std::uint32_t generation);
  [[nodiscard]] Result<void> read_chain(Table& table, std::uint32_t generation,
                                        const UnreadChain& unread);
  [[nodiscard]] Result<void> read_elements(Table& table, std::uint32_t generation);
  [[nodiscard]] Result<void> look_on(ServiceEndpoints::Look look, std::uint32_t generation);
  [[nodiscard]] Result<void> read_endpoint_maps(Table& table, std::uint32_t generation);
  template <typename Visit>
  [[nodiscard]] Result<void> dump_elements(AddressFamily family, std::string_view set,
                                           std::uint32_t generation, const Visit& visit);
  // `chains`: what was published has them in it.
  void tell(ServiceEndpoints::Look look, bool chains);
  [[nodiscard]] RefreshKind withdraw();

  netlink::Socket socket_;
  netlink::CommitWait commit_;
  FeatureWatch nf_tables_;
  std::array<Table, 2> tables_;
  std::shared_ptr<ServiceEndpoints> endpoints_;
  std::array<EndpointTeller, 2> tellers_;
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
