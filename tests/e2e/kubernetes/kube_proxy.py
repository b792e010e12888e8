"""kube-proxy's own metrics, served on, and its process."""

from case import ClusterTest, own_metrics

# What kube-proxy 1.20 has; later ones have more.
FAMILIES = {
    "kubeproxy_sync_proxy_rules_duration_seconds_count",
    "kubeproxy_network_programming_duration_seconds_count",
    "kubeproxy_sync_proxy_rules_last_timestamp_seconds",
    "kubeproxy_sync_proxy_rules_endpoint_changes_total",
    "kubeproxy_sync_proxy_rules_service_changes_total",
}


class KubeProxyTest(ClusterTest):
    def test_its_own_metrics_are_served_as_it_serves_them(self):
        for node in self.cluster.nodes:
            def look(node=node):
                ours = own_metrics(node.metrics())
                theirs = own_metrics(node.kube_proxy_metrics())
                # kubecliff leaves out families, and some of the buckets.
                return ours, {key: theirs.get(key) for key in ours}

            self.agree(f"kube-proxy's own metrics on {node.name}", look)
            missing = FAMILIES - {name for name, _ in own_metrics(node.metrics())}
            self.assertEqual(missing, set(), f"not served on {node.name}: {missing}")

    def test_nothing_waits_once_all_is_in_the_rules(self):
        for node in self.cluster.nodes:
            self.agree(f"the oldest change that waits on {node.name}", lambda node=node: (
                set(node.metrics().all("kubecliff_kubeproxy_sync_queued_seconds").values()), {0}))

    def test_its_mode_and_start_are_told(self):
        for node in self.cluster.nodes:
            metrics = node.metrics()
            modes = metrics.by_label("kubecliff_kubeproxy_mode", "mode")
            self.assertEqual(modes, {"iptables": 1, "nftables": 0, "ipvs": 0, "other": 0},
                             f"on {node.name}: {modes}")
            ours = metrics.one("kubecliff_kubeproxy_start_time_seconds")
            theirs = node.kube_proxy_metrics().one("process_start_time_seconds")
            # It reckons from the kernel's boot in whole seconds.
            self.assertAlmostEqual(ours, theirs, delta=1,
                                   msg=f"start on {node.name}: {ours}, not {theirs}")
