"""A control plane and two nodes, in network namespaces."""

import os
import pathlib
import re
import sys
import time

import chart
from api import Api
from figures import count_saved, list_chains, scrape
from namespaces import Namespace, Process, run

CONTROL_ADDRESS = "10.99.0.1"
SERVICE_NETWORKS = "10.96.0.0/16,fd00:10:96::/112"
API_SERVICE_ADDRESS = "10.96.0.1"  # the first of all, and port 443
POD_NETWORK = "10.244.0.0/16"
ADMIN_TOKEN, CONTROLLER_TOKEN, PROXY_TOKEN = "admin", "controllers", "kube-proxy"
KUBECLIFF_PORT = 9909
KUBE_PROXY_PORT = 10249

def wait_until(what, holds, process, seconds=60):
    """For something that a process does when it starts."""
    deadline = time.monotonic() + seconds
    while not holds():
        if process.has_ended() or time.monotonic() > deadline:
            how = "has ended" if process.has_ended() else f"not within {seconds} s"
            raise RuntimeError(f"{what}: {process.name} {how}\n{process.last_words()}")
        time.sleep(0.1)


def kubeconfig(path, certificate, token):
    path.write_text(f"""apiVersion: v1
kind: Config
clusters:
- name: e2e
  cluster: {{server: "https://{CONTROL_ADDRESS}:6443", certificate-authority: "{certificate}"}}
users:
- name: e2e
  user: {{token: {token}}}
contexts:
- name: e2e
  context: {{cluster: e2e, user: e2e}}
current-context: e2e
""")


def _both_families():
    """Services may have addresses of both; since 1.21 without being asked for."""
    minor = int(re.search(r"v1\.(\d+)", run("kube-apiserver", "--version"))[1])
    return ["--feature-gates=IPv6DualStack=true"] if minor < 21 else []


class Node:
    """A namespace with kube-proxy and kubecliff, and beside it one that answers as a pod.

    Its name is that of the backend by which its kube-proxy writes rules.
    """

    def __init__(self, cluster, backend, number):
        self.backend = backend
        self.name = backend
        self.address = f"10.99.0.{10 + number}"
        self.pod_network = f"10.244.{number}.0/24"
        self.pod_address = f"10.244.{number}.10"
        self.namespace = cluster.add_namespace(backend)
        self.pod = cluster.add_namespace(f"{backend}-pod")
        self._wire(cluster, f"10.244.{number}.1")

        tools = cluster.state / f"tools-{backend}"
        tools.mkdir()
        for tool in ("iptables", "ip6tables"):
            for suffix in ("", "-save", "-restore"):
                (tools / f"{tool}{suffix}").symlink_to(f"/usr/sbin/xtables-{backend}-multi")
        kube_proxy = [
            "kube-proxy", f"--kubeconfig={cluster.state / 'kube-proxy.conf'}",
            f"--hostname-override={self.name}", "--proxy-mode=iptables",
            f"--cluster-cidr={POD_NETWORK}", "--healthz-bind-address=127.0.0.1:10256",
            f"--metrics-bind-address=127.0.0.1:{KUBE_PROXY_PORT}",
            # Not for a namespace to set.
            "--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
        ]
        self.kube_proxy = cluster.add_process(
            f"kube-proxy-{backend}", self.namespace, kube_proxy,
            {"PATH": f"{tools}:{os.environ['PATH']}"})
        # The kernel tells of processes in the machine's own namespaces only: see Cluster.restore.
        self.kubecliff = cluster.add_process(
            f"kubecliff-{backend}", self.namespace,
            [cluster.kubecliff_path, f"--web.listen-address=127.0.0.1:{KUBECLIFF_PORT}",
             "--no-collector.restore"])
        self._responder = cluster.add_process(
            f"pod-{backend}", self.pod,
            [sys.executable, str(pathlib.Path(__file__).with_name("responder.py"))])

    def _wire(self, cluster, gateway):
        cluster.connect(self.namespace, self.address, self.pod_network)
        self.namespace.forward()
        self.namespace.run("ip", "link", "add", "pod", "type", "veth", "peer", "name", "eth0",
                           "netns", self.pod.name)
        self.namespace.run("ip", "address", "add", f"{gateway}/24", "dev", "pod")
        self.namespace.run("ip", "link", "set", "pod", "up")
        self.pod.run("ip", "address", "add", f"{self.pod_address}/24", "dev", "eth0")
        self.pod.run("ip", "link", "set", "eth0", "up")
        self.pod.run("ip", "route", "add", "default", "via", gateway)

    def start(self):
        self._responder.start()
        self.kube_proxy.start()
        self.kubecliff.start()
        wait_until("a scrape", self._serves, self.kubecliff)

    def _serves(self):
        try:
            return self.metrics() is not None
        except OSError:
            return False

    def metrics(self):
        return scrape(self.namespace, KUBECLIFF_PORT)

    def kube_proxy_metrics(self):
        return scrape(self.namespace, KUBE_PROXY_PORT)

    def saved(self):
        """By backend and family, what iptables-save says of this node."""
        there = list_chains(self.namespace.run("nft", "--json", "list", "chains"))
        return {
            (backend, family): count_saved(
                self.namespace.run(f"{tool}-{backend}-save"),
                # Built-in chains that nobody has needed yet are printed all the same.
                there[family] if backend == "nft" else None)
            for backend in ("legacy", "nft")
            for family, tool in (("ipv4", "iptables"), ("ipv6", "ip6tables"))
        }


