"""What the tests share."""

import time
import unittest


class ClusterTest(unittest.TestCase):
    cluster = None  # set before any test runs
    longMessage = False

    def agree(self, what, look, seconds=60):
        """`look` gives what is seen and what is wanted; they have a while to become the same."""
        deadline = time.monotonic() + seconds
        while True:
            seen, wanted = look()
            if seen == wanted:
                return
            if time.monotonic() > deadline:
                seen, wanted = differences(seen, wanted)
                self.fail(f"{what}: {seen} after {seconds} s, not {wanted}")
            time.sleep(0.5)

    def wait_for_the_api(self, figure, value):
        self.agree(f"{figure} of the API", lambda: (
            self.cluster.api.service_figures()[figure], value))

    def follow_the_api(self, node, watch=lambda node, metrics: None):
        """The Services and endpoints that kubecliff counts become those of the API."""
        def look():
            theirs = self.cluster.api.service_figures()
            metrics = node.metrics()
            watch(node, metrics)
            ours = {name: metrics.one(f"kubecliff_iptables_{name}", backend=node.backend,
                                      family="ipv4") for name in theirs}
            return ours, theirs

        self.agree(f"Services on {node.name}", look)

    def settle(self):
        """kubecliff and both kube-proxies are through with what has been written."""
        for node in self.cluster.nodes:
            self.follow_the_api(node)
            self.agree_with_iptables_save(node)

    def agree_with_iptables_save(self, node):
        self.agree(f"rules and chains on {node.name}", lambda: rules_and_chains(node))


def differences(seen, wanted):
    """Of dictionaries, what is not equal."""
    if not isinstance(seen, dict):
        return seen, wanted
    keys = {key for key in seen.keys() | wanted.keys() if seen.get(key) != wanted.get(key)}
    return tuple({key: each.get(key) for key in keys} for each in (seen, wanted))


def rules_and_chains(node):
    """kubecliff's and iptables-save's, of all backends, families and tables."""
    metrics = node.metrics()
    ours, theirs = {}, {}
    for (backend, family), tables in node.saved().items():
        where = {"backend": backend, "family": family}
        rules = metrics.by_label("kubecliff_iptables_rules", "table", **where)
        chains = metrics.by_label("kubecliff_iptables_chains", "table", **where)
        for table in rules.keys() | chains.keys():
            ours[backend, family, table] = (rules.get(table), chains.get(table))
        for table, counts in tables.items():
            theirs[backend, family, table] = tuple(counts)
    return ours, theirs


def health(metrics):
    """Which collectors read all that they read."""
    return metrics.by_label("kubecliff_collector_success", "collector")


def own_metrics(metrics):
    """kube-proxy's own, by name and labels; an empty label is as good as none."""
    return {
        (name, frozenset((label, value) for label, value in labels if value)): number
        for name, samples in metrics.by_name.items() if name.startswith("kubeproxy_")
        for labels, number in samples.items()
    }
