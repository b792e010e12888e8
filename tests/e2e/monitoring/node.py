"""A node of iptables mode under load, with kubecliff and Prometheus, in a network namespace."""

import contextlib
import pathlib
import sys
import threading
import time

import settings
from namespaces import Namespace, Process, run
from ports import unused_port
from progress import say
from prometheus import Prometheus
from stand_ins import Clients, Dns, Server, restores_of

SERVICES = 300
KUBECLIFF = 9909
KUBE_PROXY = 10249
RESTORES = 9910  # what the kernel tells of in its first namespace alone
RESTORE = {"ipv4": ["iptables-nft-restore"], "ipv6": ["ip6tables-nft-restore", "--ipv6"]}
LABELS = {"cluster": "test", "node_pool": "general", "node": "node-1"}


class LoadedNode:
    """Rules, who changes them, clients, and kubecliff. All that it starts ends with it."""

    def __init__(self, name="node", services=SERVICES, families=("ipv4",)):
        self._services = services
        self._families = families
        self._name = f"{settings.prefix}-{name}"
        self._state = settings.state / name
        self._stack = contextlib.ExitStack()

    def start(self):
        self._state.mkdir()
        self.namespace = Namespace(self._name)
        self._stack.callback(self.namespace.delete)
        for family in self._families:
            restore, *options = RESTORE[family]
            self.namespace.run(restore, self._rules(family, self._services, *options))
        say(f"written: rules of {self._services} Services, {' and '.join(self._families)}")

        self._start_kube_proxy()
        Dns(self.namespace).start()
        clients = Clients(self.namespace)
        clients.start()
        self._stack.callback(clients.stop)
        target = f"http://127.0.0.1:{KUBE_PROXY}/healthz"
        alerting = self._state / "alerting.yml"
        alerting.write_text(f"alertmanagers: [{{url: 'http://127.0.0.1:{RESTORES}'}}]\n")
        self._program(
            "kubecliff", self.namespace, settings.kubecliff, f"--alerting.config={alerting}",
            f"--web.listen-address=127.0.0.1:{KUBECLIFF}", "--collector.probe",
            "--collector.probe.dns-names=kubernetes.default.svc.cluster.local",
            "--collector.probe.dns-servers=127.0.0.1", "--collector.probe.dns-interval=1s",
            f"--collector.probe.targets=name=self,service={target},direct={target},interval=1s")
        self.restores = unused_port()
        self._program("kubecliff-restore", None, settings.kubecliff,
                      f"--web.listen-address=127.0.0.1:{self.restores}",
                      "--collector.disable-defaults", "--collector.restore")
        self._serve(RESTORES, {"/metrics": lambda: restores_of(self.restores)})
        self._keep_writing()
        say("up: kubecliff")

    def stop(self):
        self._stack.close()

    def _rules(self, name, services, *options):
        """A file of them, in kube-proxy's shape."""
        file = self._state / f"{name}.rules"
        file.write_text(run(settings.make_ruleset, str(services), "5", "--varied", *options))
        return str(file)

    def _keep_writing(self):
        """One Service more and one less, as kube-proxy does it."""
        add = self._rules("add", self._services, "--add")
        remove = self._rules("remove", self._services + 1, f"--remove={self._services}")
        ended = threading.Event()

        def write():
            while not ended.is_set():
                for file in (add, remove):
                    self.namespace.run("iptables-nft-restore", "--noflush", file)
                    time.sleep(1)

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        self._stack.callback(writer.join)
        self._stack.callback(ended.set)

    def _serve(self, port, pages):
        with self.namespace.entered():
            server = Server(port, pages)
        threading.Thread(target=server.serve, daemon=True).start()
        self._stack.callback(server.stop)

    def _start_kube_proxy(self):
        # kubecliff tells it by its name.
        name = self._state / "kube-proxy"
        name.symlink_to(sys.executable)
        program = pathlib.Path(__file__).with_name("kube_proxy.py")
        self._program("kube-proxy", self.namespace, name, program, str(KUBE_PROXY))

    def _program(self, name, namespace, *command):
        process = Process(name, namespace, command, settings.logs)
        self._stack.callback(process.kill)
        process.start()


class Node(LoadedNode):
    """With Prometheus."""

    def start(self):
        super().start()
        self.prometheus = Prometheus(self.namespace, self._state, settings.logs, [
            self._job("kubecliff", KUBECLIFF), self._job("restores", RESTORES)])
        self._stack.callback(self.prometheus.stop)
        self.prometheus.start()
        say("up: Prometheus")

    def _job(self, name, port):
        """One instance, however many serve its figures."""
        return {
            "job_name": name,
            "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": LABELS}],
            "relabel_configs": [{"target_label": "instance", "replacement": "node-1:9909"},
                                {"target_label": "job", "replacement": "kubecliff"}],
        }