class Cluster:
    def __init__(self, prefix, state, logs, kubecliff_path):
        self.state = state
        self.certificate = state / "api.crt"  # self-signed: that of its authority, too
        self.accounts_key = state / "accounts.key"  # signs the tokens of ServiceAccounts
        self.kubecliff_path = kubecliff_path
        self._prefix = prefix
        self._logs = logs
        self._namespaces = []
        self._processes = []

        self._control = self.add_namespace("control")
        self._control.run("ip", "link", "add", "nodes", "type", "bridge")
        self._control.run("ip", "address", "add", f"{CONTROL_ADDRESS}/24", "dev", "nodes")
        self._control.run("ip", "link", "set", "nodes", "up")
        self._control.forward()
        self._prepare_control_plane()
        self.nodes = [Node(self, "legacy", 1), Node(self, "nft", 2)]
        # The runs of iptables-restore on this machine, those of both nodes among them.
        self._restore = self.add_process("kubecliff-restore", None, [
            kubecliff_path, "--web.listen-address=127.0.0.1:0", "--collector.disable-defaults",
            "--collector.restore"])

    def add_namespace(self, name):
        self._namespaces.append(Namespace(f"{self._prefix}-{name}"))
        return self._namespaces[-1]

    def add_process(self, name, namespace, command, environment=None):
        self._processes.append(Process(name, namespace, command, self._logs, environment))
        return self._processes[-1]

    def connect(self, namespace, address, pod_network):
        """To the network of the nodes, and the pods behind it."""
        port = f"to-{len(self._namespaces)}"
        self._control.run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0",
                          "netns", namespace.name)
        self._control.run("ip", "link", "set", port, "master", "nodes", "up")
        namespace.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
        namespace.run("ip", "link", "set", "eth0", "up")
        namespace.run("ip", "route", "add", "default", "via", CONTROL_ADDRESS)
        self._control.run("ip", "route", "add", pod_network, "via", address)

    def _prepare_control_plane(self):
        certificate, key = self.certificate, self.state / "api.key"
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
            "-subj", "/CN=kube-apiserver", "-addext",
            f"subjectAltName=IP:{CONTROL_ADDRESS},IP:{API_SERVICE_ADDRESS}",
            "-keyout", str(key), "-out", str(certificate))
        run("openssl", "genrsa", "-out", str(self.accounts_key), "2048")
        tokens = self.state / "tokens.csv"
        tokens.write_text(f'{ADMIN_TOKEN},admin,admin,"system:masters"\n'
                          f'{CONTROLLER_TOKEN},controllers,controllers,"system:masters"\n'
                          f'{PROXY_TOKEN},system:kube-proxy,kube-proxy\n')
        kubeconfig(self.state / "admin.conf", certificate, ADMIN_TOKEN)
        kubeconfig(self.state / "controllers.conf", certificate, CONTROLLER_TOKEN)
        kubeconfig(self.state / "kube-proxy.conf", certificate, PROXY_TOKEN)

        self._etcd = self.add_process("etcd", self._control, [
            "etcd", f"--data-dir={self.state / 'etcd'}", "--unsafe-no-fsync",
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380"])
        self.apiserver = self.add_process("kube-apiserver", self._control, [
            "kube-apiserver", "--etcd-servers=http://127.0.0.1:2379",
            f"--bind-address={CONTROL_ADDRESS}", f"--advertise-address={CONTROL_ADDRESS}",
            f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
            f"--cert-dir={self.state}", f"--token-auth-file={tokens}", "--authorization-mode=RBAC",
            f"--service-cluster-ip-range={SERVICE_NETWORKS}", *_both_families(),
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.accounts_key}",
            f"--service-account-signing-key-file={self.accounts_key}",
            # Pods that are written by hand: without tokens, on nodes that nobody looks after.
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition"])
        self._controllers = self.add_process("kube-controller-manager", self._control, [
            "kube-controller-manager", f"--kubeconfig={self.state / 'controllers.conf'}",
            "--leader-elect=false", "--controllers=endpointslice", "--bind-address=127.0.0.1",
            f"--cert-dir={self.state}", "--kube-api-qps=500", "--kube-api-burst=1000"])
        self.api = self.api_with(ADMIN_TOKEN)

    def api_with(self, token):
        return Api(self._control, CONTROL_ADDRESS, 6443, self.certificate, token)

    def helm(self, *arguments):
        """As an administrator has it, but for what it keeps in the home folder."""
        return self._control.run(
            "env", f"HOME={self.state}", f"KUBECONFIG={self.state / 'admin.conf'}",
            str(chart.tools / "helm"), *arguments)

    def api_in_pod(self, node, token):
        """As a pod sees it: through the Service, so by the rules of the node."""
        return Api(node.pod, API_SERVICE_ADDRESS, 443, self.certificate, token)

    def start(self):
        self._etcd.start()
        self.start_apiserver()
        self._controllers.start()
        for node in self.nodes:
            self.api.add_node(node.name, node.address, node.pod_network)
        self._restore.start()
        for node in self.nodes:
            node.start()
        wait_until("a port", lambda: self._restore_port() is not None, self._restore)

    def start_apiserver(self):
        self.apiserver.start()
        wait_until("readiness", self.api.is_ready, self.apiserver)

    def _restore_port(self):
        before, key, after = self._restore.log.read_text().partition("addresses=127.0.0.1:")
        return int(after.split()[0]) if key else None

    def wait_until_written(self, holds):
        """For what the controllers write."""
        wait_until("what the controllers write", holds, self._controllers)

    def restore_metrics(self):
        return scrape(None, self._restore_port())

    def stop(self):
        for process in self._processes:
            process.kill()
        for namespace in self._namespaces:
            namespace.delete()
