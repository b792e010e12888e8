"""Files and arguments as rendered, taken by the program itself: chart and options cannot drift apart."""

import contextlib
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import settings
import yaml
from chart import CASES, CHART, FOLDER, arguments, container, named, objects, render, workloads


def help_text():
    return subprocess.run([settings.kubecliff, "--help"], capture_output=True, text=True,
                          check=True).stdout


def certificate(folder):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", "/CN=kubecliff", "-keyout", folder / "tls.key", "-out", folder / "tls.crt"],
        check=True, capture_output=True)


def secret(folder, source):
    """A Secret's keys as files: those that are named, or a web configuration."""
    for item in source.get("items", ()):
        file = folder / item["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("http://receiver/\n" if item["key"] == "url" else f"{'0' * 32}\n")
    if "items" not in source:
        (folder / "web.yml").write_text("basic_auth_users: {}\n")
    if any(item["key"] == "tls.key" for item in source.get("items", ())):
        certificate(folder)


@contextlib.contextmanager
def mounted(workload, found):
    """A folder with what the container sees below /etc/kubecliff, in which paths lead to that folder."""
    spec = workload["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in spec.get("volumes", ())}
    with tempfile.TemporaryDirectory() as made:
        for mount in container(workload).get("volumeMounts", ()):
            if not mount["mountPath"].startswith(FOLDER):
                continue
            folder = pathlib.Path(made) / mount["mountPath"].removeprefix(FOLDER)
            folder.mkdir(parents=True)
            volume = volumes[mount["name"]]
            for source in volume["projected"]["sources"] if "projected" in volume else [volume]:
                if "secret" in source:
                    secret(folder, source["secret"])
                for item in source.get("configMap", {}).get("items", ()):
                    text = named("ConfigMap", source["configMap"]["name"], found)["data"][item["key"]]
                    (folder / item["path"]).write_text(text.replace(FOLDER, f"{made}/"))
        yield made


def run(workload, found):
    """The container, where no address is its own: it reads all that it is told, and then cannot listen."""
    its = container(workload)
    values = {each["name"]: each.get("value", "10.0.0.7") for each in its.get("env", ())}
    with mounted(workload, found) as folder:
        told = [re.sub(r"(--web.listen-address=).*:", r"\g<1>192.0.2.1:", each)
                for each in arguments(its, values, folder)]
        return subprocess.run([settings.kubecliff, *told], capture_output=True, text=True, check=False,
                              timeout=20, env=os.environ | values)


def patched(found):
    """kube-proxy's DaemonSet, as far as the patch says."""
    patch = yaml.safe_load(named("ConfigMap", "kubecliff-sidecar", found)["data"]["patch.yaml"])
    return {"metadata": {"name": "kube-proxy"}} | patch


class ConfigTest(unittest.TestCase):
    def takes(self, workload, found):
        done = run(workload, found)
        self.assertEqual(done.returncode, 1, f"{workload['metadata']['name']}: {done.stderr}")
        self.assertIn("192.0.2.1", done.stderr)

    def test_the_program_takes_what_its_containers_are_given(self):
        for case in CASES:
            found = objects(case)
            each = [patched(found)] if case == "sidecar" else workloads(found)
            self.assertTrue(each)
            for workload in each:
                with self.subTest(case=case, workload=workload["metadata"]["name"]):
                    self.takes(workload, found)

    def test_a_wrong_argument_would_be_noticed(self):
        found = render({"extraArgs": ["--log.levle=info"]})
        self.assertEqual(run(found[-1], found).returncode, 2)

    def test_every_collector_has_its_switch(self):
        file = yaml.safe_load(named("ConfigMap", "kubecliff", objects("default"))["data"]["kubecliff.yml"])
        switches = dict(re.findall(r"^  --\[no-\](collector\.\S+)  \(default: (on|off)\)", help_text(),
                                   re.MULTILINE))
        del switches["collector.disable-defaults"], switches["collector.kubeproxy.own-metrics"]
        del file["alerting.thresholds"]
        self.assertEqual({key: "on" if on else "off" for key, on in file.items()}, switches)

    def test_the_schema_has_every_key_that_is_not_the_charts(self):
        schema = yaml.safe_load((CHART / "values.schema.json").read_text())
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        charts = {f"collector.{name}" for name in values["collectors"]} | {
            # What it listens on, where it finds files, and what follows from other values.
            "config.file", "path.procfs", "web.listen-address", "web.telemetry-path", "web.config.file",
            "collector.disable-defaults", "collector.restore.lock-file", "collector.dataplane.bpf-fs",
            "collector.propagation.api-server", "collector.propagation.credentials",
            "collector.propagation.namespace", "collector.propagation.service",
            "collector.propagation.families", "collector.propagation.node",
            "alerting.config", "alerting.runbooks", "alerting.thresholds"}
        keys = schema["definitions"]["nodeConfig"]["properties"].keys()
        options = re.findall(r"^  --(?:\[no-\])?([a-z]+\.[\w.-]*)", help_text(), re.MULTILINE)
        self.assertEqual(keys, set(options) - charts)

    def test_off_is_a_word(self):
        for off in (False, "off"):
            found = render({"config": {"process.seccomp": off}})
            file = named("ConfigMap", "kubecliff", found)["data"]["kubecliff.yml"]
            self.assertIn('process.seccomp: "off"\n', file)

    def test_the_nodes_own_alerts_have_the_labels_of_the_monitors(self):
        found = objects("everything")
        file = yaml.safe_load(named("ConfigMap", "kubecliff", found)["data"]["alerting.yml"])
        monitor = named("ServiceMonitor", "kubecliff", found)["spec"]
        pod = named("DaemonSet", "kubecliff", found)["spec"]["template"]["metadata"]
        node = {"__meta_kubernetes_pod_node_name": "${NODE_NAME}",
                "__meta_kubernetes_pod_name": "kubecliff-x",
                "__meta_kubernetes_pod_label_app_kubernetes_io_component":
                    pod["labels"]["app.kubernetes.io/component"],
                "__meta_kubernetes_node_label_pool": "blue"}
        labels = {"job": named("Service", "kubecliff", found)["metadata"]["labels"][monitor["jobLabel"]]}
        for rule in monitor["endpoints"][0]["relabelings"]:
            # As Prometheus does it, with its defaults.
            value = ";".join(node[name] for name in rule.get("sourceLabels", ()))
            if matched := re.fullmatch(rule.get("regex", "(.*)"), value):
                labels[rule["targetLabel"]] = rule.get("replacement") or matched[1]
        self.assertEqual(file["labels"], labels)


if __name__ == "__main__":
    unittest.main()
