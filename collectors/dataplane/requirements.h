// The pieces of the kernel that kube-proxy's modes and Cilium need.
#pragma once

#include <span>

#include "collectors/kernel/kernel_feature.h"

namespace kubecliff::dataplane {

// What the rules of pkg/proxy/{iptables,nftables,ipvs} of Kubernetes use, and what Cilium's
// documentation asks for. Left out is what comes along with one of these, and what every
// distribution's kernel has.
// iptables mode:
inline constexpr Feature kXtStatistic{.module = "xt_statistic",
                                      .config = "CONFIG_NETFILTER_XT_MATCH_STATISTIC",
                                      .symbol = "statistic_mt"};
inline constexpr Feature kXtRecent{
    .module = "xt_recent", .config = "CONFIG_NETFILTER_XT_MATCH_RECENT", .symbol = "recent_mt"};
inline constexpr Feature kXtNat{
    .module = "xt_nat", .config = "CONFIG_NETFILTER_XT_NAT", .symbol = "xt_dnat_target_v2"};

// nftables mode:
inline constexpr Feature kNftNat{
    .module = "nft_nat", .config = "CONFIG_NFT_NAT", .symbol = "nft_nat_init"};
inline constexpr Feature kNftMasq{
    .module = "nft_masq", .config = "CONFIG_NFT_MASQ", .symbol = "nft_masq_init"};
inline constexpr Feature kNftNumgen{
    .module = "nft_numgen", .config = "CONFIG_NFT_NUMGEN", .symbol = "nft_ng_random_init"};
inline constexpr Feature kNftFibIpv4{
    .module = "nft_fib_ipv4", .config = "CONFIG_NFT_FIB_IPV4", .symbol = "nft_fib4_eval"};

// IPVS mode:
inline constexpr Feature kIpVs{
    .module = "ip_vs", .config = "CONFIG_IP_VS", .symbol = "ip_vs_conn_new"};
inline constexpr Feature kIpVsRr{
    .module = "ip_vs_rr", .config = "CONFIG_IP_VS_RR", .symbol = "ip_vs_rr_schedule"};
inline constexpr Feature kIpSetHashIpport{.module = "ip_set_hash_ipport",
                                          .config = "CONFIG_IP_SET_HASH_IPPORT",
                                          .symbol = "hash_ipport_create"};
inline constexpr Feature kXtSet{
    .module = "xt_set", .config = "CONFIG_NETFILTER_XT_SET", .symbol = "set_match_v4"};
inline constexpr Feature kDummy{
    .module = "dummy", .config = "CONFIG_DUMMY", .symbol = "dummy_setup"};

// Cilium:
inline constexpr Feature kClsBpf{
    .module = "cls_bpf", .config = "CONFIG_NET_CLS_BPF", .symbol = "cls_bpf_init"};
inline constexpr Feature kSchIngress{
    .module = "sch_ingress", .config = "CONFIG_NET_SCH_INGRESS", .symbol = "ingress_init"};

// All of them, and netlink::kNfTables.
[[nodiscard]] std::span<const Feature> required_features();

}  // namespace kubecliff::dataplane
