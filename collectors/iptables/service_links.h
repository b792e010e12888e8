// From chains to Services and their endpoints.
//
// The SVC, SVL, EXT, FW and XLB chains of a Service's port share the hash after the last dash of
// their names, so its addresses lead to that hash, and its SVC, SVL and XLB chains from there to
// KUBE-SEP-* chains, each of which holds an endpoint's address.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/iptables/chain_record.h"
#include "collectors/iptables/link_fold.h"

namespace kubecliff::iptables {

// Whether the table may have Services in it.
[[nodiscard]] constexpr bool tells_services(std::string_view table) {
  return table == "nat" || table == "filter";
}

// The name of a chain that has links and is not a KUBE-SEP-*; `words` are its own.
[[nodiscard]] std::string linked_chain_name(const ChainRecord& chain,
                                            std::span<const LinkWord> words);

// The links of a chain; `links` is where its `links_at` points into.
[[nodiscard]] std::span<const LinkWord> links_of(const ChainRecord& chain,
                                                 std::span<const LinkWord> links);

// Keys of one table as EndpointSet has them. Those of Services of which a chain or an endpoint is
// not understood are unclear.
struct ServiceLists {
  std::vector<std::uint64_t> services;
  std::vector<std::uint64_t> endpoints;
  std::vector<std::uint64_t> unclear;

  void append(const ServiceLists& others);
};
// Adds those of one table.
void add_services(std::span<const ChainRecord> chains, std::span<const LinkWord> links,
                  ServiceLists& to);
[[nodiscard]] inline ServiceLists list_services(std::span<const ChainRecord> chains,
                                                std::span<const LinkWord> links) {
  ServiceLists lists;
  add_services(chains, links, lists);
  return lists;
}

}  // namespace kubecliff::iptables
