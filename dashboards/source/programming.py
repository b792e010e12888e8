"""How long a change of Services and endpoints takes to become true, and where the time goes."""

from .common import (
    NO_CANARY, NO_KUBE_PROXY, NO_RESTORE, SOME_NODES, annotations, as_kubecliff_serves, pool_p99,
    pools, top_nodes)
from .grafana import coloured, heatmap, query, row, steps_of, timeseries
from .panels import lock, propagation, restore_mean, restore_running, sync_duration, waiting

TITLE = "Service programming"
VARIABLES = SOME_NODES
ANNOTATIONS = annotations("NODES")
SINCE = "now-6h"


def per_node(counter, words):
    """Of kube-proxy's own counters, by the second."""
    metric = f"kubeproxy_sync_proxy_rules_{counter}_total"
    rate = as_kubecliff_serves(metric, f"rate({metric}{{NODES}}[$__rate_interval])", "NODES")
    return query(f"sum by (instance) ({rate})", f"{words} {{{{instance}}}}")


def rows():
    yield row("The whole way, by pool")
    yield timeseries(
        "From the change to the rules",
        "kube-proxy's own account, from the control plane's clock to the rules on the node, 99th "
        "percentile.",
        "s",
        pool_p99("kubeproxy_network_programming_duration_seconds"), empty=NO_KUBE_PROXY)
    yield timeseries(
        "From hearing of it to the first connection",
        "Measured by the canary: what clients see, by the node's own clock, 99th percentile.",
        "s",
        pool_p99("kubecliff_propagation_seconds"),
        bounds="propagation_p99", bounds_of="POOL", empty=NO_CANARY)
    yield timeseries(
        "Longest wait of a change",
        "The oldest change that a kube-proxy knows of and has not written. A line that climbs is "
        "one that is stuck.",
        "s", pools("cluster_node_pool:kubecliff_kubeproxy_sync_queued_seconds:max"),
        bounds="kubeproxy_sync_queued", bounds_of="POOL", empty=NO_KUBE_PROXY)
    yield heatmap(
        "Propagation, all moves",
        "Moves of the canary by how long they took on the nodes that measured them. A second band "
        "is a second kind of node.",
        "s", "sum by (le) (cluster_node_pool_le:kubecliff_propagation_seconds_bucket:rate5m{POOL})",
        empty=NO_CANARY)
    yield heatmap(
        "Runs of iptables-restore and nft, all nodes",
        "By how long they took. Full updates are a band of their own, above the partial ones.",
        "s",
        "sum by (le) (cluster_node_pool_le:kubecliff_restore_duration_seconds_bucket:rate5m{POOL})",
        empty=NO_RESTORE)
    yield top_nodes(
        "The 20 nodes on which a change waits longest",
        "A change that waits for minutes means connections to endpoints that are gone, on this "
        "node, now. Rules that are hours old mean a kube-proxy that has lost the API server.",
        [
            ("Waits", "kubecliff_kubeproxy_sync_queued_seconds{POOL}", "s",
                steps_of("kubeproxy_sync_queued")),
            ("Rules' age", "kubecliff_kubeproxy_sync_age_seconds{POOL}", "s",
                steps_of("kubeproxy_stale")),
            ("Restore runs for", "kubecliff_restore_running_seconds{POOL}", "s",
                steps_of("restore_running")),
            ("NAT rules", 'kubecliff_iptables_rules{POOL, table="nat"}', "locale", None),
            ("kube-proxy, cores", "rate(kubecliff_kubeproxy_cpu_seconds_total{POOL}[10m])",
                "locale", steps_of("kubeproxy_cpu"))],
        by="max by (cluster, instance) (kubecliff_kubeproxy_sync_queued_seconds{POOL})",
        sort="Waits", empty=NO_KUBE_PROXY)

    yield row("1. kube-proxy hears of it and waits: $node")
    yield waiting("NODES")
    yield timeseries(
        "Changes heard of",
        "Of endpoints and of Services. Where changes come faster than they are written they wait.",
        "cps",
        per_node("endpoint_changes", "endpoints"),
        per_node("service_changes", "Services"),
        empty=NO_KUBE_PROXY)
    yield timeseries(
        "Age of the rules",
        "Since kube-proxy's last update. It brings rules up to date once an hour even where "
        "nothing changes.",
        "s",
        query("max by (instance) (kubecliff_kubeproxy_sync_age_seconds{NODES})", "{{instance}}"),
        bounds="kubeproxy_stale", bounds_of="NODES", empty=NO_KUBE_PROXY)

    yield row("2. kube-proxy computes: $node")
    yield sync_duration("NODES")
    yield timeseries(
        "Rules written by each update",
        "Of all that it has. Every update that writes nearly all of them is a full one: kube-proxy "
        "restarted, or a partial one failed.",
        "percentunit",
        query(
            # A share is the same where both are there twice.
            'sum by (instance) (kubeproxy_sync_proxy_rules_iptables_last{NODES, table="nat"}) / '
            'sum by (instance) (kubeproxy_sync_proxy_rules_iptables_total{NODES, table="nat"} > 0)',
            "{{instance}}"),
        empty=NO_KUBE_PROXY)
    yield timeseries(
        "Failed updates",
        "By kube-proxy's own count. A partial one that fails is followed by a full one.",
        "cps",
        per_node("iptables_restore_failures", "restore"),
        per_node("iptables_partial_restore_failures", "partial"),
        per_node("nftables_sync_failures", "nftables"),
        empty=NO_KUBE_PROXY)

    yield row("3. The kernel takes the rules: $node")
    yield restore_mean("NODES")
    yield restore_running("NODES")
    yield lock("NODES")

    yield row("4. Connections follow: $node")
    yield propagation("NODES")
    yield timeseries(
        "Moves of the canary, by result",
        "timeout: this node never routed as the move said. late: it heard of it when its "
        "connection to the API server came back.",
        "cps",
        query("sum by (result) (rate(kubecliff_propagation_moves_total{NODES}[$__rate_interval]))",
            "{{result}}"),
        checks=["propagation_timeouts"], empty=NO_CANARY,
        overrides=coloured(
            {"measured": "green", "timeout": "red", "late": "orange", "not_chosen": "text"}))
    yield timeseries(
        "Connections after the first that followed",
        "Where the ten after it led. Any that is not new met rules that were half programmed.",
        "cps",
        query(
            "sum by (result) "
            "(rate(kubecliff_propagation_settling_connections_total{NODES}[$__rate_interval]))",
            "{{result}}"),
        empty=NO_CANARY, overrides=coloured({"new": "green", "old": "orange", "nothing": "red"}))
