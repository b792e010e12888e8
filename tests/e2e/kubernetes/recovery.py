"""What becomes of the figures while kube-proxy or the API server is gone, and after that."""

import signal

from case import ClusterTest, health, own_metrics
from workload import LABELS, NAMESPACE

# What nobody knows while kube-proxy does not answer.
OF_ITS_PORT = ["mode", "sync_age_seconds", "sync_queued_seconds"]
OF_ITS_PROCESS = ["cpu_seconds_total", "resident_memory_bytes", "start_time_seconds"]


class RecoveryTest(ClusterTest):
    def setUp(self):
        self.settle()
        self.before = {node: node.metrics() for node in self.cluster.nodes}

    def tearDown(self):
        """What a failed test left dead or asleep lives again."""
        if self.cluster.apiserver.has_ended():
            self.cluster.start_apiserver()
        for node in self.cluster.nodes:
            node.kube_proxy.signal(signal.SIGCONT)
            if node.kube_proxy.has_ended():
                node.kube_proxy.start()

    def test_kube_proxy_is_killed_and_comes_back(self):
        for node in self.cluster.nodes:
            node.kube_proxy.kill()
        self.cluster.api.add_service(NAMESPACE, "meanwhile", LABELS)
        for node in self.cluster.nodes:
            self.wait_for_up(node, 0)
            self.are_unknown(node, OF_ITS_PORT + OF_ITS_PROCESS)
            self.agree(f"what kube-proxy on {node.name} says of modes", lambda node=node: (
                node.metrics().all("kubecliff_dataplane_mode", signal="kube-proxy"), {}))
            self.rules_are_unchanged(node)
            self.is_healthy(node)

        for node in self.cluster.nodes:
            node.kube_proxy.start()
        restarts = "kubecliff_kubeproxy_restarts_total"
        for node in self.cluster.nodes:
            self.wait_for_up(node, 1)
            self.agree(f"restarts on {node.name}", lambda node=node: (
                node.metrics().one(restarts), self.before[node].one(restarts) + 1))
        self.settle()
        for node in self.cluster.nodes:
            self.is_healthy(node)

    def test_kube_proxy_hangs_and_goes_on(self):
        for node in self.cluster.nodes:
            node.kube_proxy.signal(signal.SIGSTOP)
        for node in self.cluster.nodes:
            self.wait_for_up(node, 0)
            self.are_unknown(node, OF_ITS_PORT)
            self.rules_are_unchanged(node)
            self.is_healthy(node, but={"kubeproxy": 0})

        for node in self.cluster.nodes:
            node.kube_proxy.signal(signal.SIGCONT)
        for node in self.cluster.nodes:
            self.wait_for_up(node, 1)
            self.is_healthy(node)

    def test_the_api_server_is_killed_and_comes_back(self):
        services = self.cluster.api.service_figures()["services"]
        self.cluster.apiserver.kill()
        first = {node: self.times_asked(node) for node in self.cluster.nodes}
        self.assertFalse(self.cluster.api.is_ready(), "the API server is dead, and ready")
        for node in self.cluster.nodes:
            self.agree(f"kube-proxy on {node.name} has been asked since", lambda node=node: (
                self.times_asked(node) > first[node], True))
            self.wait_for_up(node, 1)
            self.rules_are_unchanged(node)
            self.is_healthy(node)

        self.cluster.start_apiserver()
        self.cluster.api.add_service(NAMESPACE, "afterwards", LABELS)
        self.wait_for_the_api("services", services + 1)
        self.settle()
        for node in self.cluster.nodes:
            self.is_healthy(node)

    @staticmethod
    def times_asked(node):
        return node.metrics().one("kubecliff_collector_refreshes_total", collector="kubeproxy",
                                  kind="full")

    def wait_for_up(self, node, value):
        self.agree(f"kubecliff_kubeproxy_up on {node.name}", lambda: (
            node.metrics().one("kubecliff_kubeproxy_up"), value))

    def are_unknown(self, node, names):
        metrics = node.metrics()
        served = own_metrics(metrics)
        self.assertEqual(served, {}, f"kube-proxy on {node.name} is silent, but served: {served}")
        for name in names:
            served = metrics.all(f"kubecliff_kubeproxy_{name}")
            self.assertEqual(served, {}, f"{name} on {node.name} is unknown, but served: {served}")

    def rules_are_unchanged(self, node):
        self.agree_with_iptables_save(node)
        name = "kubecliff_iptables_rules"
        rules, was = node.metrics().all(name), self.before[node].all(name)
        self.assertEqual(rules, was, f"on {node.name}: {rules}, before {was}")

    def is_healthy(self, node, but=None):
        """As before, and it is the same kubecliff, with the same verdict."""
        wanted = health(self.before[node]) | (but or {})
        self.agree(f"collectors on {node.name}", lambda: (health(node.metrics()), wanted))
        metrics = node.metrics()
        for name, labels in (("process_start_time_seconds", {}),
                             ("kubecliff_dataplane_mode", {"signal": "verdict"})):
            now, was = metrics.all(name, **labels), self.before[node].all(name, **labels)
            self.assertEqual(now, was, f"{name} on {node.name}: {now}, before {was}")
