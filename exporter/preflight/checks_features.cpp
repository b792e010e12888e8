#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "exporter/preflight/checklist.h"

namespace kubecliff::preflight {
namespace {

// Conntrack's bug that iptables mode works around (Kubernetes' documentation of nftables mode).
constexpr Version kLiberalKernel{.major = 6, .minor = 1};
// Before that, the kernel gives Cilium no cookie by which to tell a pod's network.
constexpr Version kAffinityKernel{.major = 5, .minor = 7};
// An ipset of kube-proxy's, whose default it does not change.
constexpr std::uint64_t kSetEntries = 65'536;
// A port takes an entry of Cilium's map, and one more for each of its endpoints.
constexpr std::uint64_t kMapEntries = 65'536;
// kube-proxy 1.36 took 13 minutes for the first rules of 5,006 Services with 250,000 endpoints.
constexpr std::uint64_t kManyServices = 5'000;
constexpr std::uint64_t kManyEndpoints = 50'000;
// From here on the walk over all servers, every two seconds, delays packets.
constexpr std::uint64_t kManyServers = 10'000;

class FeatureChecks {
 public:
  FeatureChecks(Target target, const Facts& facts, const Features& features, Checks& checks)
      : target_{target}, facts_{facts}, features_{features}, checks_{checks} {}

  void run() {
    check_size();
    check_node_ports();
    check_local_policy();
    check_affinity();
    check_source_ranges();
    if (target_ == Target::nftables && from_iptables()) {
      check_conntrack();
    }
  }

 private:
  void add(std::string id, Outcome outcome, std::string found, std::string advice = {}) {
    preflight::add(checks_, std::move(id), outcome, std::move(found), std::move(advice));
  }

  [[nodiscard]] bool from_iptables() const { return facts_.mode->starts_with("iptables"); }

  void check_size() {
    const std::uint64_t services = features_.services.value_or(0);
    const std::uint64_t endpoints = features_.endpoints.value_or(0);
    const std::string found =
        counted(services, "port") + " of Services, " + counted(endpoints, "endpoint");
    if (target_ == Target::ipvs && services > kSetEntries) {
      add("size", Outcome::blocked, found + "; kube-proxy's ipsets hold 65,536",
          "move to nftables instead: what does not fit is left out without a word");
    } else if (target_ == Target::ipvs && services + endpoints > kManyServers) {
      add("size", Outcome::warning,
          found + "; IPVS walks all of them every two seconds, which delays packets",
          "from Linux 5.16 on set net.ipv4.vs.run_estimation=0; watch "
          "kubecliff_ipvs_estimator_cpu_seconds_total and kubecliff_ipset_entries");
    } else if (target_ == Target::nftables &&
               (services >= kManyServices || endpoints >= kManyEndpoints)) {
      add("size", Outcome::warning, found + "; the first rules of so many take minutes",
          "move one drained node first, and let it back in when "
          "kubecliff_ruleset_busy_running_seconds is 0");
    } else if (target_ == Target::ebpf && services + endpoints > kMapEntries) {
      add("size", Outcome::warning,
          found + "; Cilium's map of Services has room for 65,536 of both together, unless told",
          "set bpf.lbMapMax; watch kubecliff_dataplane_map_entries");
    } else {
      add("size", Outcome::ok, found);
    }
  }

  void check_node_ports() {
    if (features_.node_ports == 0U) {
      add("node-ports", Outcome::ok, "none in use");
      return;
    }
    if (!features_.node_ports) {
      add("node-ports", Outcome::note, "how many are in use cannot be told");
      return;
    }
    check_source_address();
    if (target_ == Target::nftables) {
      check_addresses();
      check_firewall();
    }
    if (target_ != Target::ebpf && from_iptables()) {
      check_localhost();
    }
  }

  [[nodiscard]] std::string node_ports() const {
    return counted(*features_.node_ports, "NodePort");
  }

  void check_source_address() {
    if (target_ == Target::ebpf) {
      add("node-ports/source-address", Outcome::note,
          node_ports() + "; with policy Cluster pods see a node's address, as before",
          "Cilium's DSR mode keeps the client's, if that is wanted");
    } else {
      add("node-ports/source-address", Outcome::ok,
          node_ports() + "; policy Cluster hides the client's address, Local keeps it, as before");
    }
  }

  void check_addresses() {
    const auto& told = facts_.kube_proxy.settings;
    if (!told || !told->node_ports_on || told->node_ports_on->empty()) {
      add("node-ports/addresses", Outcome::warning,
          node_ports() +
              "; nftables mode serves them on the node's primary addresses only, others on all",
          "set nodePortAddresses (all: [0.0.0.0/0, ::/0]) where clients use another address");
      return;
    }
    std::string addresses;
    for (const std::string& address : *told->node_ports_on) {
      addresses += (addresses.empty() ? "" : ", ") + address;
    }
    add("node-ports/addresses", Outcome::ok, node_ports() + " on " + addresses + ", as before");
  }

  // iptables mode opens the ports, in the only place that it can: iptables.
  void check_firewall() {
    if (!from_iptables()) {
      return;
    }
    const bool firewall = facts_.firewall_rules.value_or(0) > 0;
    add("node-ports/firewall", firewall ? Outcome::warning : Outcome::note,
        std::string{firewall ? "ufw or firewalld has rules here, and " : ""} +
            "nftables mode does not open NodePorts in the node's firewall, as iptables mode did",
        "open the NodePort range, 30000-32767, where the node has a firewall");
  }

