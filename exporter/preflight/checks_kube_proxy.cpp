#include <string>
#include <string_view>
#include <utility>

#include "exporter/preflight/checklist.h"

namespace kubecliff::preflight {
namespace {

// Kubernetes KEP-3866: alpha, beta, and for everybody.
constexpr Version kNftablesAlpha{.major = 1, .minor = 29};
constexpr Version kNftablesBeta{.major = 1, .minor = 31};
constexpr Version kNftablesStable{.major = 1, .minor = 33};
// From here on it speaks to the kernel itself (NFTablesNetlink).
constexpr Version kNftablesWithoutTool{.major = 1, .minor = 37};
// KEP-5495: deprecated, off by default, and gone.
constexpr Version kIpvsDeprecated{.major = 1, .minor = 35};
constexpr Version kIpvsOff{.major = 1, .minor = 40};
constexpr Version kIpvsGone{.major = 1, .minor = 43};

std::string version_found(const KubeProxy& proxy, std::string_view about) {
  return proxy.version + "; " + std::string{about};
}

// A mode behind a gate: blocked where it is known not to be set.
Outcome behind_gate(const KubeProxy& proxy, std::optional<bool> KubeProxySettings::* gate) {
  const bool unset = proxy.settings && (*proxy.settings).*gate != true;
  return unset ? Outcome::blocked : Outcome::warning;
}

void check_nftables_version(const Version& version, const KubeProxy& proxy, Checks& checks) {
  const auto judge = [&](Outcome outcome, std::string_view about, std::string advice = {}) {
    add(checks, "kube-proxy/version", outcome, version_found(proxy, about), std::move(advice));
  };
  if (version < kNftablesAlpha) {
    judge(Outcome::blocked, "nftables mode begins with 1.29",
          "bring the cluster to 1.33 or later first");
  } else if (version < kNftablesBeta) {
    judge(
        behind_gate(proxy, &KubeProxySettings::nftables_gate),
        "nftables mode is alpha up to 1.30, behind a gate",
        "bring the cluster to 1.33 or later first; or set featureGates: {NFTablesProxyMode: true}");
  } else if (version < kNftablesStable) {
    judge(Outcome::note, "nftables mode is beta up to 1.32",
          "better move with 1.33, where it is stable");
  } else {
    judge(Outcome::ok, "nftables mode is stable from 1.33 on");
  }
}

void check_ipvs_version(const Version& version, const KubeProxy& proxy, Checks& checks) {
  const auto judge = [&](Outcome outcome, std::string_view about, std::string advice) {
    add(checks, "kube-proxy/version", outcome, version_found(proxy, about), std::move(advice));
  };
  constexpr std::string_view kInstead =
      "move to nftables instead: kubecliff preflight --to=nftables";
  if (version >= kIpvsGone) {
    judge(Outcome::blocked, "IPVS mode is planned to be gone from 1.43 on", std::string{kInstead});
  } else if (version >= kIpvsOff) {
    judge(behind_gate(proxy, &KubeProxySettings::ipvs_gate),
          "IPVS mode is off from 1.40 on, and gone in 1.43",
          std::string{kInstead} + "; or set featureGates: {KubeProxyIPVS: true}");
  } else if (version >= kIpvsDeprecated) {
    judge(Outcome::warning, "IPVS mode is deprecated since 1.35, off in 1.40, gone in 1.43",
          std::string{kInstead});
  } else {
    judge(Outcome::warning,
          "IPVS mode works, and is a dead end: deprecated in 1.35, off in 1.40, gone in 1.43",
          std::string{kInstead});
  }
}

void check_version(Target target, const KubeProxy& proxy, Checks& checks) {
  const auto version = parse_version(proxy.version);
  if (!version) {
    add(checks, "kube-proxy/version", Outcome::unknown,
        proxy.version.empty()
            ? "not known: " + (proxy.version_unread.empty() ? "its metrics do not have it"
                                                            : proxy.version_unread)
            : "not understood: " + proxy.version,
        "compare --collector.kubeproxy.url with kube-proxy's metricsBindAddress");
  } else if (target == Target::nftables) {
    check_nftables_version(*version, proxy, checks);
  } else {
    check_ipvs_version(*version, proxy, checks);
  }
}

void check_told_mode(Target target, const KubeProxy& proxy, Checks& checks) {
  const std::string wanted{name(target)};
  const std::string told = proxy.settings->mode.value_or("");
  const std::string by = ", by " + proxy.settings_from;
  if (told == wanted) {
    const bool runs = proxy.mode.empty() || proxy.mode == wanted;
    add(checks, "kube-proxy/mode", runs ? Outcome::ok : Outcome::warning,
        runs ? wanted + by : "told " + wanted + by + ", and runs in " + proxy.mode + " mode",
        runs ? "" : "it was not started anew since, or fell back: read its log");
    return;
  }
  add(checks, "kube-proxy/mode", Outcome::note,
      told.empty() ? "not set" + by + ": iptables, the default" : told + by,
      proxy.settings_from.starts_with('/') ? "set mode: " + wanted + " there"
                                           : "start it with --proxy-mode=" + wanted);
}

void check_settings(Target target, const KubeProxy& proxy, Checks& checks) {
  if (!proxy.settings) {
    add(checks, "kube-proxy/configuration", Outcome::warning,
        "not readable: " + proxy.settings_unread,
        "run as root with hostPID: true; its defaults are assumed below");
    return;
  }
  const KubeProxySettings& told = *proxy.settings;
  check_told_mode(target, proxy, checks);

  const bool by_cidr = told.detect_local_mode.value_or("ClusterCIDR") == "ClusterCIDR";
  if (told.cluster_cidr && !told.cluster_cidr->empty()) {
    add(checks, "kube-proxy/cluster-cidr", Outcome::ok, *told.cluster_cidr);
  } else if (!by_cidr) {
    add(checks, "kube-proxy/cluster-cidr", Outcome::ok,
        "not needed: local traffic is told by " + *told.detect_local_mode);
  } else {
    add(checks, "kube-proxy/cluster-cidr", Outcome::warning,
        "not set: kube-proxy cannot tell pods from clients outside",
        "set clusterCIDR, or another detectLocalMode, before the move");
  }
  if (target == Target::ipvs) {
    const bool strict = told.strict_arp.value_or(false);
    add(checks, "kube-proxy/strict-arp", strict ? Outcome::ok : Outcome::note,
        strict ? "on" : "off: this node would answer ARP for every address of a Service",
        strict ? "" : "set ipvs.strictARP: true where MetalLB's layer 2 mode or kube-vip runs");
  }
}

void check_tool(const KubeProxy& proxy, const std::string& tool, std::string_view needed,
                Checks& checks) {
  const auto found = proxy.tools.find(tool);
  const std::string id = "tool/" + tool;
  if (found == proxy.tools.end()) {
    add(checks, id, Outcome::note, "kube-proxy's file system cannot be looked at",
        "kubectl -n kube-system exec ds/kube-proxy -- " + tool +
            " --version: " + std::string{needed});
  } else if (found->second) {
    // Its version would be its own word, and kubecliff starts no program.
    add(checks, id, Outcome::ok, "kube-proxy has one; its version is not seen");
  } else {
    add(checks, id, Outcome::blocked, "kube-proxy has none in its file system",
        "take an image of kube-proxy that has " + tool + ", " + std::string{needed});
  }
}

void check_tools(Target target, const KubeProxy& proxy, Checks& checks) {
  if (target == Target::ipvs) {
    check_tool(proxy, "ipset", "6.0 or later", checks);
    return;
  }
  const auto version = parse_version(proxy.version);
  if (version && *version >= kNftablesWithoutTool) {
    add(checks, "tool/nft", Outcome::ok, "not needed: kube-proxy from 1.37 on starts none");
  } else {
    check_tool(proxy, "nft", "1.0.1 or later", checks);
  }
}

void check_before_ebpf(const KubeProxy& proxy, Checks& checks) {
  switch (proxy.presence) {
    case Presence::runs:
      add(checks, "kube-proxy", Outcome::note,
          "runs; beside Cilium's replacement of it neither knows the other's connections",
          "take it away from a drained node, and remove its rules, before Cilium takes over");
      break;
    case Presence::absent:
      add(checks, "kube-proxy", Outcome::ok, "none runs on this node");
      break;
    case Presence::unclear:
      add(checks, "kube-proxy", Outcome::note, "whether one runs cannot be told");
      break;
  }
  add(checks, "kube-proxy/health-port", Outcome::note,
      "Cilium does not answer at kube-proxy's health port, 10256, unless told to",
      "where load balancers ask there: kubeProxyReplacementHealthzBindAddr");
  if (proxy.settings && proxy.settings->masquerade_all.value_or(false)) {
    add(checks, "kube-proxy/masquerade-all", Outcome::note,
        "on, so that pods see the node's address; Cilium shows them their clients'");
  }
}

}  // namespace

void check_kube_proxy(Target target, const Facts& facts, Checks& checks) {
  const KubeProxy& proxy = facts.kube_proxy;
  if (target == Target::ebpf) {
    check_before_ebpf(proxy, checks);
    return;
  }
  switch (proxy.presence) {
    case Presence::absent:
      add(checks, "kube-proxy", Outcome::unknown, "none runs on this node",
          "run this where one does: the mode is kube-proxy's");
      return;
    case Presence::unclear:
      add(checks, "kube-proxy", Outcome::unknown, "neither its port nor its process is seen",
          "run with hostNetwork: true and hostPID: true; compare --collector.kubeproxy.url with "
          "its metricsBindAddress");
      return;
    case Presence::runs:
      break;
  }
  add(checks, "kube-proxy", Outcome::ok,
      proxy.mode.empty() ? "runs" : "runs, in " + proxy.mode + " mode by its own word");
  check_version(target, proxy, checks);
  check_settings(target, proxy, checks);
  check_tools(target, proxy, checks);
}

}  // namespace kubecliff::preflight
