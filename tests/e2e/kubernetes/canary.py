"""kubecliff's canary in a pod, the collectors that follow it, and the rights of their roles."""

import base64
import json
import subprocess
import time

from cluster import API_SERVICE_ADDRESS, CONTROL_ADDRESS, wait_until
from figures import scrape
from workload import NAMESPACE

SERVICE = "kubecliff-canary"
CANARY_PORT, NODE_PORT = 9911, 9912  # where they serve /metrics
SLICES = [f"{SERVICE}-ipv4", f"{SERVICE}-ipv6"]

# As docs/propagation.md has them.
CANARY_RULES = [
    {"apiGroups": [""], "resources": ["services"], "resourceNames": [SERVICE], "verbs": ["get"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["create"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "resourceNames": SLICES,
     "verbs": ["get", "update"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": [SERVICE],
     "verbs": ["get", "update"]},
]
NODE_RULES = [
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "resourceNames": SLICES,
     "verbs": ["list", "watch"]},
]


def _encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class Account:
    """A ServiceAccount, and the folder that a kubelet would mount of it."""

    def __init__(self, cluster, name, rules):
        self._cluster = cluster
        self.name = name
        self.folder = cluster.state / name
        self.folder.mkdir()
        (self.folder / "ca.crt").write_bytes(cluster.certificate.read_bytes())
        (self.folder / "namespace").write_text(NAMESPACE)
        cluster.api.add_service_account(NAMESPACE, name, rules)
        self.renew()

    def renew(self):
        self._write(self._cluster.api.token_of(NAMESPACE, self.name))

    def expire_in(self, seconds):
        """A token that is good for less than the API server would give: signed with its key."""
        path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{self.name}"
        uid = self._cluster.api.get(path)["metadata"]["uid"]
        now = int(time.time())
        issuer = "https://kubernetes.default.svc"
        claims = {
            "iss": issuer, "aud": [issuer], "iat": now, "nbf": now, "exp": now + seconds,
            "sub": f"system:serviceaccount:{NAMESPACE}:{self.name}",
            "kubernetes.io": {"namespace": NAMESPACE,
                              "serviceaccount": {"name": self.name, "uid": uid}},
        }
        parts = [{"alg": "RS256", "typ": "JWT"}, claims]
        text = b".".join(_encoded(json.dumps(part).encode()) for part in parts)
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(self._cluster.accounts_key)], input=text,
            capture_output=True, check=True).stdout
        self._write((text + b"." + _encoded(signature)).decode())

    def _write(self, token):
        new = self.folder / "new"
        new.write_text(token)
        new.rename(self.folder / "token")


class Canary:
    """The Service, the canary in a pod of the first node, and a collector on each node."""

    def __init__(self, cluster):
        self._cluster = cluster
        service = cluster.api.add_service(NAMESPACE, SERVICE, None, [{"port": 80}])
        self.address = service["spec"]["clusterIP"]
        self.account = Account(cluster, "kubecliff-canary", CANARY_RULES)
        self.node_account = Account(cluster, "kubecliff-node", NODE_RULES)
        home = cluster.nodes[0]
        self._pod = home.pod
        self.process = cluster.add_process("kubecliff-canary", home.pod, [
            cluster.kubecliff_path, "canary", f"--web.listen-address=127.0.0.1:{CANARY_PORT}",
            f"--collector.canary.api-server=https://{API_SERVICE_ADDRESS}:443",
            f"--collector.canary.credentials={self.account.folder}",
            f"--collector.canary.addresses={home.pod_address}", "--collector.canary.interval=2s"])
        self._collectors = {node: cluster.add_process(
            f"kubecliff-propagation-{node.name}", node.namespace, [
                cluster.kubecliff_path, f"--web.listen-address=127.0.0.1:{NODE_PORT}",
                "--collector.disable-defaults", "--collector.propagation",
                f"--collector.propagation.api-server=https://{CONTROL_ADDRESS}:6443",
                f"--collector.propagation.credentials={self.node_account.folder}",
                f"--collector.propagation.node={node.name}",
                "--collector.propagation.reconnect-spread=1s"]) for node in cluster.nodes}

    def start(self):
        for process, look in [(self.process, self.metrics)] + [
                (process, lambda node=node: self.node_metrics(node))
                for node, process in self._collectors.items()]:
            process.start()
            wait_until("a scrape", lambda look=look: _serves(look), process)

    def stop(self):
        for process in [self.process, *self._collectors.values()]:
            process.kill()

    def metrics(self):
        return scrape(self._pod, CANARY_PORT)

    def node_metrics(self, node):
        return scrape(node.namespace, NODE_PORT)


def _serves(look):
    try:
        return look() is not None
    except OSError:
        return False
