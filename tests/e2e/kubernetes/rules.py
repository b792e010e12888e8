"""Rules, Services and endpoints: kubecliff's counts and those of others."""

import re

from case import ClusterTest
from namespaces import HttpConnection
from workload import NAMESPACE, PODS, SERVICES


class RulesTest(ClusterTest):
    def test_rules_and_chains_are_those_of_iptables_save(self):
        for node in self.cluster.nodes:
            self.follow_the_api(node)
            self.agree_with_iptables_save(node)
            rules = node.metrics().one("kubecliff_iptables_rules", backend=node.backend,
                                       family="ipv4", table="nat")
            # Each endpoint takes three.
            least = SERVICES * PODS * 3
            self.assertGreater(rules, least, f"rules on {node.name}: {rules}, not over {least}")

    def test_services_and_endpoints_are_those_of_the_api(self):
        for node in self.cluster.nodes:
            self.follow_the_api(node)
            endpoints = node.metrics().one("kubecliff_iptables_endpoints", backend=node.backend,
                                           family="ipv4")
            self.assertGreater(endpoints, SERVICES * PODS,
                               f"endpoints on {node.name}: {endpoints}, not {SERVICES * PODS}")

    def test_rules_of_kube_proxy_are_as_many_as_it_says(self):
        for node in self.cluster.nodes:
            own = "kubeproxy_sync_proxy_rules_iptables_total"
            if not node.kube_proxy_metrics().by_name.get(own):
                self.skipTest(f"this kube-proxy has no {own} (since 1.21)")

            def look(node=node):
                metrics = node.metrics()
                # Its chains hold all that it counts; the jumps to them it leaves out.
                ours = {
                    table: metrics.sum("kubecliff_iptables_kube_rules", backend=node.backend,
                                       family="ipv4", table=table)
                    - metrics.sum("kubecliff_iptables_kube_rules", backend=node.backend,
                                  family="ipv4", table=table, **{"class": "foreign"})
                    for table in ("filter", "nat")
                }
                theirs = node.kube_proxy_metrics().all(own)
                # Since 1.33 by family.
                theirs = {dict(labels)["table"]: value for labels, value in theirs.items()
                          if dict(labels).get("ip_family", "IPv4") == "IPv4"}
                return ours, theirs

            self.agree(f"rules of kube-proxy on {node.name}", look)

    def test_kubecliff_knows_which_backend_carries_connections(self):
        for node in self.cluster.nodes:
            metrics = node.metrics()
            modes = metrics.by_label("kubecliff_dataplane_mode", "mode", signal="verdict")
            named = {mode for mode, value in modes.items() if value == 1}
            self.assertEqual(named, {f"iptables-{node.backend}"},
                             f"verdict on {node.name}: {named}, not iptables-{node.backend}")
            conflicts = metrics.by_label("kubecliff_dataplane_conflict", "kind")
            self.assertEqual(set(conflicts.values()), {0}, f"on {node.name}: {conflicts}")

    def test_a_connection_through_the_rules_reaches_the_pod(self):
        self.settle()
        for node in self.cluster.nodes:
            service = f"answers-{node.name}"
            address = self.cluster.api.get(
                f"/api/v1/namespaces/{NAMESPACE}/services/{service}")["spec"]["clusterIP"]
            connection = HttpConnection(node.namespace, address, 80, timeout=10)
            self.addCleanup(connection.close)
            connection.request("GET", "/")
            seen = connection.getresponse().read().decode()
            self.assertEqual(seen, node.pod_address,
                             f"{service} leads to {seen}, not {node.pod_address}")

    def test_new_flows_are_those_that_the_rules_counted(self):
        node = next(node for node in self.cluster.nodes if node.backend == "nft")

        def look():
            saved = node.namespace.run("iptables-nft-save", "--counters", "--table", "nat")
            theirs = re.search(r"^\[(\d+):\d+\] -A OUTPUT .*-j KUBE-SERVICES$", saved, re.MULTILINE)
            ours = node.metrics().one("kubecliff_iptables_new_flows_total", backend="nft",
                                      family="ipv4", hook="output")
            return ours, float(theirs[1])

        self.agree("new flows", look)


class HealthTest(ClusterTest):
    def test_all_collectors_read_all_that_they_read(self):
        for node in self.cluster.nodes:
            self.agree(f"failing collectors on {node.name}", lambda node=node: (
                {name for name, value in node.metrics().by_label(
                    "kubecliff_collector_success", "collector").items() if value != 1}, set()))
