// NftablesFold: from the chains, rules and elements of one of kube-proxy's own nftables tables to
// its Services. Pure: no system calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/inventory/service_graph.h"
#include "collectors/kernel/netlink_message.h"
#include "collectors/nftables/decode_nftables.h"

namespace kubecliff::inventory {

// The maps of verdicts by which Services are found and refused, and by which some are kept out.
[[nodiscard]] bool is_verdict_map(std::string_view set);

class NftablesFold {
 public:
  // A map without a name from which a Service's chain chooses.
  struct Choice {
    std::uint32_t port = ServiceGraph::kNone;
    std::uint32_t count = 0;
    std::string map;
  };

  NftablesFold(AddressFamily family, std::size_t room)
      : family_{family}, graph_{Dataplane::nftables, family, room} {}

  // Whether the chain is one of a Service.
  [[nodiscard]] static bool wants(std::string_view chain);

  // A chain, and each of its rules as NFT_MSG_NEWRULE has it.
  void begin_chain(std::string_view chain);
  void add_rule(const netlink::Message& message);
  // The maps that the rules choose from, and what they hold. One that is not read leaves its
  // Service with a number of endpoints and without their addresses.
  [[nodiscard]] const std::vector<Choice>& choices() const { return choices_; }
  void add_endpoint(const Choice& choice, const nftables::Element& element);
  void leave_out(const Choice& choice);
  // An element of one of the maps of is_verdict_map().
  void add_dispatch(std::string_view map, const nftables::Element& element);

  void finish(Services& to) { graph_.finish(to); }

 private:
  [[nodiscard]] std::uint32_t port_of(std::string_view chain);

  AddressFamily family_;
  ServiceGraph graph_;
  std::vector<Choice> choices_;
  std::uint32_t port_ = ServiceGraph::kNone;
  std::uint32_t chain_ = ServiceGraph::kNone;
  bool chooses_ = false;
};

}  // namespace kubecliff::inventory
