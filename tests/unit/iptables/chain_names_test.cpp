#include "collectors/iptables/chain_names.h"

#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace kubecliff::iptables {
namespace {

TEST(ChainNames, TellTheRoleInKubeProxysRuleset) {
  struct Case {
    std::string_view chain;
    ChainClass chain_class;
  };
  const Case cases[] = {
      {"KUBE-SERVICES", ChainClass::services},
      {"KUBE-EXTERNAL-SERVICES", ChainClass::services},
      {"KUBE-NODEPORTS", ChainClass::nodeports},
      {"KUBE-SVC-NPX46M4PTMTKRN6Y", ChainClass::svc},
      {"KUBE-SVL-NPX46M4PTMTKRN6Y", ChainClass::svl},
      {"KUBE-EXT-NPX46M4PTMTKRN6Y", ChainClass::ext},
      {"KUBE-FW-NPX46M4PTMTKRN6Y", ChainClass::fw},
      {"KUBE-XLB-NPX46M4PTMTKRN6Y", ChainClass::xlb},
      {"KUBE-SEP-CEKR4MZD3PGPVZWT", ChainClass::sep},
      {"KUBE-MARK-MASQ", ChainClass::mark},
      {"KUBE-MARK-DROP", ChainClass::mark},
      {"KUBE-POSTROUTING", ChainClass::postrouting},
      {"KUBE-FIREWALL", ChainClass::firewall},
      {"KUBE-PROXY-FIREWALL", ChainClass::firewall},
      {"KUBE-PROXY-CANARY", ChainClass::canary},
      {"KUBE-KUBELET-CANARY", ChainClass::canary},
      {"KUBE-FORWARD", ChainClass::other_kube},
      {"KUBE-IPTABLES-HINT", ChainClass::other_kube},
      {"KUBE-NODE-PORT", ChainClass::other_kube},              // of IPVS mode
      {"KUBE-SVC-ALL", ChainClass::other_kube},                // kube-router's: no hash
      {"KUBE-SVC-NPX46M4PTMTKRN6", ChainClass::other_kube},    // 15 characters
      {"KUBE-SVC-NPX46M4PTMTKRN6YZ", ChainClass::other_kube},  // 17
      {"KUBE-", ChainClass::other_kube},
      {"kube-services", ChainClass::foreign},
      {"PREROUTING", ChainClass::foreign},
      {"cali-INPUT", ChainClass::foreign},
      {"", ChainClass::foreign},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(class_of(c.chain), c.chain_class) << c.chain;
  }
}

TEST(ChainNames, TellTheOwner) {
  struct Case {
    std::string_view chain;
    Owner owner;
  };
  const Case cases[] = {
      {"KUBE-SERVICES", Owner::kube_proxy},
      {"KUBE-SVC-NPX46M4PTMTKRN6Y", Owner::kube_proxy},
      {"KUBE-MARK-MASQ", Owner::kube_proxy},
      {"KUBE-PROXY-FIREWALL", Owner::kube_proxy},
      {"KUBE-FIREWALL", Owner::kubelet},
      {"KUBE-MARK-DROP", Owner::kubelet},
      {"KUBE-KUBELET-CANARY", Owner::kubelet},
      {"KUBE-IPTABLES-HINT", Owner::kubelet},
      {"KUBE-ROUTER-INPUT", Owner::kube_router},
      {"KUBE-POD-FW-ABCDEFGHIJKLMNOP", Owner::kube_router},
      {"KUBE-NWPLCY-DEFAULT", Owner::kube_router},
      {"KUBE-SVC-ALL", Owner::kube_router},
      {"cali-FORWARD", Owner::calico},
      {"CILIUM_PRE_nat", Owner::cilium},
      {"OLD_CILIUM_FORWARD", Owner::cilium},
      {"FLANNEL-POSTRTG", Owner::flannel},
      {"ANTREA-FORWARD", Owner::antrea},
      {"WEAVE-NPC", Owner::weave},
      {"AWS-SNAT-CHAIN-0", Owner::aws_cni},
      {"CNI-HOSTPORT-DNAT", Owner::cni_plugins},
      {"IP-MASQ-AGENT", Owner::ip_masq_agent},
      {"DOCKER-USER", Owner::docker},
      {"ISTIO_OUTPUT", Owner::istio},
      {"LIBVIRT_INP", Owner::libvirt},
      {"ufw-before-input", Owner::ufw},
      {"ufw6-user-input", Owner::ufw},
      {"IN_public", Owner::firewalld},
      {"PREROUTING_ZONES", Owner::firewalld},
      {"PREROUTING", Owner::other},
      {"mine", Owner::other},
      {"", Owner::other},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(owner_of(c.chain), c.owner) << c.chain;
  }
}

TEST(ChainNames, EveryClassAndOwnerHasALabelOfItsOwn) {
  std::set<std::string_view> classes;
  for (std::size_t i = 0; i < kChainClasses; ++i) {
    classes.insert(name(static_cast<ChainClass>(i)));
  }
  EXPECT_EQ(classes.size(), kChainClasses);
  EXPECT_FALSE(classes.contains(""));

  std::set<std::string_view> owners;
  for (std::size_t i = 0; i < kOwners; ++i) {
    owners.insert(name(static_cast<Owner>(i)));
  }
  EXPECT_EQ(owners.size(), kOwners);
  EXPECT_FALSE(owners.contains(""));
}

TEST(ChainNames, ChainsOfOneServiceOrEndpointAreTold) {
  for (const ChainClass chain_class : {ChainClass::svc, ChainClass::svl, ChainClass::ext,
                                       ChainClass::fw, ChainClass::xlb, ChainClass::sep}) {
    EXPECT_TRUE(is_per_service(chain_class)) << name(chain_class);
  }
  for (const ChainClass chain_class :
       {ChainClass::services, ChainClass::nodeports, ChainClass::mark, ChainClass::other_kube,
        ChainClass::foreign}) {
    EXPECT_FALSE(is_per_service(chain_class)) << name(chain_class);
  }
}

}  // namespace
}  // namespace kubecliff::iptables
