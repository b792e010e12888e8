"""From iptables or IPVS to another mode: who is ready, who has moved, and what it brought."""

from .common import (
    NO_CANARY, NO_KUBE_PROXY, NO_RESTORE, OF_KUBE_PROXY, ONE_NODE, PER_NODE, annotations, mean_of,
    linked_nodes, pools)
from .grafana import (
    MODES, NEUTRAL, bars, coloured, query, row, steps_until, table, timeline, timeseries)

TITLE = "Migration"
VARIABLES = ONE_NODE
ANNOTATIONS = annotations("POOL")
SINCE = "now-7d"


def rows():
    def by_mode(title, meaning, unit, expr, **more):
        return timeseries(title, meaning, unit, query(expr, "{{mode}}"),
                          overrides=coloured(MODES), **more)

    yield row("Where the fleet is")
    yield bars(
        "Nodes by mode",
        "The verdict that each node comes to, from its rules and from what kube-proxy says.",
        "locale", "sum by (mode) (cluster_node_pool_mode:kubecliff_dataplane_mode:sum{POOL}) > 0",
        "{{mode}}", thresholds=NEUTRAL, overrides=coloured(MODES))
    yield timeseries(
        "Nodes by mode, over time",
        "A move that goes on is a colour that gives way to another. One that stands still has "
        "nodes that were not restarted. IPVS ends with Kubernetes 1.43.",
        "locale",
        query("sum by (mode) (cluster_node_pool_mode:kubecliff_dataplane_mode:sum{POOL}) > 0",
            "{{mode}}"),
        stacked=True, overrides=coloured(MODES), checks=["ipvs_in_use"])
    yield timeseries(
        "Nodes in conflict, by kind",
        "Rules of two modes, or kube-proxy and the kernel of different opinions. Normal for "
        "minutes while a node moves; what stays are leftovers to be removed.",
        "locale",
        query("sum by (kind) (cluster_node_pool_kind:kubecliff_dataplane_conflict:sum{POOL})",
            "{{kind}}"),
        checks=["mode_conflict", "both_iptables_backends"])
    yield table(
        "Pools by mode",
        "Nodes of each pool in each mode: which pools are still to be moved.",
        [
            ("Nodes",
                "sum by (cluster, node_pool, mode) "
                "(cluster_node_pool_mode:kubecliff_dataplane_mode:sum{POOL}) > 0", "locale", None)],
        key={"cluster": "Cluster", "node_pool": "Pool", "mode": "Mode"}, sort="Nodes", width=12)
    yield table(
        "Nodes in conflict",
        "At most 50. A click leads to the node.",
        [
            ("Conflict",
                f"topk(50, max by ({PER_NODE}, kind) (kubecliff_dataplane_conflict{{POOL}} == 1))",
                "locale", None)],
        key={"instance": "Node", "node": "Name", "node_pool": "Pool", "cluster": "Cluster",
            "kind": "Kind"}, sort="Kind", hidden=["Value"], width=12,
        overrides=[linked_nodes()], empty="No node is in conflict")

    yield row("Who is ready")
    yield bars(
        "Kernel of nftables and eBPF",
        "Share of the nodes whose kernel has each piece: nf_tables and nft_* for nftables, cls_bpf "
        "and sch_ingress for eBPF. A node without one cannot move; `kubecliff preflight` on it "
        "says all that it needs.",
        "percentunit",
        "min by (module) (cluster_node_pool_module:kubecliff_kernel_module_ready:avg{POOL, "
        'module=~"nf_tables|nft_.*|cls_bpf|sch_ingress"})', "{{module}}",
        thresholds=steps_until((0.5, "red"), (1, "orange")), max=1,
        empty="Not told: /lib/modules of the nodes is not mounted")
    yield timeseries(
        "NodePorts by way of 127.0.0.1",
        "Packets to NodePorts on the loopback address, which nftables mode does not serve: whoever "
        "sends them must change first. kube-proxy counts them from 1.33 on.",
        "pps",
        pools("cluster_node_pool:kubeproxy_iptables_localhost_nodeports_accepted_packets:rate5m"),
        empty="No kube-proxy counts them")
    yield timeseries(
        "Rules of others in iptables",
        "They stay when kube-proxy moves, and some lean on its chains. The node with the most, by "
        "the program that owns them.",
        "locale",
        query(
            "max by (owner) (cluster_node_pool_owner:kubecliff_iptables_owner_rules:max{POOL, "
            'owner!="kube-proxy"}) > 0', "{{owner}}"),
        empty="No rules of others")

    yield row("What it brought: nodes of one mode beside those of another")
    yield by_mode(
        "A new connection",
        "Median over nodes of what the rules take for the first packet.",
        "s",
        'max by (mode) (cluster_mode:kubecliff_traversal_floor_seconds:p50{cluster=~"$cluster"})')
    yield by_mode(
        "Walking rules",
        "What walking rules takes on a node, in cores: the mean.",
        "suffix: cores",
        'max by (mode) (cluster_mode:kubecliff_walk_cpu_seconds:avg_rate5m{cluster=~"$cluster"})',
        decimals=4)
    yield by_mode(
        "kube-proxy",
        "What kube-proxy's process takes on a node, in cores: the mean.",
        "suffix: cores",
        'max by (mode) '
        '(cluster_mode:kubecliff_kubeproxy_cpu_seconds:avg_rate5m{cluster=~"$cluster"})',
        empty="No process of kube-proxy is seen")
    yield by_mode(
        "An update of the rules",
        "kube-proxy's own account of a whole update, on average.",
        "s",
        "max by (mode) (cluster_mode:kubeproxy_sync_proxy_rules_duration_seconds:mean5m"
        '{cluster=~"$cluster"})', width=12, empty=NO_KUBE_PROXY)
    yield by_mode(
        "A change becomes true",
        "From hearing of the canary's move to the first connection that follows, on average.",
        "s",
        'max by (mode) (cluster_mode:kubecliff_propagation_seconds:mean5m{cluster=~"$cluster"})',
        width=12, empty=NO_CANARY)

    yield row("Before and after on one node: $node")
    yield timeline(
        "Mode",
        "What kube-proxy says, what the kernel holds, and what follows.",
        "max by (signal, mode) (kubecliff_dataplane_mode{NODE} == 1)", "{{signal}}: {{mode}}",
        mappings=[(1, "yes", "green")], width=6)
    yield timeseries(
        "A new connection",
        "The rules' share of its first packet.",
        "s",
        query(
            'kubecliff_traversal_floor_seconds{NODE, flow="new"} - ignoring (flow) '
            'kubecliff_traversal_floor_seconds{NODE, flow="established"}', "{{family}}"),
        width=6)
    yield timeseries(
        "kube-proxy's processor time",
        "In cores, without that of the tools it runs.",
        "suffix: cores",
        query("rate(kubecliff_kubeproxy_cpu_seconds_total{NODE}[$__rate_interval])", "kube-proxy"),
        query("sum(rate(kubecliff_restore_cpu_seconds_total{NODE}[$__rate_interval]))",
            "its tools"),
        width=6, empty="No process of kube-proxy is seen")
    yield timeseries(
        "An update of the rules",
        "Mean run of iptables-restore or nft, and kube-proxy's whole update.",
        "s",
        query(mean_of("kubecliff_restore_duration_seconds", OF_KUBE_PROXY, "command", window="15m"),
            "{{command}}"),
        query(mean_of("kubeproxy_sync_proxy_rules_duration_seconds", "", "instance", window="15m"),
            "kube-proxy"),
        width=6, empty=NO_RESTORE)