  void check_localhost() {
    const auto& told = facts_.kube_proxy.settings;
    const Count used = facts_.kube_proxy.counters.localhost_node_ports;
    const std::string without = std::string{name(target_)} + " mode has no NodePorts on 127.0.0.1";
    if (told && told->localhost_node_ports == false) {
      add("node-ports/localhost", Outcome::ok, "not served on 127.0.0.1 before the move either");
    } else if (!used) {
      add("node-ports/localhost", Outcome::note,
          without + "; whether anybody uses them is not counted (kube-proxy before 1.31)",
          "look for clients that connect to localhost, such as image pulls from a registry there");
    } else if (*used > 0) {
      add("node-ports/localhost", Outcome::warning,
          without + "; " + counted(*used, "packet") + " came that way since kube-proxy's start",
          "have these clients use the node's own address");
    } else {
      add("node-ports/localhost", Outcome::ok, "nobody has used them on 127.0.0.1");
    }
  }

  void check_local_policy() {
    if (features_.local_policy.value_or(0) > 0) {
      add("traffic-policy", Outcome::ok,
          counted(*features_.local_policy, "port") + " of Services with policy Local, as before");
    }
  }

  void check_affinity() {
    if (features_.affinity == 0U) {
      add("session-affinity", Outcome::ok, "none in use");
      return;
    }
    const std::string found = features_.affinity
                                  ? counted(*features_.affinity, "endpoint") + " with ClientIP"
                                  : std::string{"whether it is in use is not seen in this mode"};
    const auto kernel = parse_version(facts_.kernel);
    if (target_ == Target::ebpf && kernel && *kernel < kAffinityKernel) {
      add("session-affinity", Outcome::warning,
          found + "; before Linux 5.7 Cilium cannot tell the pods of a node apart",
          "take a newer kernel where pods of one node are to be told apart");
    } else {
      add("session-affinity", Outcome::note,
          found + "; whom it has kept together is forgotten once, with the move");
    }
  }

  void check_source_ranges() {
    if (features_.source_ranges == 0U) {
      add("source-ranges", Outcome::ok, "no load balancer has any");
      return;
    }
    const std::string found =
        features_.source_ranges
            ? counted(*features_.source_ranges, "load-balancer port") + " with source ranges"
            : std::string{"whether load balancers have any cannot be told"};
    if (target_ == Target::ebpf) {
      add("source-ranges", Outcome::warning,
          found + "; Cilium keeps to them for clients outside, and lets pods and nodes pass",
          "use a NetworkPolicy where pods are to be kept out");
    } else {
      add("source-ranges", Outcome::ok, found + ", kept to as before");
    }
  }

  void check_conntrack() {
    const auto kernel = parse_version(facts_.kernel);
    const Count dropped = facts_.kube_proxy.counters.invalid_dropped;
    const auto& told = facts_.kube_proxy.settings;
    const bool liberal =
        facts_.tcp_be_liberal == true || (told && told->tcp_be_liberal.value_or(false));
    if (!kernel || *kernel >= kLiberalKernel || liberal) {
      add("conntrack", Outcome::ok,
          liberal ? "tcp_be_liberal is on" : "resets of long connections are mended from 6.1 on");
    } else if (dropped && *dropped > 0) {
      add("conntrack", Outcome::warning,
          counted(*dropped, "packet") + " that nothing could place " +
              "would have reset connections, and nftables mode does not drop them",
          "set conntrack.tcpBeLiberal: true before the move");
    } else {
      add("conntrack", Outcome::note,
          "before Linux 6.1 long connections can be reset, which iptables mode works around",
          "if that is seen after the move, set conntrack.tcpBeLiberal: true");
    }
  }

  Target target_;
  const Facts& facts_;
  const Features& features_;
  Checks& checks_;
};

void check_connections(Target target, const Facts& facts, Checks& checks) {
  const bool kept = target == Target::nftables && facts.mode->starts_with("iptables");
  add(checks, "connections", Outcome::note,
      kept ? "those under way are kept in conntrack, and go on; new ones wait for the first rules"
           : "those under way to Services may break: the new mode knows nothing of them",
      "drain the node, move it, and let it back in");
}

// Cilium's documentation of its replacement, what it denies by default and its limits.
void check_only_ebpf(Checks& checks) {
  add(checks, "cluster-ips", Outcome::note,
      "Cilium lets nobody outside the cluster use a ClusterIP unless told to",
      "where routes lead clients there: bpf.lbExternalClusterIP");
  add(checks, "network-storage", Outcome::note,
      "NFS, SMB and Ceph mounts by way of a ClusterIP may break: sockets are connected to "
      "endpoints",
      "look for volumes whose server is a Service");
}

}  // namespace

void check_features(Target target, const Facts& facts, Checks& checks) {
  if (target == Target::ebpf) {
    check_only_ebpf(checks);
  }
  if (!facts.mode || *facts.mode == name(target) || *facts.mode == "none") {
    return;
  }
  if (facts.features) {
    FeatureChecks{target, facts, *facts.features, checks}.run();
  } else if (*facts.mode == "ebpf") {
    add(checks, "features", Outcome::warning,
        "NodePorts, session affinity and source ranges are in eBPF maps, which do not tell",
        "ask the API: kubectl get services --all-namespaces --output wide");
  } else {
    add(checks, "features", Outcome::unknown,
        "NodePorts, session affinity and source ranges could not be read",
        "run as root, or with CAP_NET_ADMIN, in the node's network");
  }
  check_connections(target, facts, checks);
}

}  // namespace kubecliff::preflight
