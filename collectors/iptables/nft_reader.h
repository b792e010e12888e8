// Reads iptables-nft's tables of both address families over netlink.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/collector.h"
#include "collectors/core/result.h"
#include "collectors/core/service_endpoints.h"
#include "collectors/iptables/link_fold.h"
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
// What Services have for endpoints must not wait for that, and an endpoint replaced by another is
// nothing rare. Its chain is gone then or has lost a user, so the chains that choose it are read
// again too, and where a Service's chain is gone or has other users, those that dispatch to it.
//
// Rules are dumped chain by chain, because the kernel starts a whole-table dump again from its
// first rule at every 32 KiB. No notifications: a listener would make every restore slower. Not
// thread-safe.
class NftReader {
 public:
  NftReader(netlink::TransportFactory transport, std::filesystem::path procfs,
            Duration full_interval,
            std::shared_ptr<ServiceEndpoints> endpoints = std::make_shared<ServiceEndpoints>());

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
    std::vector<LinkWord> links = {};
    // Users of its chains that are neither their rules nor jumps among them. Not 0 in a table that
    // verdict maps point into, and while a transaction is being prepared.
    std::int64_t foreign_users = 0;
    std::int64_t settled_foreign_users = 0;
  };
  struct Family {
    AddressFamily family;
    std::vector<Table> tables;
    BackendReading reading;
    EndpointTeller teller;
    std::uint64_t told_content = 0;  // of the tables that were told last
  };
  // A chain whose rules are to be read.
  struct Unread {
    std::uint32_t table = 0;
    std::uint32_t chain = 0;
    std::uint32_t name_at = 0;
    std::uint32_t name_size = 0;
    std::optional<std::int64_t> users_before = {};  // jumps to it
  };

  // One of the tables listed, and what was known of it before.
  struct Before {
    const Table* table = nullptr;            // none
    std::span<const ChainRecord> rest = {};  // of its chains: those that the listing is not past
    std::vector<LinkWord> lost = {};         // keys of KUBE-SEP-* chains that are gone or changed
    bool lost_service_chain = false;

    void lose(const ChainRecord& chain);
  };

  [[nodiscard]] Family family_of(AddressFamily family) const;
  [[nodiscard]] RefreshKind withdraw(BackendState state);
  [[nodiscard]] Result<void> read_families(std::uint32_t generation);
  [[nodiscard]] Result<void> read_family(Family& family, std::uint32_t generation);
  [[nodiscard]] static const Table* find_known(const Family& family, const Table& table);
  [[nodiscard]] Result<std::vector<Table>> list_tables(const Family& family,
                                                       std::uint32_t generation);
  [[nodiscard]] Result<void> list_chains(const Family& family, std::uint32_t generation,
                                         std::vector<Table>& tables);
  // Chains that are as they were keep their links, but for those that may lead to others now.
  void keep_links(std::vector<Table>& tables, std::span<Before> before);
  // Of a chain that has links.
  void leave_unread(std::vector<Table>& tables, std::size_t table, std::size_t chain,
                    std::span<const LinkWord> words);
  void add_unread(std::size_t table, std::size_t chain, std::string_view name);
  void leave_dispatchers_unread(std::vector<Table>& tables);
  [[nodiscard]] Result<void> read_chain(AddressFamily family, std::string_view table,
                                        std::string_view chain, std::uint32_t generation,
                                        ChainKind kind);
  [[nodiscard]] bool settle(Family& family, std::uint32_t generation) const;
  void publish(Family& family) const;
  static void tell(Family& family, ServiceEndpoints::Look look);
  [[nodiscard]] Result<void> read_flows();
  void forget_contents();

  netlink::Socket socket_;
  netlink::CommitWait commit_;
  FeatureWatch nf_tables_;
  Duration full_interval_;
  std::shared_ptr<ServiceEndpoints> endpoints_;
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
  // Of the chains that lead to Services those that are not to be read in this pass.
  std::vector<Unread> kept_dispatchers_;
};

}  // namespace kubecliff::iptables
