"""What the chart gives each collector: enough for it, and nothing that it could do without."""

import contextlib
import copy
import os
import pathlib
import re
import time
import unittest

from chart import container, named, render
from figures import Metrics
from node import BPF, Node, await_true, unused_port
from progress import say

ALL_OFF = dict.fromkeys(("conntrack", "dataplane", "iptables", "ipvs", "kubeproxy", "nftables", "nic", "restore",
                         "sockets", "traversal"), False)
CAPABILITY = r"needs CAP_NET_ADMIN"


def modules_of_the_machine():
    listed = pathlib.Path("/lib/modules", os.uname().release, "modules.dep")
    return listed.read_text() if listed.exists() else ""


# Modules that are not loaded: only /lib/modules tells that they could be.
LOADABLE = [name for name in ("ip_vs_rr", "cls_bpf", "dummy") if f"/{name}.ko" in modules_of_the_machine()
            and not pathlib.Path("/sys/module", name).exists()]


class Case:
    """A collector alone: what it serves, as (served, right) by name, and what is said without each right.

    Where nothing is said, which figures are missing, as on a node that has no such thing.
    """

    def __init__(self, figures, without, values=None):
        self.figures, self.without, self.values = figures, without, values or {}


def iptables(node, metrics):
    return {backend: (metrics.one("kubecliff_iptables_rules", backend=backend, family="ipv4", table="nat"),
                      node.saved(backend).rules) for backend in ("legacy", "nft")}


def nftables(node, metrics):
    return {kind: (metrics.one(f"kubecliff_nftables_{kind}s", family="ipv4", table="kube-proxy"), node.listed(kind))
            for kind in ("rule", "chain", "map")}


def ipvs(node, metrics):
    listed = node.namespace.run("ipset", "list", "KUBE-CLUSTER-IP").partition("Members:\n")[2].splitlines()
    return {"entries": (metrics.one("kubecliff_ipset_entries", set="KUBE-CLUSTER-IP"), len(listed))}


def conntrack(node, metrics):
    return {"entries": (metrics.one("kubecliff_conntrack_entries"), int(node.namespace.run("conntrack", "--count")))}


def flows(node, metrics):
    listed = node.namespace.run("conntrack", "--dump", "--protonum=udp")
    return {"unreplied": (metrics.one("kubecliff_conntrack_flows", protocol="udp", state="unreplied"),
                          listed.count("[UNREPLIED]"))}


def sockets(node, metrics):
    listed = node.namespace.run("ss", "--tcp", "--listening", "--numeric", "--no-header")
    return {"listen": (metrics.one("kubecliff_sockets", state="listen"), len(listed.splitlines()))}


def nic(_, metrics):
    return {"headroom": (metrics.one("kubecliff_tunnel_mtu_headroom_bytes", device="tunnel"), 1500 - 50 - 1400)}


def traversal(_, metrics):
    """Which flows were tracked takes NET_ADMIN to know; how long they took, nothing."""
    return {"times": (there(metrics.one("kubecliff_traversal_floor_seconds", family="ipv4", flow="new")), True),
            "state": (metrics.one("kubecliff_traversal_state", family="ipv4", state="unknown"), 1)}


def probe(_, metrics):
    phases = metrics.by_label("kubecliff_probe_phase_seconds_count", "phase", target="self")
    return {"answers": (there(phases.get("total")), True)}


def kubeproxy(node, metrics):
    # Its mode, and with that what to ask the kernel, is known from the second refresh on.
    again = metrics.sum("kubecliff_collector_refreshes_total", collector="kubeproxy") > 1
    start = metrics.one("kubecliff_kubeproxy_start_time_seconds")
    ticks = int(pathlib.Path(f"/proc/{node.kube_proxy.pid}/stat").read_text().rpartition(")")[2].split()[19])
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return {"up": (metrics.one("kubecliff_kubeproxy_up") if again else None, 1),
            "own": (start and abs(time.time() - age - start) < 0.05, True)}


def dataplane(_, metrics):
    figures = {"ebpf": (metrics.one("kubecliff_dataplane_mode", mode="ebpf", signal="kernel"), 1)}
    ready = metrics.by_label("kubecliff_kernel_module_ready", "module")
    return figures | {module: (ready.get(module), 1) for module in LOADABLE}


