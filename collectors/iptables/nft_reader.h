// Reads iptables-nft's tables of both address families over netlink.
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
#include "collectors/iptables/reading.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/kernel_feature.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/kernel/nftables.h"

namespace kubecliff::iptables {

// An unchanged ruleset costs one NFT_MSG_GETGEN. After a change, a chain dump tells which chains
// have another handle or another number of users than before, and only their rules are read. Every
// `full_interval`, if anything changed since, all rules are: a rule replaced by another leaves the
// numbers as they were. Nothing is published of a ruleset whose numbers do not add up.
//
// Rules are dumped chain by chain, because the kernel starts a whole-table dump again from its
// first rule at every 32 KiB. No notifications: a listener would make every restore slower. Not
// thread-safe.
class NftReader {
 public:
  NftReader(netlink::TransportFactory transport, std::filesystem::path procfs,
            Duration full_interval);

  // What could not be read keeps its last figures, and the error is returned; `torn` where the
  // ruleset kept changing while it was read.
  [[nodiscard]] Result<RefreshKind> refresh(Clock::time_point now);
  [[nodiscard]] const BackendReading& reading(AddressFamily family) const {
    return families_[static_cast<std::size_t>(family)].reading;
  }

 private:
  struct Table {
    std::string name;
    std::uint64_t handle = 0;
    std::vector<ChainRecord> chains = {};  // by handle, ascending: the order of the kernel
    std::vector<BuiltInChain> built_in = {};
    // Users of its chains that are neither their rules nor jumps among them. Not 0 in a table that
    // verdict maps point into, and while a transaction is being prepared.
    std::int64_t foreign_users = 0;
    std::int64_t settled_foreign_users = 0;
  };
  struct Family {
    AddressFamily family;
    std::vector<Table> tables;
    BackendReading reading;
  };
  // A chain whose rules are to be read.
  struct Unread {
    std::uint32_t table = 0;
    std::uint32_t chain = 0;
    std::uint32_t name_at = 0;
    std::uint32_t name_size = 0;
  };

  [[nodiscard]] RefreshKind withdraw(BackendState state);
  [[nodiscard]] Result<void> read_families(std::uint32_t generation);
  [[nodiscard]] Result<void> read_family(Family& family, std::uint32_t generation);
  [[nodiscard]] static const Table* find_known(const Family& family, const Table& table);
  [[nodiscard]] Result<std::vector<Table>> list_tables(const Family& family,
                                                       std::uint32_t generation);
  [[nodiscard]] Result<void> list_chains(const Family& family, std::uint32_t generation,
                                         std::vector<Table>& tables);
  [[nodiscard]] Result<void> read_chain(AddressFamily family, std::string_view table,
                                        std::string_view chain, std::uint32_t generation,
                                        ChainKind kind);
  [[nodiscard]] bool settle(Family& family, std::uint32_t generation) const;
  void publish(Family& family) const;
  [[nodiscard]] Result<void> read_flows();
  void forget_contents();

  netlink::Socket socket_;
  netlink::CommitWait commit_;
  FeatureWatch nf_tables_;
  Duration full_interval_;
  std::array<Family, 2> families_;

  bool read_ = false;             // a refresh has succeeded
  bool settled_ = false;          // the numbers of the last pass add up
  std::uint32_t generation_ = 0;  // of the last pass that was not torn by a commit
  // When the last full pass began, and whether it still runs.
  std::optional<std::uint32_t> full_generation_;
  Clock::time_point full_at_;
  bool full_running_ = false;
  Clock::time_point flows_at_;

  // Kept from pass to pass for their memory.
  ChainFold fold_;
  std::vector<Unread> unread_;
  std::string names_;
};

}  // namespace kubecliff::iptables
