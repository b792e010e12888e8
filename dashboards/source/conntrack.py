"""How full connection tracking is, with what, what was lost, and why."""

from .common import SOME_NODES, annotations, dropped, top_nodes
from .grafana import DASHED, by_regexp, fixed, query, row, steps_of, timeseries
from .panels import conntrack_use, nic

TITLE = "Conntrack"
VARIABLES = SOME_NODES
ANNOTATIONS = annotations("NODES")
SINCE = "now-6h"


def rows():
    yield row("Which nodes")
    yield top_nodes(
        "The 20 fullest tables",
        "Use now and in an hour, if the last half hour goes on. Lost: per second, because the "
        "table was full, and by clashes of two packets. Entries a bucket: over 4 every packet "
        "searches.",
        [
            ("Use", "node:kubecliff_conntrack_use:ratio{POOL}", "percentunit",
                steps_of("conntrack_use")),
            ("In 1 h",
                "clamp_min(predict_linear(node:kubecliff_conntrack_use:ratio{POOL}[30m], 3600), 0)",
                "percentunit", steps_of("conntrack_full_soon")),
            ("Entries", "kubecliff_conntrack_entries{POOL}", "locale", None),
            ("Limit", "kubecliff_conntrack_entries_limit{POOL}", "locale", None),
            ("Lost, full", dropped("POOL", "5m"), "pps", steps_of("conntrack_drops")),
            ("Lost, clashes", "rate(kubecliff_conntrack_insert_failed_total{POOL}[5m])", "pps",
                steps_of("conntrack_insert_failed")),
            ("Entries a bucket",
                "kubecliff_conntrack_entries{POOL} / (kubecliff_conntrack_buckets{POOL} > 0)",
                "locale", steps_of("conntrack_bucket_load"))],
        by="node:kubecliff_conntrack_use:ratio{POOL}", sort="Use")
    yield timeseries(
        "Use by pool",
        "The fullest node, the one that 1 % are fuller than, and the median. A wide gap: few nodes "
        "are loaded, look at what runs there.",
        "percentunit",
        *(query(f"cluster_node_pool:kubecliff_conntrack_use:{part}{{POOL}}",
            f"{name} {{{{cluster}}}} {{{{node_pool}}}}")
            for part, name in (("max", "fullest"), ("p99", "99 %"), ("p50", "median"))),
        bounds="conntrack_use", bounds_of="POOL", width=12)
    yield timeseries(
        "Lost by pool",
        "Packets that began a connection: dropped by a full table, lost to clashes, or their place "
        "taken from another.",
        "pps",
        *(query(f"cluster_node_pool:kubecliff_conntrack_{metric}:rate5m{{POOL}}",
            f"{name} {{{{cluster}}}} {{{{node_pool}}}}")
            for metric, name in (("drop", "full"), ("insert_failed", "clash"),
                                 ("early_drop", "evicted"))),
        bounds="conntrack_drops", bounds_of="POOL", width=12)

    yield row("How full: $node")
    yield conntrack_use("NODES")
    yield timeseries(
        "Entries and limit",
        "The limit is nf_conntrack_max. It belongs to the machine, and each network namespace "
        "counts its own entries against it.",
        "locale",
        query("kubecliff_conntrack_entries{NODES}", "{{instance}}"),
        query("kubecliff_conntrack_entries_limit{NODES}", "limit of {{instance}}"),
        overrides=[by_regexp("/^limit of /", color=fixed("red"), **DASHED)])
    yield timeseries(
        "Growth",
        "Entries a minute, over half an hour. What stays above 0 ends at the limit.",
        "locale",
        query("60 * deriv(kubecliff_conntrack_entries{NODES}[30m])", "{{instance}}"),
        checks=["conntrack_full_soon"], min=None)

    yield row("With what: $node")
    yield timeseries(
        "TCP by state",
        "established that only grow: connections nobody closes, kept for "
        "nf_conntrack_tcp_timeout_established (5 days). time_wait: short connections. syn_sent: no "
        "answer.",
        "locale",
        query('sum by (state) (kubecliff_conntrack_flows{NODES, protocol="tcp"})', "{{state}}"),
        stacked=True, empty="Not sampled: the table is larger than --collector.conntrack.max-flows")
    yield timeseries(
        "UDP and others by state",
        "unreplied: questions without an answer, the first to be evicted. assured: both sides have "
        "spoken for a while.",
        "locale",
        query('sum by (protocol, state) (kubecliff_conntrack_flows{NODES, protocol!="tcp"})',
            "{{protocol}} {{state}}"),
        stacked=True, empty="Not sampled: the table is larger than --collector.conntrack.max-flows")
    yield timeseries(
        "Flows to endpoints that are gone",
        "UDP ones send into nowhere until they are deleted: DNS clients and log shippers that keep "
        "their port. TCP ones end by themselves.",
        "locale",
        query("kubecliff_conntrack_stale_flows{NODES}", "{{protocol}} {{instance}}"),
        bounds="stale_flows", bounds_of="NODES", empty="No rules tell where Services lead")

    yield row("What was lost: $node")
    yield timeseries(
        "Dropped by a full table",
        "Connections that were not made. A healthy node has none.",
        "pps",
        query(dropped("NODES"), "{{instance}}"),
        bounds="conntrack_drops", bounds_of="NODES")
    yield timeseries(
        "Lost to clashes",
        "Two packets that begin one connection at the same time. Mostly DNS, whose client then "
        "waits 5 s.",
        "pps",
        query("rate(kubecliff_conntrack_insert_failed_total{NODES}[$__rate_interval])",
            "{{instance}}"),
        bounds="conntrack_insert_failed", bounds_of="NODES")
    yield timeseries(
        "Evicted",
        "Half-open connections thrown out to make room: the table was full, and no packet is lost "
        "yet.",
        "cps",
        query("rate(kubecliff_conntrack_early_drop_total{NODES}[$__rate_interval])",
            "{{instance}}"),
        bounds="conntrack_early_drop", bounds_of="NODES")
    yield timeseries(
        "Invalid and errors",
        "Packets of no connection: asymmetric routes, or connections dropped from the table too "
        "early. A few are normal, a rise is not.",
        "pps",
        query("rate(kubecliff_conntrack_invalid_total{NODES}[$__rate_interval])",
            "invalid {{instance}}"),
        query("rate(kubecliff_conntrack_error_total{NODES}[$__rate_interval])",
            "error {{instance}}"))
    yield timeseries(
        "Source ports taken",
        "Times that an address and port wanted for a translation were in use. A steep rise: source "
        "ports to one destination run out.",
        "cps",
        query("rate(kubecliff_conntrack_found_total{NODES}[$__rate_interval])", "{{instance}}"))
    yield nic("NODES")

    yield row("The hash table: $node")
    yield timeseries(
        "Entries a bucket",
        "Every packet searches such a list. From 4 on, raise nf_conntrack_buckets with "
        "nf_conntrack_max.",
        "locale",
        query("kubecliff_conntrack_entries{NODES} / (kubecliff_conntrack_buckets{NODES} > 0)",
            "{{instance}}"),
        bounds="conntrack_bucket_load", bounds_of="NODES", checks=["conntrack_limit_per_bucket"])
    yield timeseries(
        "Dropped for a list too long",
        "Too few buckets, or connections aimed at one.",
        "cps",
        query("rate(kubecliff_conntrack_chain_too_long_total{NODES}[$__rate_interval])",
            "{{instance}}"),
        bounds="conntrack_chain_too_long", bounds_of="NODES",
        empty="This kernel does not count them")
    yield timeseries(
        "Searches begun again, clashes resolved",
        "The table changed during a lookup, or the kernel settled a clash without a loss. Steep: "
        "long lists, or a table that is resized.",
        "cps",
        query("rate(kubecliff_conntrack_search_restart_total{NODES}[$__rate_interval])",
            "restart {{instance}}"),
        query("rate(kubecliff_conntrack_clash_resolve_total{NODES}[$__rate_interval])",
            "resolved {{instance}}"))
