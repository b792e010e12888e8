// IptablesFold: from kube-proxy's iptables rules, of either backend, to its Services. Pure: no
// system calls.
//
//   IptablesFold fold{Dataplane::iptables_nft, AddressFamily::ipv4, kMostServices};
//   fold.begin_chain("KUBE-SERVICES"); fold.add(rule); …   // of nat first, then of filter
//   fold.finish(services);
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collectors/inventory/service_graph.h"
#include "collectors/iptables/chain_names.h"
#include "collectors/iptables/rule.h"

namespace kubecliff::inventory {

class IptablesFold {
 public:
  IptablesFold(Dataplane dataplane, AddressFamily family, std::size_t room)
      : graph_{dataplane, family, room} {}

  // Whether the rules of that chain are any of ours.
  [[nodiscard]] static bool wants(std::string_view chain);

  // The nat table comes first: Services that filter refuses are known by then, if they have
  // endpoints elsewhere. Rules with destination and comment.
  void begin_chain(std::string_view chain);
  void add(const iptables::Rule& rule);
  void finish(Services& to) { graph_.finish(to); }

 private:
  void add_dispatch(const iptables::Rule& rule);
  void add_endpoint(const iptables::Rule& rule);

  ServiceGraph graph_;
  iptables::ChainClass class_ = iptables::ChainClass::foreign;
  std::uint32_t port_ = ServiceGraph::kNone;   // of the chain
  std::uint32_t chain_ = ServiceGraph::kNone;  // of an endpoint
};

}  // namespace kubecliff::inventory
