"""Runs of iptables-restore, as the kernel tells of them, and kube-proxy's own times."""

import time

from case import ClusterTest
from progress import say
from workload import NAMESPACE, pod_name, selecting


class RestoreTest(ClusterTest):
    def test_each_sync_is_one_restore_and_takes_longer(self):
        # kubecliff counts the runs of the whole machine, where others may run the tool meanwhile.
        for _ in range(3):
            windows = self.changes_of_endpoints()
            if all(syncs == restores for syncs, _, restores, _ in windows.values()):
                break
        for node, (syncs, sync_seconds, restores, restore_seconds) in windows.items():
            self.assertGreater(syncs, 0, f"on {node.name} {syncs} syncs")
            self.assertEqual(restores, syncs, f"on {node.name} {restores} restores, {syncs} syncs")
            words = f"on {node.name} restores took {restore_seconds} s, syncs {sync_seconds} s"
            self.assertGreater(restore_seconds, sync_seconds / 10, words)
            self.assertLess(restore_seconds, sync_seconds, words)

    def changes_of_endpoints(self):
        """By node, what a pod that is not ready for a while led to: syncs and restores."""
        before = {node: self.settled(node) for node in self.cluster.nodes}
        endpoints = self.cluster.api.service_figures()["endpoints"]
        self.cluster.api.set_ready(NAMESPACE, pod_name(1), False)
        self.wait_for_the_api("endpoints", endpoints - selecting(self.cluster))
        for node in self.cluster.nodes:
            self.follow_the_api(node)
        self.cluster.api.set_ready(NAMESPACE, pod_name(1), True)
        self.wait_for_the_api("endpoints", endpoints)

        windows = {}
        for node in self.cluster.nodes:
            window = [new - old for new, old in zip(self.settled(node), before[node])]
            syncs, sync_seconds, restores, restore_seconds = windows[node] = window
            say(f"{node.name}: {syncs:.0f} syncs in {sync_seconds:.2f} s,"
                f" {restores:.0f} restores in {restore_seconds:.2f} s")
        return windows

    def settled(self, node):
        """Syncs and restores with their seconds, once there have been no more for a while."""
        deadline = time.monotonic() + 60
        last, since = self.times(node), time.monotonic()
        while time.monotonic() < since + 3:
            time.sleep(0.5)
            now = self.times(node)
            if now != last:
                last, since = now, time.monotonic()
            self.assertLess(time.monotonic(), deadline, f"syncs on {node.name} go on: {now}")
        return last

    def times(self, node):
        own, machine = node.kube_proxy_metrics(), self.cluster.restore_metrics()
        syncs = "kubeproxy_sync_proxy_rules_duration_seconds"
        restores = "kubecliff_restore_duration_seconds"
        # Those of IPv6, too, as kube-proxy before 1.33 counts syncs of both together.
        count, seconds = (
            sum(machine.sum(f"{restores}_{part}", command=command, backend=node.backend)
                for command in ("iptables-restore", "ip6tables-restore"))
            for part in ("count", "sum"))
        return own.sum(f"{syncs}_count"), own.sum(f"{syncs}_sum"), count, seconds
