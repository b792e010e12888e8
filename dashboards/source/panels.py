"""Panels of more than one dashboard: of one node (`NODE`), or of those chosen (`NODES`)."""

from .common import (
    NO_CANARY, NO_CLOUD, NO_KUBE_PROXY, NO_RESTORE, OF_KUBE_PROXY, dropped, quantile)
from .grafana import DASHED, by_regexp, fixed, query, timeseries


def named(words, selector):
    """A legend, with the node's name where there can be several."""
    return f"{words} {{{{instance}}}}" if selector == "NODES" else words


def quantiles(bucket, nodes, window):
    """99 % and the median."""
    by = "instance" if nodes == "NODES" else ""
    return [query(quantile(share, bucket, by, nodes, window), named(name, nodes))
            for share, name in ((0.99, "99 %"), (0.5, "median"))]


def conntrack_use(nodes):
    return timeseries(
        "Use, now and in an hour",
        "At 100 % new connections are dropped while open ones go on. Dashed: where the table will "
        "be in an hour, if it goes on as in the last half.",
        "percentunit",
        query(
            f"kubecliff_conntrack_entries{{{nodes}}} / "
            f"(kubecliff_conntrack_entries_limit{{{nodes}}} > 0)", named("use", nodes)),
        query(
            f"clamp_min(predict_linear(kubecliff_conntrack_entries{{{nodes}}}[30m], 3600), 0)"
            f" / (kubecliff_conntrack_entries_limit{{{nodes}}} > 0)", named("in an hour", nodes)),
        overrides=[by_regexp("/^in an hour/", color=fixed("text"), **DASHED)],
        bounds="conntrack_use", bounds_of=nodes, checks=["conntrack_full_soon"])


def restore_mean(nodes):
    # The check's window, so that line and bound mean the same.
    return timeseries(
        "A run of iptables-restore or nft takes",
        "On average, in the kernel's own time, whoever ran it. As long as one runs, changes of "
        "Services and endpoints wait.",
        "s",
        query(
            f"rate(kubecliff_restore_duration_seconds_sum{{{nodes}, {OF_KUBE_PROXY}}}[15m])"
            f" / (rate(kubecliff_restore_duration_seconds_count{{{nodes}, {OF_KUBE_PROXY}}}[15m]) "
            f"> 0)", named("{{command}} {{backend}}", nodes)),
        bounds="restore_duration", bounds_of=nodes, empty=NO_RESTORE)


def restore_running(nodes):
    return timeseries(
        "Under way for",
        "The oldest run that has not ended, and kube-proxy's work on nftables. A ramp: it waits "
        "for the xtables lock, or the kernel is at work on very many rules.",
        "s",
        query(f"kubecliff_restore_running_seconds{{{nodes}}}",
            named("{{command}} {{backend}}", nodes)),
        query(f"kubecliff_ruleset_busy_running_seconds{{{nodes}}}",
            named("kube-proxy, nftables", nodes)),
        bounds="restore_running", bounds_of=nodes, checks=["ruleset_busy"], empty=NO_RESTORE)


def lock(nodes):
    return timeseries(
        "Waiting for the xtables lock",
        "Seconds that programs wait in each second: one holds the lock of legacy iptables, the "
        "others queue. Over 1: always somebody.",
        "s",
        query(f"rate(kubecliff_xtables_lock_wait_seconds_sum{{{nodes}}}[5m])",
            named("waiting", nodes)),
        bounds="xtables_lock_wait", bounds_of=nodes, empty=NO_RESTORE)


def waiting(nodes):
    return timeseries(
        "Oldest change that waits",
        "Known to kube-proxy and not in its rules, and the canary's move that connections do not "
        "follow yet. The usual delay is a second.",
        "s",
        query(f"kubecliff_kubeproxy_sync_queued_seconds{{{nodes}}}",
            named("kube-proxy {{family}}", nodes)),
        query(f"kubecliff_propagation_waiting_seconds{{{nodes}}}",
            named("canary {{family}}", nodes)),
        bounds="kubeproxy_sync_queued", bounds_of=nodes, checks=["propagation_waiting"],
        empty=NO_KUBE_PROXY)


def propagation(nodes):
    return timeseries(
        "A change becomes true",
        "From hearing of the canary's move to the first connection that follows it: what clients "
        "of this node see. Pods are given 30 s to end, and often only 5.",
        "s",
        *quantiles("kubecliff_propagation_seconds_bucket", nodes, "30m"),
        bounds="propagation_p99", bounds_of=nodes, empty=NO_CANARY)


def sync_duration(nodes):
    return timeseries(
        "An update takes kube-proxy",
        "By its own account, restore included. Far above the run itself: kube-proxy is short of "
        "processor time, or writes rules as text for most of it.",
        "s",
        *quantiles("kubeproxy_sync_proxy_rules_duration_seconds_bucket", nodes, "15m"),
        checks=["kubeproxy_cpu_per_sync"], empty=NO_KUBE_PROXY)


def nic(nodes):
    return timeseries(
        "Held back by the cloud",
        "Packets over a limit of the machine's type, in five minutes: connections tracked outside "
        "of the node, packets to its resolver, packets, bandwidth. Bursts are seen by clients.",
        "locale",
        query(f"increase(kubecliff_nic_allowance_exceeded_total{{{nodes}}}[5m])",
            named("{{device}} {{resource}}", nodes)),
        bounds="nic_allowance", bounds_of=nodes, checks=["nic_connections"], empty=NO_CLOUD)


def losses(nodes):
    def lost(metric, name):
        rate = f"rate(kubecliff_conntrack_{metric}_total{{{nodes}}}[$__rate_interval])"
        return query(rate, named(name, nodes))

    return [query(dropped(nodes), named("full", nodes)), lost("insert_failed", "clash"),
            lost("early_drop", "evicted"), lost("chain_too_long", "bucket")]
