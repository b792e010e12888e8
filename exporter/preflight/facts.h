// Facts: what is known of this node before a move. A plain value: gather.h fills it in, checks.h
// judges it. What could not be found out is nothing, never 0.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/kernel/kernel_feature.h"
#include "exporter/preflight/kube_proxy_settings.h"
#include "exporter/preflight/version.h"

namespace kubecliff::preflight {

using Count = std::optional<std::uint64_t>;

// What is in use, as the present mode's rules, sets or servers say it: of the address family that
// has more of it.
struct Features {
  Count services = {};   // ports of them
  Count endpoints = {};  // each once for each such port
  Count node_ports = {};
  Count affinity = {};       // endpoints of Services with affinity ClientIP
  Count source_ranges = {};  // ports of load balancers that only some may use
  Count local_policy = {};   // ports of Services whose outside traffic stays on its node
};

// What iptables mode counts of connections that another mode would treat differently; since
// kube-proxy's start.
struct KubeProxyCounters {
  Count localhost_node_ports = {};  // packets to NodePorts by way of 127.0.0.1
  Count invalid_dropped = {};       // packets that conntrack could not place
};

enum class Presence : std::uint8_t {
  runs,
  absent,
  unclear,  // its port is closed, and the node's processes or network are not seen
};

inline constexpr std::string_view kFromCommandLine = "its command line";

struct KubeProxy {
  Presence presence = Presence::unclear;
  std::string version;                             // as it says itself; empty: it does not
  std::string version_unread;                      // why it does not
  std::string mode;                                // the same
  std::optional<KubeProxySettings> settings;       // nothing: not readable
  std::string settings_from;                       // kFromCommandLine, or the file's path
  std::string settings_unread;                     // why they are not
  std::map<std::string, bool, std::less<>> tools;  // whether its file system has them
  KubeProxyCounters counters;
};

// A file system that an eBPF dataplane lives on.
enum class Mount : std::uint8_t { there, not_there, not_in_kernel };

struct Facts {
  std::string node;
  std::string kernel;  // its release
  std::map<std::string, ModuleState, std::less<>> modules;
  std::optional<bool> first_network_namespace;
  std::optional<std::string> mode;     // the verdict of the collector `dataplane`; "none" is one
  std::vector<std::string> conflicts;  // of the same, by kind
  std::optional<Features> features;
  Count firewall_rules;  // of ufw and firewalld in iptables
  std::optional<bool> tcp_be_liberal;
  KubeProxy kube_proxy;
  std::optional<bool> host_has_nft;
  std::optional<Mount> bpf_fs;      // where --collector.dataplane.bpf-fs says
  std::optional<Mount> cgroup2;     // anywhere, as far as this process sees
  std::vector<std::string> unread;  // what went wrong while finding out, in words
};

}  // namespace kubecliff::preflight