def restore(node, metrics):
    """Of a program whose name does not tell the backend; a run for each look, as a short one may be gone too soon."""
    node.restore(node.unnamed)
    runs = metrics.by_label("kubecliff_restore_runs_total", "backend", command="iptables-restore", result="success")
    cpu = metrics.one("kubecliff_restore_cpu_seconds_total", command="iptables-restore", backend="nft")
    return {"nft": (there(runs.get("nft")), True), "cpu": (there(cpu), True),
            "lock": (metrics.one("kubecliff_xtables_lock_held"), 1)}


def there(value):
    """Of what is not to be foreseen, that it is more than nothing."""
    return True if value else None


CASES = {
    "conntrack": Case(conntrack, {}, {"collectors": {"conntrack.flows": False}}),
    "conntrack.flows": Case(flows, {"NET_ADMIN": CAPABILITY, "user 0": CAPABILITY},
                            {"collectors": {"conntrack": True}}),
    "dataplane": Case(dataplane, {BPF: {"ebpf"}, "/lib/modules": set(LOADABLE), "user 0": {"ebpf"}}),
    "iptables": Case(iptables, {"NET_ADMIN": f"legacy.*{CAPABILITY}.*nft.*{CAPABILITY}",
                                "user 0": "ip_tables_names.*needs user 0|needs user 0.*ip_tables_names"}),
    "ipvs": Case(ipvs, {"NET_ADMIN": CAPABILITY, "user 0": CAPABILITY}),
    # SYS_PTRACE is for machines with several nodes.
    "kubeproxy": Case(kubeproxy, {"NET_ADMIN": CAPABILITY, "SYS_PTRACE": "needs CAP_SYS_PTRACE",
                                  "hostPID": "hostPID: true", "user 0": "needs CAP_SYS_PTRACE"},
                      {"containerSecurityContext": {"capabilities": {"add": ["SYS_PTRACE"]}}}),
    "nftables": Case(nftables, {"NET_ADMIN": CAPABILITY, "user 0": CAPABILITY}),
    "nic": Case(nic, {}),
    "probe": Case(probe, {}, {"config": {"collector.probe.targets": [
        {"name": "self", "service": "http://127.0.0.1:10249/proxyMode", "interval": "1s"}]}}),
    "restore": Case(restore, {"NET_ADMIN": CAPABILITY, "SYS_PTRACE": 'backend="unknown"', "hostPID": "hostPID: true",
                              "/run/xtables.lock": {"lock"}, "user 0": CAPABILITY}),
    "sockets": Case(sockets, {}),
    "traversal": Case(traversal, {}),
}


def rendered(collector):
    """The objects, and of them the nodes' workload."""
    values = copy.deepcopy(CASES[collector].values)
    values["collectors"] = ALL_OFF | values.get("collectors", {}) | {collector: True}
    values["service"] = {"listenOnAllInterfaces": False, "port": unused_port() if collector == "restore" else 9909}
    found = render(values)
    return found, named("DaemonSet", "kubecliff", found)


def rights(workload):
    spec, its = workload["spec"]["template"]["spec"], container(workload)
    paths = [mount["mountPath"] for mount in its["volumeMounts"] if mount["name"] != "kubecliff-config"]
    root = ["user 0"] if its["securityContext"]["runAsUser"] == 0 else []
    return its["securityContext"]["capabilities"]["add"] + root + ["hostPID"] * spec["hostPID"] + paths


def less(workload, right):
    """The same without one of its rights."""
    workload = copy.deepcopy(workload)
    its = container(workload)
    its["volumeMounts"] = [mount for mount in its["volumeMounts"] if mount["mountPath"] != right]
    added = its["securityContext"]["capabilities"]["add"]
    if right in added:
        added.remove(right)
    elif right == "hostPID":
        workload["spec"]["template"]["spec"]["hostPID"] = False
    elif right == "user 0":
        its["securityContext"] |= {"runAsUser": 65534, "runAsGroup": 65534}
    return workload


