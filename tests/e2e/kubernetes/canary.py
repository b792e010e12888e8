"""The chart's canary in a pod, and the nodes that follow it: as rendered, with their accounts' rights."""

import base64
import json
import subprocess
import time

import chart
import release
import yaml
from chart import RELEASE
from cluster import API_SERVICE_ADDRESS, wait_until
from figures import scrape

SERVICE = "kubecliff-canary"
PORT = 9911  # where all of them serve /metrics


def _encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class Account:
    """A ServiceAccount, and the folder that a kubelet would mount of it."""

    def __init__(self, cluster, component):
        self._cluster = cluster
        self.name = None
        self.folder = cluster.state / f"account-{component}"
        self.folder.mkdir()
        (self.folder / "ca.crt").write_bytes(cluster.certificate.read_bytes())
        (self.folder / "namespace").write_text(RELEASE)

    def belong_to(self, workload):
        """Its pods' account, from now on."""
        spec = workload["spec"]["template"]["spec"]
        self.name = spec["serviceAccountName"]
        if spec["automountServiceAccountToken"]:
            self.renew()

    def renew(self):
        self._write(self._cluster.api.token_of(RELEASE, self.name))

    def expire_in(self, seconds):
        """A token that is good for less than the API server would give: signed with its key."""
        path = f"/api/v1/namespaces/{RELEASE}/serviceaccounts/{self.name}"
        uid = self._cluster.api.get(path)["metadata"]["uid"]
        now = int(time.time())
        issuer = "https://kubernetes.default.svc"
        claims = {
            "iss": issuer, "aud": [issuer], "iat": now, "nbf": now, "exp": now + seconds,
            "sub": f"system:serviceaccount:{RELEASE}:{self.name}",
            "kubernetes.io": {"namespace": RELEASE,
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
    """The release, its canary in a pod of the first node, and its nodes' program on each.

    There is no kubelet: what it makes of pods is made here.
    """

    def __init__(self, cluster):
        self._cluster = cluster
        self.account = Account(cluster, "canary")
        self.node_account = Account(cluster, "node")
        release.install(cluster, {
            "collectors": _only("propagation"),
            "config": {"collector.propagation.reconnect-spread": "1s"},
            "extraArgs": [f"--collector.propagation.credentials={self.node_account.folder}"],
            "canary": {"enabled": True, "extraArgs": [
                "--collector.canary.interval=2s",
                f"--collector.canary.credentials={self.account.folder}"]},
            "service": {"port": PORT}})
        self.address = self._get("api/v1", "services", SERVICE)["spec"]["clusterIP"]
        files = cluster.state / "files"
        (files / "config").mkdir(parents=True)
        for name, text in self._get("api/v1", "configmaps", "kubecliff")["data"].items():
            (files / "config" / name).write_text(text)

        home = cluster.nodes[0]
        self._pod = home.pod
        deployment = self._get("apis/apps/v1", "deployments", SERVICE)
        self.account.belong_to(deployment)
        self.process = self._container("kubecliff-canary", home.pod, deployment, files,
                                       {"status.podIPs": home.pod_address})
        nodes = self._get("apis/apps/v1", "daemonsets", "kubecliff")
        self.node_account.belong_to(nodes)
        self._collectors = {node: self._container(
            f"kubecliff-propagation-{node.name}", node.namespace, nodes, files,
            {"spec.nodeName": node.name, "status.hostIP": node.address}) for node in cluster.nodes}

    def _get(self, version, resource, name):
        return self._cluster.api.get(f"/{version}/namespaces/{RELEASE}/{resource}/{name}")

    def _container(self, name, namespace, workload, files, fields):
        """Its arguments and its environment, with what a kubelet knows of the pod."""
        its = chart.container(workload)
        environment = {each["name"]: each.get("value") or fields[each["valueFrom"]["fieldRef"]["fieldPath"]]
                       for each in its["env"]}
        # Every pod has these, of the Service of the API.
        environment |= {"KUBERNETES_SERVICE_HOST": API_SERVICE_ADDRESS, "KUBERNETES_SERVICE_PORT": "443"}
        return self._cluster.add_process(name, namespace, [
            self._cluster.kubecliff_path, *chart.arguments(its, environment, files)], environment)

    def start(self):
        for process, look in [(self.process, self.metrics)] + [
                (process, lambda node=node: self.node_metrics(node))
                for node, process in self._collectors.items()]:
            process.start()
            wait_until("a scrape", lambda look=look: _serves(look), process)

    def stop(self):
        for process in [self.process, *self._collectors.values()]:
            process.kill()
        release.uninstall(self._cluster)
        # These stay, as helm says when it installs the chart.
        group = self._cluster.api.get("/apis/discovery.k8s.io")["preferredVersion"]["groupVersion"]
        for path in (f"/apis/{group}/namespaces/{RELEASE}/endpointslices/{SERVICE}-ipv4",
                     f"/apis/coordination.k8s.io/v1/namespaces/{RELEASE}/leases/{SERVICE}"):
            self._cluster.api.delete(path)

    def metrics(self):
        return scrape(self._pod, PORT)

    def node_metrics(self, node):
        return scrape(node.namespace, PORT)


def _only(collector):
    """All but this one off."""
    values = yaml.safe_load((chart.CHART / "values.yaml").read_text())
    return {name: name == collector for name in values["collectors"]}


def _serves(look):
    try:
        return look() is not None
    except OSError:
        return False
