"""Endpoints and Services that come and go."""

import time

from case import ClusterTest
from progress import say
from workload import LABELS, NAMESPACE, pod_name, selecting


class ChurnTest(ClusterTest):
    def test_a_pod_that_is_not_ready_leaves_every_service(self):
        before = self.cluster.api.service_figures()
        left = before["endpoints"] - selecting(self.cluster)
        self.cluster.api.set_ready(NAMESPACE, pod_name(0), False)
        self.wait_for_the_api("endpoints", left)
        self.follow_everywhere("a pod is not ready")

        self.cluster.api.set_ready(NAMESPACE, pod_name(0), True)
        self.wait_for_the_api("endpoints", before["endpoints"])
        self.follow_everywhere("it is ready again")

    def test_services_are_removed_and_added(self):
        before = self.cluster.api.service_figures()
        for number in range(100):
            self.cluster.api.delete_service(NAMESPACE, f"many-{number}")
        self.wait_for_the_api("services", before["services"] - 100)
        self.follow_everywhere("100 Services are gone")

        for number in range(100):
            self.cluster.api.add_service(NAMESPACE, f"many-{number}", LABELS)
        self.wait_for_the_api("endpoints", before["endpoints"])
        self.follow_everywhere("100 Services are back")

    def follow_everywhere(self, event):
        began = time.monotonic()
        for node in self.cluster.nodes:
            self.follow_the_api(node, watch=self.is_whole)
            self.agree_with_iptables_save(node)
        say(f"{event}: kubecliff says so {time.monotonic() - began:.1f} s after the API")

    def is_whole(self, node, metrics):
        """In the midst of changes no reading mixes two states: kube-proxy replaces tables whole."""
        where = {"backend": node.backend, "family": "ipv4", "table": "nat"}
        rules = metrics.one("kubecliff_iptables_rules", **where)
        by_class = metrics.sum("kubecliff_iptables_kube_rules", **where)
        self.assertEqual(rules, by_class, f"on {node.name}: {rules} rules, {by_class} by class")
        for flaw in ("dangling_jumps", "unbalanced_service_chains", "duplicate_rules"):
            count = metrics.one(f"kubecliff_iptables_{flaw}", **where)
            self.assertEqual(count, 0, f"{flaw} on {node.name}: {count}, not 0")