def works(node, collector, case, pod):
    """Else an error says why."""
    metrics = pod.metrics()
    figures = case.figures(node, metrics)
    if (metrics.one("kubecliff_collector_success", collector=collector) == 1
            and not any(metrics.by_name["kubecliff_collector_failing"].values())
            and all(ours == right for ours, right in figures.values())):
        return True
    raise RuntimeError(f"{figures}; {pod.page('/-/ready')[1]}")


class OneNodeTest(unittest.TestCase):
    """On a machine that is one node, as most are."""

    def test_kubeproxy_takes_no_more_than_the_chart_gives(self):
        found = render({"collectors": ALL_OFF | {"kubeproxy": True}})
        workload = named("DaemonSet", "kubecliff", found)
        self.assertEqual(rights(workload), ["NET_ADMIN", "user 0", "hostPID"])
        with Node("one", neighbour=False) as node, node.pod("one", workload, found) as pod:
            await_true("kubeproxy works", lambda: works(node, "kubeproxy", CASES["kubeproxy"], pod))


class RightsTest(unittest.TestCase):
    longMessage = False

    @classmethod
    def setUpClass(cls):
        cls.node = cls.enterClassContext(Node("rights"))

    @contextlib.contextmanager
    def pod(self, name, collector, workload, found):
        # Of processes the kernel tells in its first network namespace only.
        here = collector == "restore"
        with self.node.locked() if here else contextlib.nullcontext():
            with self.node.pod(name, workload, found, here) as pod:
                yield pod

    def test_what_is_rendered_is_enough(self):
        for collector, case in CASES.items():
            found, workload = rendered(collector)
            with self.subTest(collector=collector), self.pod(collector, collector, workload, found) as pod:
                # Of sockets, a reading from before the port was open lasts for a while.
                await_true(f"{collector} works", lambda: works(self.node, collector, case, pod), seconds=30)
                say(f"{collector:16} {', '.join(rights(workload)) or 'no right':58} works")

    def test_without_a_right_something_is_said_to_be_missing(self):
        for collector, case in CASES.items():
            found, workload = rendered(collector)
            self.assertEqual(set(rights(workload)), set(case.without), collector)
            for right, words in case.without.items():
                with self.subTest(collector=collector, without=right):
                    self.lacks(collector, case, right, words, less(workload, right), found)

    def test_propagation_takes_no_right_but_a_token(self):
        """scripts/e2e-kubernetes has the API server that the token is for; here there is none, and no token."""
        found = render({"collectors": ALL_OFF | {"propagation": True}})
        workload = named("DaemonSet", "kubecliff", found)
        self.assertEqual(rights(workload), [])
        self.assertTrue(workload["spec"]["template"]["spec"]["automountServiceAccountToken"])
        with self.node.pod("propagation", workload, found) as pod:
            await_true("words", lambda: "no API server: KUBERNETES_SERVICE_HOST" in pod.page("/-/ready")[1])

    def lacks(self, collector, case, right, words, workload, found):
        if right == "/lib/modules" and not LOADABLE:
            say(f"{collector:16} without {right:20} not judged: this machine has no such module")
            return
        with self.pod(f"{collector}-less", collector, workload, found) as pod:
            pod.ready()
            said = await_true(f"{collector} without {right} says {words}",
                              lambda: self.says(collector, case, right, words, pod))
            say(f"{collector:16} without {right:20} {said}")

    def says(self, collector, case, right, words, pod):
        """What shows the lack, if anything does by now."""
        text = pod.page("/-/ready")[1] + pod.page("/metrics")[1]
        metrics = Metrics(text)
        figures = case.figures(self.node, metrics)
        for name, (ours, wanted) in figures.items():
            self.assertIn(ours, (None, wanted), f"{collector} without {right}: {name}")
        if isinstance(words, set):
            # Some are there at the second reading only.
            read = metrics.sum("kubecliff_collector_refreshes_total", collector=collector) > 1
            missing = {name for name, (ours, _) in figures.items() if ours is None}
            return f"no {', '.join(sorted(missing))}" if read and missing == words else None
        found = re.search(words, text, re.DOTALL)
        return found and found[0][:60]



if __name__ == "__main__":
    unittest.main()
