"""Which nodes are nearest to a cliff, which pools are on their way, and how long they have."""

from .common import (
    ALL_NODES, CLIFFS, NO_CANARY, NO_KUBE_PROXY, NO_RESTORE, alerts_table, annotations, pool_p99,
    pools, top_nodes)
from .grafana import (
    BAD, MODES, NEAR, OUTAGE, coloured, query, row, stat, steps_of, steps_until, table, timeseries)

TITLE = "Fleet"
VARIABLES = ALL_NODES
ANNOTATIONS = annotations("POOL")
SINCE = "now-24h"


def rows():
    worst = "cluster_node_pool_check:kubecliff_cliff:max"
    yield row("Now")
    yield stat(
        "Nodes",
        "Nodes on which kubecliff reads connection tracking. Fewer than the cluster has: it is not "
        "on all of them, or Prometheus does not reach it.",
        "locale", "sum(cluster_node_pool:kubecliff_nodes:count{POOL})", width=3)
    yield stat(
        "Not scraped",
        "Instances of kubecliff that Prometheus cannot scrape. A node whose connection tracking is "
        "full refuses new connections, this one too: look at these first.",
        "locale", 'count(up{POOL, job=~".*kubecliff.*"} == 0)', thresholds=OUTAGE, width=3,
        empty="0", checks=["exporter_down"])
    yield stat(
        "Past a critical bound",
        "Nodes over the critical bound of at least one of the cliffs below, whether or not for "
        "long enough to raise the alert.",
        "locale", "count(node:kubecliff_cliff:max{POOL} >= 1)", thresholds=OUTAGE, width=4,
        empty="0")
    yield stat(
        "New connections dropped",
        "Packets that began a connection and found connection tracking full, of all nodes. Any is "
        "an outage for somebody.",
        "pps", "sum(cluster_node_pool:kubecliff_conntrack_drop:rate5m{POOL})",
        thresholds=steps_of("conntrack_drops"), width=4, checks=["conntrack_drops"])
    yield stat(
        "Spent on walking rules",
        "Processor time that the fleet spends on taking new connections through iptables, in "
        "cores. It is what a move to nftables gives back.",
        "suffix: cores", "sum(cluster_node_pool:kubecliff_walk_cpu_seconds:rate5m{POOL})", width=4,
        decimals=2)
    yield stat(
        "Conflicts",
        "Signs that nodes contradict themselves on their mode: two sets of rules, or kube-proxy "
        "saying one thing and the kernel another.",
        "locale", "sum(cluster_node_pool_kind:kubecliff_dataplane_conflict:sum{POOL})",
        thresholds=BAD, width=3, checks=["mode_conflict", "both_iptables_backends"])
    yield stat(
        "Collectors failing",
        "Collectors that cannot read what they read, of all nodes: there the figures below are "
        "missing or old.",
        "locale", "sum(cluster_node_pool_collector:kubecliff_collector_failing:count{POOL})",
        thresholds=BAD, width=3, empty="0", checks=["collector_failing"])

    yield row("Nearest to the cliff")
    yield top_nodes(
        "The 20 nodes nearest to a cliff",
        "How much of the way to the critical bound of a check each node has gone: at 100 % its "
        "alert is due. Nearest is the furthest of the six. A click on a node leads to all there is "
        "about it.",
        [("Nearest", "node:kubecliff_cliff:max{POOL}", "percentunit", NEAR),
            *((name, f'node_check:kubecliff_cliff:ratio{{POOL, check="{check}"}}', "percentunit",
                NEAR)
                for name, check in CLIFFS.items()),
            ("Conntrack in 1 h",
                "predict_linear(node:kubecliff_conntrack_use:ratio{POOL}[30m], 3600)",
                "percentunit", steps_of("conntrack_use"))],
        by="node:kubecliff_cliff:max{POOL}", sort="Nearest")
    yield alerts_table(
        "Alerts firing",
        "Nodes on which each alert fires now. A click on its name leads to the runbook.",
        "sum by (alertname, severity) "
        "(cluster_node_pool_alertname_severity:kubecliff_alerts:count{POOL})", "Nodes", width=10)
    yield timeseries(
        "Nodes with an alert",
        "Nodes on which alerts fire, by alert. One line that jumps is a change that reached all "
        "nodes; one that creeps is growth.",
        "locale",
        query(
            "sum by (alertname) (cluster_node_pool_alertname_severity:kubecliff_alerts:count"
            '{POOL, severity!="info"})', "{{alertname}}"),
        width=14, empty="No alert is firing")

    yield row("Trend and forecast")
    yield timeseries(
        "Way to each cliff",
        "The worst node of the chosen pools, by cliff: share of the way to its critical bound. "
        "Alerts are due at 100 %.",
        "percentunit",
        query("max by (check) (cluster_node_pool_check:kubecliff_cliff:max{POOL})", "{{check}}"),
        line=1, width=12)
    yield table(
        "Time left",
        "How long until the worst node of a pool reaches a critical bound, if the week that has "
        "passed goes on the same: the highest of the last day beside the highest of a day a week "
        "ago, so that nights and weekends do not count. Below a month: plan. Below a week: act.",
        [
            ("Time left",
                f"(1 - max_over_time({worst}{{POOL}}[1d])) / ((max_over_time({worst}{{POOL}}[1d])"
                f" - max_over_time({worst}{{POOL}}[1d] offset 1w)) / (7 * 86400) > 0) < 365 * "
                f"86400", "s", steps_until((7 * 86400, "red"), (30 * 86400, "orange")))],
        key={"check": "Cliff", "node_pool": "Pool", "cluster": "Cluster"}, sort="Time left",
        width=12, descending=False,
        empty="Nothing grew towards a bound within a week, or there is no week of data yet")

    yield row("Connection tracking, by pool")
    yield timeseries(
        "Use of the fullest node",
        "At 100 % a node drops new connections. One pool that is far above the others needs a "
        "larger limit, or has clients that open too many.",
        "percentunit", pools("cluster_node_pool:kubecliff_conntrack_use:max"),
        bounds="conntrack_use", bounds_of="POOL")
    yield timeseries(
        "Use of the median node",
        "Close to the fullest: the load is everywhere, and only a larger limit or fewer "
        "connections help. Far below: it is a few nodes.",
        "percentunit", pools("cluster_node_pool:kubecliff_conntrack_use:p50"),
        bounds="conntrack_use", bounds_of="POOL")
    yield timeseries(
        "New connections dropped",
        "By all nodes of a pool together, because the table was full. None is normal.",
        "pps", pools("cluster_node_pool:kubecliff_conntrack_drop:rate5m"),
        bounds="conntrack_drops", bounds_of="POOL")

    yield row("Rules, by pool")
    yield timeseries(
        "Services in iptables",
        "Of the node with the most. Every new connection walks their rules; the bounds say where "
        "that is measured, felt, and hurts.",
        "locale", pools("cluster_node_pool:kubecliff_iptables_services:max"),
        bounds="services_in_iptables", bounds_of="POOL", empty="No Services in iptables")
    yield timeseries(
        "Cost of a new connection",
        "What the slowest node of a pool needs to take the first packet of a connection through "
        "its rules, without the noise of other work.",
        "s", pools("cluster_node_pool:kubecliff_traversal_floor_seconds:max"),
        bounds="traversal_time", bounds_of="POOL")
    yield timeseries(
        "Spent on walking rules",
        "Processor time of a pool that goes into walking rules: new connections times what each "
        "pays. It shows in no process.",
        "suffix: cores", pools("cluster_node_pool:kubecliff_walk_cpu_seconds:rate5m"), stacked=True,
        checks=["walk_cores"])

    yield row("How changes arrive, by pool")
    yield timeseries(
        "Runs of iptables-restore and nft, 99th percentile",
        "While one runs, changes of endpoints wait, and connections go to pods that are gone.",
        "s",
        pool_p99("kubecliff_restore_duration_seconds"),
        bounds="restore_duration", bounds_of="POOL", empty=NO_RESTORE)
    yield timeseries(
        "A change becomes true, 99th percentile",
        "From the moment that a node hears of the canary's move to the first connection that "
        "follows it.",
        "s",
        pool_p99("kubecliff_propagation_seconds"),
        bounds="propagation_p99", bounds_of="POOL", empty=NO_CANARY)
    yield timeseries(
        "Longest wait of a change",
        "For how long the oldest change that a kube-proxy knows of is not in its rules. Minutes "
        "are a kube-proxy that is stuck, or far past the cliff.",
        "s", pools("cluster_node_pool:kubecliff_kubeproxy_sync_queued_seconds:max"),
        bounds="kubeproxy_sync_queued", bounds_of="POOL", empty=NO_KUBE_PROXY)

    yield row("What the fleet is made of")
    yield timeseries(
        "Nodes by mode",
        "How nodes take connections to Services to their endpoints. More than one mode outside of "
        "a move is a node pool that was forgotten.",
        "locale",
        query("sum by (mode) (cluster_node_pool_mode:kubecliff_dataplane_mode:sum{POOL}) > 0",
            "{{mode}}"),
        stacked=True, overrides=coloured(MODES))
    yield timeseries(
        "Instances by kubecliff's version",
        "More than one for longer than a rollout takes: it is stuck.",
        "locale",
        query("sum by (version) (cluster_node_pool_version:kubecliff_build_info:count{POOL})",
            "{{version}}"),
        stacked=True)
    yield timeseries(
        "kubecliff's own cost",
        "Processor time of kubecliff's process, for each node of a pool. A hundredth of a core is "
        "the budget of a collector that reads in the background.",
        "suffix: cores",
        query(
            "cluster_node_pool:process_cpu_seconds:rate5m{POOL} / "
            "cluster_node_pool:kubecliff_nodes:count{POOL}", "{{cluster}} {{node_pool}}"),
        decimals=4)
