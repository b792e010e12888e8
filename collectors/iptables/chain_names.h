// What the name of a chain tells: its role in kube-proxy's ruleset, and whose it is.
//
// Names are all there is to go by: clusters of more than 1,000 endpoints write no comments.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kubecliff::iptables {

// The label `class`. Source: pkg/proxy/iptables/proxier.go of Kubernetes and, for marks and hints,
// pkg/kubelet/kubelet_network_linux.go.
enum class ChainClass : std::uint8_t {
  services,     // KUBE-SERVICES, KUBE-EXTERNAL-SERVICES: a rule for each Service port and address
  nodeports,    // KUBE-NODEPORTS
  svc,          // KUBE-SVC-*: picks one of all endpoints of a Service port
  svl,          // KUBE-SVL-*: picks one of its endpoints on this node
  ext,          // KUBE-EXT-*: traffic from outside the cluster
  fw,           // KUBE-FW-*: load-balancer source ranges
  xlb,          // KUBE-XLB-*: what EXT and SVL were before Kubernetes 1.24
  sep,          // KUBE-SEP-*: one endpoint
  mark,         // KUBE-MARK-MASQ, KUBE-MARK-DROP
  postrouting,  // KUBE-POSTROUTING
  firewall,     // KUBE-FIREWALL, KUBE-PROXY-FIREWALL
  canary,       // KUBE-PROXY-CANARY, KUBE-KUBELET-CANARY
  other_kube,   // the rest of KUBE-*
  foreign,      // everything else, built-in chains among it
};
inline constexpr std::size_t kChainClasses = static_cast<std::size_t>(ChainClass::foreign) + 1;

[[nodiscard]] ChainClass class_of(std::string_view chain);
[[nodiscard]] std::string_view name(ChainClass chain_class);

// Chains that exist once for a Service port or an endpoint.
[[nodiscard]] constexpr bool is_per_service(ChainClass chain_class) {
  return chain_class >= ChainClass::svc && chain_class <= ChainClass::sep;
}

// Chains of which a table can have more than one or two.
[[nodiscard]] constexpr bool can_be_many(ChainClass chain_class) {
  return is_per_service(chain_class) || chain_class >= ChainClass::other_kube;
}

// The label `owner`.
enum class Owner : std::uint8_t {
  kube_proxy,
  kubelet,
  calico,
  cilium,
  flannel,
  kube_router,
  antrea,
  weave,
  aws_cni,
  cni_plugins,
  nodelocaldns,
  ip_masq_agent,
  docker,
  istio,
  libvirt,
  ufw,
  firewalld,
  other,
};
inline constexpr std::size_t kOwners = static_cast<std::size_t>(Owner::other) + 1;

// `other` for built-in chains: there, each rule's target tells.
[[nodiscard]] Owner owner_of(std::string_view chain);
[[nodiscard]] std::string_view name(Owner owner);

}  // namespace kubecliff::iptables
