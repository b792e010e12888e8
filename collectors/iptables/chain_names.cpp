#include "collectors/iptables/chain_names.h"

namespace kubecliff::iptables {
namespace {

struct ClassRule {
  std::string_view text;
  ChainClass chain_class;
};

constexpr std::array kClassPrefixes{
    ClassRule{"SEP-", ChainClass::sep}, ClassRule{"SVC-", ChainClass::svc},
    ClassRule{"EXT-", ChainClass::ext}, ClassRule{"SVL-", ChainClass::svl},
    ClassRule{"FW-", ChainClass::fw},   ClassRule{"XLB-", ChainClass::xlb},
};

constexpr std::array kClassNames{
    ClassRule{"SERVICES", ChainClass::services},
    ClassRule{"EXTERNAL-SERVICES", ChainClass::services},
    ClassRule{"NODEPORTS", ChainClass::nodeports},
    ClassRule{"MARK-MASQ", ChainClass::mark},
    ClassRule{"MARK-DROP", ChainClass::mark},
    ClassRule{"POSTROUTING", ChainClass::postrouting},
    ClassRule{"FIREWALL", ChainClass::firewall},
    ClassRule{"PROXY-FIREWALL", ChainClass::firewall},
    ClassRule{"PROXY-CANARY", ChainClass::canary},
    ClassRule{"KUBELET-CANARY", ChainClass::canary},
};

struct OwnerRule {
  std::string_view prefix;
  Owner owner;
};

// The first prefix that fits decides, so the longer ones of a family come first.
constexpr std::array kOwnerPrefixes{
    OwnerRule{"KUBE-ROUTER-", Owner::kube_router},
    OwnerRule{"KUBE-POD-FW-", Owner::kube_router},
    OwnerRule{"KUBE-NWPLCY-", Owner::kube_router},
    OwnerRule{"KUBE-SVC-ALL", Owner::kube_router},
    OwnerRule{"KUBE-KUBELET-", Owner::kubelet},
    OwnerRule{"KUBE-IPTABLES-HINT", Owner::kubelet},
    OwnerRule{"KUBE-MARK-DROP", Owner::kubelet},
    OwnerRule{"KUBE-FIREWALL", Owner::kubelet},
    OwnerRule{"KUBE-", Owner::kube_proxy},
    OwnerRule{"cali-", Owner::calico},
    OwnerRule{"CILIUM_", Owner::cilium},
    OwnerRule{"OLD_CILIUM_", Owner::cilium},
    OwnerRule{"FLANNEL-", Owner::flannel},
    OwnerRule{"ANTREA-", Owner::antrea},
    OwnerRule{"WEAVE", Owner::weave},
    OwnerRule{"AWS-", Owner::aws_cni},
    OwnerRule{"CNI-", Owner::cni_plugins},
    OwnerRule{"IP-MASQ", Owner::ip_masq_agent},
    OwnerRule{"DOCKER", Owner::docker},
    OwnerRule{"ISTIO_", Owner::istio},
    OwnerRule{"LIBVIRT_", Owner::libvirt},
    OwnerRule{"ufw-", Owner::ufw},
    OwnerRule{"ufw6-", Owner::ufw},
    OwnerRule{"IN_", Owner::firewalld},
    OwnerRule{"FWD_", Owner::firewalld},
    OwnerRule{"FWDI_", Owner::firewalld},
    OwnerRule{"FWDO_", Owner::firewalld},
    OwnerRule{"PRE_", Owner::firewalld},
    OwnerRule{"POST_", Owner::firewalld},
    OwnerRule{"INPUT_", Owner::firewalld},
    OwnerRule{"OUTPUT_", Owner::firewalld},
    OwnerRule{"FORWARD_", Owner::firewalld},
    OwnerRule{"PREROUTING_", Owner::firewalld},
    OwnerRule{"POSTROUTING_", Owner::firewalld},
};

constexpr std::array<std::string_view, kChainClasses> kClassLabels{
    "services", "nodeports", "svc",         "svl",      "ext",    "fw",         "xlb",
    "sep",      "mark",      "postrouting", "firewall", "canary", "other-kube", "foreign"};

constexpr std::array<std::string_view, kOwners> kOwnerLabels{
    "kube-proxy", "kubelet", "calico",  "cilium",      "flannel",      "kube-router",
    "antrea",     "weave",   "aws-cni", "cni-plugins", "nodelocaldns", "ip-masq-agent",
    "docker",     "istio",   "libvirt", "ufw",         "firewalld",    "other"};

}  // namespace

ChainClass class_of(std::string_view chain) {
  constexpr std::string_view kKube = "KUBE-";
  // kube-router's KUBE-SVC-ALL is no Service's chain: those end in a hash of 16 characters.
  constexpr std::size_t kHashLength = 16;

  if (!chain.starts_with(kKube)) {
    return ChainClass::foreign;
  }
  chain.remove_prefix(kKube.size());
  for (const auto& [prefix, chain_class] : kClassPrefixes) {
    if (chain.starts_with(prefix) && chain.size() == prefix.size() + kHashLength) {
      return chain_class;
    }
  }
  for (const auto& [text, chain_class] : kClassNames) {
    if (chain == text) {
      return chain_class;
    }
  }
  return ChainClass::other_kube;
}

std::string_view name(ChainClass chain_class) {
  return kClassLabels[static_cast<std::size_t>(chain_class)];
}

Owner owner_of(std::string_view chain) {
  for (const auto& [prefix, owner] : kOwnerPrefixes) {
    if (chain.starts_with(prefix)) {
      return owner;
    }
  }
  return Owner::other;
}

std::string_view name(Owner owner) {
  return kOwnerLabels[static_cast<std::size_t>(owner)];
}

}  // namespace kubecliff::iptables
