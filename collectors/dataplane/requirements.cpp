#include "collectors/dataplane/requirements.h"

#include <array>

namespace kubecliff::dataplane {
namespace {

// What the rules of pkg/proxy/{iptables,nftables,ipvs} of Kubernetes use, and what Cilium's
// documentation asks for. Left out is what comes along with one of these, and what every
// distribution's kernel has.
constexpr std::array kRequired{
    // iptables mode.
    Feature{"xt_statistic", "CONFIG_NETFILTER_XT_MATCH_STATISTIC", "statistic_mt"},
    Feature{"xt_recent", "CONFIG_NETFILTER_XT_MATCH_RECENT", "recent_mt"},
    Feature{"xt_nat", "CONFIG_NETFILTER_XT_NAT", "xt_dnat_target_v2"},
    // nftables mode.
    Feature{"nf_tables", "CONFIG_NF_TABLES", "nf_tables_newtable"},
    Feature{"nft_nat", "CONFIG_NFT_NAT", "nft_nat_init"},
    Feature{"nft_masq", "CONFIG_NFT_MASQ", "nft_masq_init"},
    Feature{"nft_numgen", "CONFIG_NFT_NUMGEN", "nft_ng_random_init"},
    Feature{"nft_fib_inet", "CONFIG_NFT_FIB_INET", "nft_fib_inet_eval"},
    // IPVS mode.
    Feature{"ip_vs", "CONFIG_IP_VS", "ip_vs_conn_new"},
    Feature{"ip_vs_rr", "CONFIG_IP_VS_RR", "ip_vs_rr_schedule"},
    Feature{"ip_set_hash_ipport", "CONFIG_IP_SET_HASH_IPPORT", "hash_ipport_create"},
    Feature{"xt_set", "CONFIG_NETFILTER_XT_SET", "set_match_v4"},
    Feature{"dummy", "CONFIG_DUMMY", "dummy_setup"},
    // Cilium.
    Feature{"cls_bpf", "CONFIG_NET_CLS_BPF", "cls_bpf_init"},
    Feature{"sch_ingress", "CONFIG_NET_SCH_INGRESS", "ingress_init"},
};

}  // namespace

std::span<const Feature> required_features() {
  return kRequired;
}

}  // namespace kubecliff::dataplane
