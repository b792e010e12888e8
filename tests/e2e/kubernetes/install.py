"""The chart, installed by helm: stored as rendered, changed by an upgrade, gone without a trace."""

import json

import chart
import release
import yaml
from api import ApiError
from case import ClusterTest
from chart import RELEASE

# Kinds of operators. What may be in them is for tests/e2e/helm/types_test.py; here they take anything.
KINDS = {
    "GrafanaDashboard": "grafana.integreatly.org/v1beta1",
    "PodMonitor": "monitoring.coreos.com/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
    "ServiceMonitor": "monitoring.coreos.com/v1",
    "VerticalPodAutoscaler": "autoscaling.k8s.io/v1",
}
# Fields that an older API server does not know, with the minor version since when they are on.
NEWER = {"NetworkPolicy.spec.ingress[].ports[].endPort": 22}
# So that it drops what it does not know, and does not refuse it.
UNCHECKED = ["--server-side=false", "--disable-openapi-validation"]
DAEMONSETS = f"/apis/apps/v1/namespaces/{RELEASE}/daemonsets"
DAEMONSET = f"{DAEMONSETS}/kubecliff"
CONFIG = f"/api/v1/namespaces/{RELEASE}/configmaps/kubecliff"
SERVICE = f"/api/v1/namespaces/{RELEASE}/services/kubecliff"
PATCH = f"/api/v1/namespaces/{RELEASE}/configmaps/kubecliff-sidecar"
# As kubeadm writes it, as far as the patch comes near it.
KUBE_PROXY = {
    "metadata": {"name": "kube-proxy"},
    "spec": {
        "selector": {"matchLabels": {"k8s-app": "kube-proxy"}},
        "template": {
            "metadata": {"labels": {"k8s-app": "kube-proxy"}},
            "spec": {
                "containers": [{
                    "name": "kube-proxy", "image": "registry.example/kube-proxy:v1.35.0",
                    "volumeMounts": [{"mountPath": "/run/xtables.lock", "name": "xtables-lock"},
                                     {"mountPath": "/lib/modules", "name": "lib-modules", "readOnly": True}]}],
                "hostNetwork": True,
                "volumes": [{"hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}, "name": "xtables-lock"},
                            {"hostPath": {"path": "/lib/modules", "type": ""}, "name": "lib-modules"}]}}}}


def lacking(sent, stored, where):
    """Where what was sent is not, or is otherwise."""
    if isinstance(sent, dict) and isinstance(stored, dict):
        return {found for key, value in sent.items()
                for found in lacking(value, stored.get(key), f"{where}.{key}")}
    if isinstance(sent, list) and isinstance(stored, list) and len(sent) == len(stored):
        return {found for pair in zip(sent, stored) for found in lacking(*pair, f"{where}[]")}
    # Of some fields these are what is meant where there is nothing.
    return set() if sent == stored or (sent in (False, []) and stored is None) else {where}


def without(fields, tree, where):
    if isinstance(tree, dict):
        return {key: without(fields, value, f"{where}.{key}") for key, value in tree.items()
                if f"{where}.{key}" not in fields}
    if isinstance(tree, list):
        return [without(fields, each, f"{where}[]") for each in tree]
    return tree


class InstallTest(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.api = cls.cluster.api
        for kind, version in KINDS.items():
            cls.api.add_kind(version, kind)
        minor = int(cls.api.get("/version")["minor"].rstrip("+"))
        cls.too_new = {field for field, since in NEWER.items() if since > minor}

    def setUp(self):
        self.agree("the kinds that were added", lambda: (KINDS.items() - self.kinds(), set()))
        self.before = self.api.names()

    def tearDown(self):
        """Nothing is left."""
        after = self.api.names()
        self.assertEqual(after, self.before, f"more or less than before: {after ^ self.before}")

    def kinds(self):
        return {(each["kind"], version) for version in self.api.versions()
                for each in self.api.resources(version)[1]}

    def test_every_case_is_stored_as_rendered(self):
        lost = set()
        for case, values in chart.CASES.items():
            objects = chart.objects(case)
            known = [without(self.too_new, each, each["kind"]) for each in objects]
            for each in known:
                self.api.try_out(self.api.path_of(each, RELEASE), each)
            with release.installed(self.cluster, values, *(UNCHECKED if known != objects else [])):
                for each in objects:
                    stored = self.api.get(self.api.path_of(each, RELEASE))
                    lost |= lacking(each, stored, each["kind"])
        self.assertEqual(lost, self.too_new, f"not stored as sent: {lost}, not {self.too_new}")

    def test_a_field_that_the_server_does_not_know_is_refused(self):
        right, = chart.of_kind("DaemonSet", chart.objects("default"))
        wrong = right | {"spec": right["spec"] | {"minReadySecond": 1}}
        with self.assertRaises(ApiError, msg="a wrong field is taken") as refusal:
            self.api.try_out(DAEMONSET, wrong)
        self.assertIn("minReadySecond", str(refusal.exception))

    def test_an_upgrade_changes_what_values_change(self):
        with release.installed(self.cluster, {}):
            first = self.look()
            release.upgrade(self.cluster, {"collectors": {"ipvs": False}, "service": {"enabled": False}})
            second = self.look()
            self.assertNotEqual(second, first, "another configuration, and the same pods")
            config = yaml.safe_load(self.api.get(CONFIG)["data"]["kubecliff.yml"])
            self.assertIs(config["collector.ipvs"], False, f"collector.ipvs: {config['collector.ipvs']}")
            with self.assertRaises(ApiError, msg="the Service is still there") as refusal:
                self.api.get(SERVICE)
            self.assertEqual(refusal.exception.status, 404)

            release.upgrade(self.cluster, {})
            self.assertEqual(self.look(), first, "what is as it was makes other pods")
            self.api.get(SERVICE)

    def test_the_sidecar_joins_kube_proxys_pods_and_changes_nothing_else_there(self):
        with release.installed(self.cluster, chart.CASES["sidecar"]):
            patch = yaml.safe_load(self.api.get(PATCH)["data"]["patch.yaml"])
        before = self.api.post(DAEMONSETS, KUBE_PROXY)["spec"]["template"]["spec"]
        path = f"{DAEMONSETS}/kube-proxy"
        try:
            after = self.patched(path, patch)
            self.assertEqual(self.patched(path, patch), after, "patched twice, it is another")
        finally:
            self.api.delete(path)
        ours = patch["spec"]["template"]["spec"]
        self.assertEqual(lacking(ours, after | {
            "containers": [each for each in after["containers"] if each["name"] == "kubecliff"],
            "volumes": [each for each in after["volumes"] if each["name"].startswith("kubecliff-")]}, ""), set())
        theirs = {key: value for key, value in after.items() if key not in ours} | {
            key: [each for each in after[key] if not each["name"].startswith("kubecliff")]
            for key in ("containers", "volumes")}
        self.assertEqual(theirs, before)

    def patched(self, path, patch):
        """As kubectl does it."""
        stored = self.api.call("PATCH", path, patch, "application/strategic-merge-patch+json")
        return json.loads(stored)["spec"]["template"]["spec"]

    def look(self):
        """By what the DaemonSet's controller decides whether pods are made anew."""
        return self.api.get(DAEMONSET)["spec"]["template"]
