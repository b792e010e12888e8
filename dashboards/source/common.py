"""What dashboards share: whom they are about, and what they say of many nodes or of alerts."""

from .grafana import RUNBOOKS, SEVERITIES, annotation, by_name, choice, linked, query, table

PER_NODE = "cluster, node_pool, instance, node"
OF_KUBE_PROXY = 'command=~"ip6?tables-restore|nft"'

NO_KUBE_PROXY = "kube-proxy's metrics are not read here"
NO_RESTORE = "No run of iptables-restore or nft was seen"
NO_CANARY = "Nothing measured: the canary and --collector.propagation are not on"
NO_PROBE = "Nothing measured: --collector.probe has no targets"
NO_DNS = "Nothing measured: --collector.probe has no DNS names"
NO_CLOUD = "The network cards' drivers do not tell of limits"
NO_IPVS = "No IPVS here"

CLUSTER = choice("cluster", "Cluster", "kubecliff_build_info")
POOLS = choice("node_pool", "Node pool", 'kubecliff_build_info{cluster=~"$cluster"}')
JOB = choice("job", "Job", 'kubecliff_conntrack_entries{cluster=~"$cluster"}')
ON_NODES = 'kubecliff_conntrack_entries{cluster=~"$cluster", node_pool=~"$node_pool", job=~"$job"}'
NODE = choice("node", "Node", ON_NODES, "instance", several=False, everything=False)
# No "All": a line for each of thousands of nodes is neither read nor cheap. Tables find the few.
NODES = choice("node", "Nodes", ON_NODES, "instance", everything=False)
ONE_NODE = [CLUSTER, POOLS, JOB, NODE]
SOME_NODES = [CLUSTER, POOLS, JOB, NODES]
ALL_NODES = [CLUSTER, POOLS]


# The checks with a distance, as alerts/rules/kubecliff-recording.yaml has them.
CLIFFS = {
    "Conntrack": "conntrack_use",
    "Services": "services_in_iptables",
    "NAT rules": "nat_rules",
    "New connection": "traversal_time",
    "Restore": "restore_duration",
    "Change waits": "kubeproxy_sync_queued",
}


def as_kubecliff_serves(metric, series, selector):
    """kube-proxy's own metrics are there twice where Prometheus scrapes it too."""
    if not metric.startswith("kubeproxy_"):
        return series
    return (f"{series} and on (job, instance) "
            f'kubecliff_collector_success{{{selector}, collector="conntrack"}}')


def pools(metric):
    """A recorded figure of each pool."""
    return query(f"{metric}{{POOL}}", "{{cluster}} {{node_pool}}")


def quantile(share, bucket, by="", selector="NODE", window="$__rate_interval"):
    grouped = ", ".join(filter(None, ["le", by]))
    rate = as_kubecliff_serves(bucket, f"rate({bucket}{{{selector}}}[{window}])", selector)
    return f"histogram_quantile({share}, sum by ({grouped}) ({rate}))"


def pool_p99(histogram):
    """Of a histogram whose buckets are recorded."""
    buckets = f"cluster_node_pool_le:{histogram}_bucket:rate5m{{POOL}}"
    return query(f"histogram_quantile(0.99, sum by (le, cluster, node_pool) ({buckets}))",
                 "{{cluster}} {{node_pool}}")


def linked_nodes():
    """The cells of a table's column Node lead to the dashboard of that node.

    Of the row's cluster, as a node of another may have the same address. Where rows have none,
    Grafana passes nothing, which chooses the series without that label.
    """
    return linked("Node", "What there is about it",
                  "/d/kubecliff-node?${datasource:queryparam}&var-cluster=${__data.fields.Cluster}"
                  "&${node_pool:queryparam}&var-node=${__data.fields.Node}&${__url_time_range}")


def top_nodes(title, meaning, columns, *, by, sort, **more):
    """The 20 nodes that are worst by a figure, and what else is to be known of them."""
    worst = f"and on (cluster, instance) topk(20, {by})"
    return table(
        title, meaning,
        [(name, f"max by ({PER_NODE}) ({expr}) {worst}", unit, colours)
         for name, expr, unit, colours in columns],
        key={"instance": "Node", "node": "Name", "node_pool": "Pool", "cluster": "Cluster"},
        sort=sort, overrides=[linked_nodes()], height=11, **more)


def of(severity):
    return f'severity="{severity}"'


def firing(selector, *more):
    """Alerts of kubecliff's that fire."""
    wanted = [selector, *more, 'alertname=~"Kubecliff.*"', 'alertstate="firing"']
    return f"ALERTS{{{', '.join(wanted)}}}"


def alerts_table(title, meaning, expr, count, **more):
    severities = {severity: {"color": colour, "index": place}
                  for place, (severity, colour) in enumerate(SEVERITIES.items())}
    return table(
        title, meaning, [(count, expr, "locale", None)],
        key={"alertname": "Alert", "severity": "Severity"}, sort=count,
        overrides=[
            linked("Alert", "Runbook", f"{RUNBOOKS}${{__value.text}}.md"),
            by_name("Severity", custom__cellOptions={"type": "color-text"},
                    mappings=[{"type": "value", "options": severities}])],
        empty="No alert is firing", **more)


def annotations(selector):
    """Of nodes: each alert, each start of a kube-proxy. Of a fleet: what is recorded of them."""
    fleet = selector == "POOL"

    def alerts(severity):
        series = firing(selector, of(severity))
        if fleet:
            metric = "cluster_node_pool_alertname_severity:kubecliff_alerts:count"
            series = f"{metric}{{POOL, {of(severity)}}}"
        return annotation(f"{severity} alerts", SEVERITIES[severity],
                          f"max by (alertname) ({series})", title="{{alertname}}")

    if fleet:
        restarts = annotation(
            "kube-proxy restarts", "purple", title="kube-proxy restarted",
            expr="sum(cluster_node_pool:kubecliff_kubeproxy_restarts:increase5m{POOL}) > 0")
    else:
        restarts = annotation(
            "kube-proxy restarts", "purple", title="kube-proxy started", text="{{instance}}",
            expr=f"kubecliff_kubeproxy_start_time_seconds{{{selector}}} * 1000",
            useValueForTime=True)
    return [alerts("critical"), alerts("warning"), restarts]


def dropped(nodes, window="$__rate_interval"):
    """By a full table, as the check conntrack_drops has it: without clashes and other failures."""
    def rate(metric):
        return f"rate(kubecliff_conntrack_{metric}_total{{{nodes}}}[{window}])"

    failed = rate("insert_failed")
    return f"{rate('drop')} - ({failed} - {rate('chain_too_long')} or {failed})"


def mean_of(histogram, only, by, window="$__rate_interval"):
    selector = ", ".join(filter(None, ["NODE", only]))
    total, runs = (
        as_kubecliff_serves(histogram, f"rate({histogram}_{part}{{{selector}}}[{window}])", "NODE")
        for part in ("sum", "count"))
    return f"sum by ({by}) ({total}) / (sum by ({by}) ({runs}) > 0)"
