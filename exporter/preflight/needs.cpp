#include "exporter/preflight/needs.h"

#include <algorithm>
#include <array>

#include "collectors/dataplane/requirements.h"
#include "collectors/kernel/nftables.h"

namespace kubecliff::preflight {
namespace {

using enum Need::Weight;

// Sources: the rules of pkg/proxy/nftables and the sets of pkg/proxy/ipvs of Kubernetes; Cilium's
// system requirements. Left out is what comes along with one of these: nf_conntrack and nf_nat with
// nft_nat and ip_vs, ip_set with its types. Twins for IPv6 are built together with those for IPv4.
constexpr std::array kNftablesNeeds{
    Need{netlink::kNfTables, "the base of the mode"},
    Need{{"nft_ct", "CONFIG_NFT_CT", "nft_ct_get_init"}, "telling new connections apart"},
    Need{dataplane::kNftNat, "sending connections to endpoints"},
    Need{dataplane::kNftMasq, "masquerading"},
    Need{dataplane::kNftNumgen, "choosing an endpoint"},
    Need{dataplane::kNftFibIpv4, "NodePorts and traffic policy Local"},
    Need{{"nft_reject_ipv4", "CONFIG_NFT_REJECT_IPV4", "nft_reject_ipv4_eval"},
         "refusing what has no endpoint"},
};

constexpr std::array kIpvsNeeds{
    Need{dataplane::kIpVs, "the base of the mode"},
    Need{dataplane::kDummy, "the device kube-ipvs0"},
    Need{dataplane::kXtSet, "rules that look into ipsets"},
    Need{dataplane::kIpSetHashIpport, "the set of all Services"},
    Need{{"ip_set_hash_ipportip", "CONFIG_IP_SET_HASH_IPPORTIP", "hash_ipportip_create"},
         "endpoints that call themselves"},
    Need{{"ip_set_bitmap_port", "CONFIG_IP_SET_BITMAP_PORT", "bitmap_port_create"}, "NodePorts"},
    Need{{"ip_set_hash_ip", "CONFIG_IP_SET_HASH_IP", "hash_ip_create"},
         "keeping the node behind kube-ipvs0 closed"},
    Need{{"ip_set_hash_ipportnet", "CONFIG_IP_SET_HASH_IPPORTNET", "hash_ipportnet_create"},
         "load balancers' source ranges"},
    // Whatever the scheduler, kube-proxy of old does not start without these.
    Need{{"ip_vs_wrr", "CONFIG_IP_VS_WRR", "ip_vs_wrr_schedule"},
         "asked for by old releases of kube-proxy",
         may},
    Need{{"ip_vs_sh", "CONFIG_IP_VS_SH", "ip_vs_sh_schedule"},
         "asked for by old releases of kube-proxy",
         may},
};

constexpr std::array kEbpfNeeds{
    Need{dataplane::kClsBpf, "programs at network devices"},
    Need{dataplane::kSchIngress, "programs at network devices"},
    Need{{"vxlan", "CONFIG_VXLAN", "vxlan_setup"}, "tunnels between nodes, Cilium's default", may},
};

struct Scheduler {
  std::string_view name;
  Feature feature;
};
// net/netfilter/ipvs/Kconfig.
constexpr std::array kSchedulers{
    Scheduler{"rr", dataplane::kIpVsRr},
    Scheduler{"wrr", {"ip_vs_wrr", "CONFIG_IP_VS_WRR", "ip_vs_wrr_schedule"}},
    Scheduler{"lc", {"ip_vs_lc", "CONFIG_IP_VS_LC", "ip_vs_lc_schedule"}},
    Scheduler{"wlc", {"ip_vs_wlc", "CONFIG_IP_VS_WLC", "ip_vs_wlc_schedule"}},
    Scheduler{"fo", {"ip_vs_fo", "CONFIG_IP_VS_FO", "ip_vs_fo_schedule"}},
    Scheduler{"ovf", {"ip_vs_ovf", "CONFIG_IP_VS_OVF", "ip_vs_ovf_schedule"}},
    Scheduler{"lblc", {"ip_vs_lblc", "CONFIG_IP_VS_LBLC", "ip_vs_lblc_schedule"}},
    Scheduler{"lblcr", {"ip_vs_lblcr", "CONFIG_IP_VS_LBLCR", "ip_vs_lblcr_schedule"}},
    Scheduler{"dh", {"ip_vs_dh", "CONFIG_IP_VS_DH", "ip_vs_dh_schedule"}},
    Scheduler{"sh", {"ip_vs_sh", "CONFIG_IP_VS_SH", "ip_vs_sh_schedule"}},
    Scheduler{"mh", {"ip_vs_mh", "CONFIG_IP_VS_MH", "ip_vs_mh_schedule"}},
    Scheduler{"sed", {"ip_vs_sed", "CONFIG_IP_VS_SED", "ip_vs_sed_schedule"}},
    Scheduler{"nq", {"ip_vs_nq", "CONFIG_IP_VS_NQ", "ip_vs_nq_schedule"}},
    Scheduler{"twos", {"ip_vs_twos", "CONFIG_IP_VS_TWOS", "ip_vs_twos_schedule"}},
};

}  // namespace

std::span<const Need> needs_of(Target target) {
  switch (target) {
    case Target::ipvs:
      return kIpvsNeeds;
    case Target::nftables:
      return kNftablesNeeds;
    case Target::ebpf:
      break;
  }
  return kEbpfNeeds;
}

std::optional<Need> need_of_scheduler(std::string_view scheduler) {
  const auto* found = std::ranges::find(kSchedulers, scheduler, &Scheduler::name);
  return found == kSchedulers.end() ? std::nullopt
                                    : std::optional{Need{found->feature, "kube-proxy's scheduler"}};
}

}  // namespace kubecliff::preflight
