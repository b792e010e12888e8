#include "collectors/dataplane/requirements.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>

namespace kubecliff::dataplane {
namespace {

constexpr unsigned bit(TargetMode mode) {
  return 1U << static_cast<unsigned>(mode);
}
constexpr unsigned kIptables = bit(TargetMode::iptables);
constexpr unsigned kNftables = bit(TargetMode::nftables);
constexpr unsigned kIpvs = bit(TargetMode::ipvs);
constexpr unsigned kEbpf = bit(TargetMode::ebpf);

struct Requirement {
  Feature feature;
  unsigned modes = 0;
};

// What the rules of pkg/proxy/{iptables,ipvs,nftables} of Kubernetes use, and what Cilium's
// documentation asks for. Left out is what comes along with one of these,
// and what every distribution's kernel has.
constexpr std::array kRequirements{
    Requirement{{"xt_statistic", "CONFIG_NETFILTER_XT_MATCH_STATISTIC", "statistic_mt"}, kIptables},
    Requirement{{"xt_recent", "CONFIG_NETFILTER_XT_MATCH_RECENT", "recent_mt"}, kIptables},
    Requirement{{"xt_nat", "CONFIG_NETFILTER_XT_NAT", "xt_dnat_target_v2"}, kIptables},
    Requirement{{"nf_tables", "CONFIG_NF_TABLES", "nf_tables_newtable"}, kNftables},
    Requirement{{"nft_nat", "CONFIG_NFT_NAT", "nft_nat_init"}, kNftables},
    Requirement{{"nft_masq", "CONFIG_NFT_MASQ", "nft_masq_init"}, kNftables},
    Requirement{{"nft_numgen", "CONFIG_NFT_NUMGEN", "nft_ng_random_init"}, kNftables},
    Requirement{{"nft_fib_inet", "CONFIG_NFT_FIB_INET", "nft_fib_inet_eval"}, kNftables},
    Requirement{{"ip_vs", "CONFIG_IP_VS", "ip_vs_conn_new"}, kIpvs},
    Requirement{{"ip_vs_rr", "CONFIG_IP_VS_RR", "ip_vs_rr_schedule"}, kIpvs},
    Requirement{{"ip_set_hash_ipport", "CONFIG_IP_SET_HASH_IPPORT", "hash_ipport_create"}, kIpvs},
    Requirement{{"xt_set", "CONFIG_NETFILTER_XT_SET", "set_match_v4"}, kIpvs},
    Requirement{{"dummy", "CONFIG_DUMMY", "dummy_setup"}, kIpvs},
    Requirement{{"cls_bpf", "CONFIG_NET_CLS_BPF", "cls_bpf_init"}, kEbpf},
    Requirement{{"sch_ingress", "CONFIG_NET_SCH_INGRESS", "ingress_init"}, kEbpf},
};

constexpr auto kFeatures = [] {
  std::array<Feature, kRequirements.size()> features{};
  std::ranges::transform(kRequirements, features.begin(), &Requirement::feature);
  return features;
}();

}  // namespace

std::span<const Feature> required_features() {
  return kFeatures;
}

bool needs(TargetMode mode, const Feature& feature) {
  return std::ranges::any_of(kRequirements, [&](const Requirement& requirement) {
    return requirement.feature.module == feature.module && (requirement.modes & bit(mode)) != 0;
  });
}

}  // namespace kubecliff::dataplane
