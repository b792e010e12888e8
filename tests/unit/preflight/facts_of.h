// Nodes on which every check is fine, for tests to spoil.
#pragma once

#include "exporter/preflight/facts.h"
#include "exporter/preflight/needs.h"
#include "exporter/preflight/target.h"

namespace kubecliff::preflight {

// A node in iptables mode with nothing in use that another mode would treat differently.
inline Facts ready_for(Target target) {
  Facts facts;
  facts.node = "worker-1";
  facts.kernel = "6.1.0-18-amd64";
  for (const Need& need : needs_of(target)) {
    facts.modules.emplace(need.feature.module, ModuleState::loadable);
  }
  facts.modules.emplace("ip_vs_rr", ModuleState::loadable);
  facts.first_network_namespace = true;
  facts.mode = "iptables-nft";
  facts.features = Features{.services = 40,
                            .endpoints = 120,
                            .node_ports = 0,
                            .affinity = 0,
                            .source_ranges = 0,
                            .local_policy = 0};
  facts.firewall_rules = 0;
  facts.tcp_be_liberal = false;
  facts.kube_proxy.presence = target == Target::ebpf ? Presence::absent : Presence::runs;
  facts.kube_proxy.version = "v1.33.1";
  facts.kube_proxy.mode = "iptables";
  facts.kube_proxy.settings = KubeProxySettings{.mode = "iptables",
                                                .cluster_cidr = "10.244.0.0/16",
                                                .detect_local_mode = {},
                                                .scheduler = {},
                                                .node_ports_on = {},
                                                .strict_arp = true,
                                                .localhost_node_ports = {},
                                                .masquerade_all = {},
                                                .tcp_be_liberal = {},
                                                .nftables_gate = {},
                                                .ipvs_gate = {}};
  facts.kube_proxy.settings_from = "/var/lib/kube-proxy/config.conf";
  facts.kube_proxy.tools = {{"nft", true}, {"ipset", true}};
  facts.kube_proxy.counters = {.localhost_node_ports = 0, .invalid_dropped = 0};
  facts.host_has_nft = false;
  facts.bpf_fs = Mount::there;
  facts.cgroup2 = Mount::there;
  return facts;
}

}  // namespace kubecliff::preflight
