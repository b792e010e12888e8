"""kubecliff's probe in a pod without privilege and on a node: a Service beside its endpoint."""

from case import ClusterTest
from cluster import wait_until
from figures import scrape
from workload import NAMESPACE

PORT = 9913
TARGET = "answers"
PHASE = "kubecliff_probe_phase_seconds"
UNPRIVILEGED = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
                "--bounding-set=-all"]


class ProbeTest(ClusterTest):
    @classmethod
    def setUpClass(cls):
        """From the first node to the pod of the second: once as a pod, once as the node."""
        cls.home, cls.far = cls.cluster.nodes
        service = f"answers-{cls.far.name}"
        address = cls.cluster.api.get(
            f"/api/v1/namespaces/{NAMESPACE}/services/{service}")["spec"]["clusterIP"]
        cls.places = {"pod": cls.home.pod, "node": cls.home.namespace}
        cls.processes = {}
        for vantage, namespace in cls.places.items():
            command = [*UNPRIVILEGED, cls.cluster.kubecliff_path, "probe",
                       f"--web.listen-address=127.0.0.1:{PORT}",
                       f"--collector.probe.targets=name={TARGET},service=http://{address}/,"
                       f"direct=http://{cls.far.pod_address}:8080/,interval=1s"]
            # What a node's first network namespace would tell by itself.
            command += ["--collector.probe.vantage=node"] if vantage == "node" else []
            cls.processes[vantage] = cls.cluster.add_process(f"kubecliff-probe-{vantage}",
                                                             namespace, command)
            cls.processes[vantage].start()
            wait_until("a scrape", lambda vantage=vantage: cls.serves(vantage),
                       cls.processes[vantage])

    @classmethod
    def tearDownClass(cls):
        for process in cls.processes.values():
            process.kill()

    @classmethod
    def metrics(cls, vantage):
        return scrape(cls.places[vantage], PORT)

    @classmethod
    def serves(cls, vantage):
        try:
            return cls.metrics(vantage) is not None
        except OSError:
            return False

    def tearDown(self):
        self.cluster.api.set_ready(NAMESPACE, f"answers-{self.far.name}", True)

    def figure(self, vantage, name, path, **labels):
        return self.metrics(vantage).one(name, target=TARGET, path=path, vantage=vantage, **labels)

    def wait_for_probes(self, vantage, more):
        count = f"{PHASE}_count"
        wanted = (self.figure(vantage, count, "direct", phase="connect") or 0) + more
        self.agree(f"probes from the {vantage}", lambda: (
            (self.figure(vantage, count, "direct", phase="connect") or 0) >= wanted, True))

    def wait_for_success(self, vantage, path, value):
        self.agree(f"success from the {vantage} by {path}", lambda: (
            self.figure(vantage, "kubecliff_probe_success", path), value))

    def walked(self, hook):
        """Packets of new flows that kube-proxy's rules had from a hook."""
        for line in self.home.namespace.run("iptables-legacy-save", "-c", "-t", "nat").splitlines():
            if f"-A {hook} " in line and line.endswith("-j KUBE-SERVICES"):
                return int(line[1:].split(":")[0])
        self.fail(f"no jump to KUBE-SERVICES in {hook}")

    def test_both_paths_are_told_from_both_places(self):
        for vantage, hook in (("pod", "PREROUTING"), ("node", "OUTPUT")):
            self.wait_for_probes(vantage, 1)
            before = self.walked(hook)
            probes = self.figure(vantage, f"{PHASE}_count", "service", phase="connect")
            self.wait_for_probes(vantage, 3)
            self.wait_for_success(vantage, "service", 1)
            self.wait_for_success(vantage, "direct", 1)
            probes = self.figure(vantage, f"{PHASE}_count", "service", phase="connect") - probes
            walked = self.walked(hook) - before
            self.assertGreaterEqual(walked, probes - 1,
                                    f"flows through {hook}: {walked}, probes: {probes}")
            for path in ("service", "direct"):
                total = self.figure(vantage, f"{PHASE}_sum", path, phase="total")
                connect = self.figure(vantage, f"{PHASE}_sum", path, phase="connect")
                self.assertGreater(connect, 0, f"connecting from the {vantage} by {path}")
                self.assertGreater(total, connect, f"{path} from the {vantage}: {total} in all")

    def test_a_service_without_endpoints_fails_and_the_pod_behind_it_does_not(self):
        for vantage in self.places:
            self.wait_for_success(vantage, "service", 1)
        self.cluster.api.set_ready(NAMESPACE, f"answers-{self.far.name}", False)
        for vantage in self.places:
            self.wait_for_success(vantage, "service", 0)
            self.wait_for_success(vantage, "direct", 1)
            refused = self.figure(vantage, "kubecliff_probe_failures_total", "service",
                                  reason="connect")
            self.assertGreater(refused, 0, f"refused from the {vantage}: {refused}")
        self.cluster.api.set_ready(NAMESPACE, f"answers-{self.far.name}", True)
        for vantage in self.places:
            self.wait_for_success(vantage, "service", 1)
