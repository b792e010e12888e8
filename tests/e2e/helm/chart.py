"""The chart, rendered by helm: what it makes of values, and what it says where it refuses them."""

import functools
import json
import subprocess

import settings
import yaml

# Values by the name of what they try. Between them they reach every line of the templates.
CASES = {
    "default": {},
    "everything": {
        "cluster": "prod",
        "commonLabels": {"team": "network"},
        "image": {"digest": "sha256:" + "0" * 64},
        "imagePullSecrets": ["one", {"name": "two"}],
        "collectors": {"propagation": True, "probe": True},
        "config": {"log.format": "json", "collector.cpu-budget": 0.02, "collector.conntrack.max-flows": 1000000,
                   "collector.probe.dns-names": "kubernetes.default.svc.cluster.local",
                   "collector.probe.targets": [{"name": "api", "service": "https://10.96.0.1/readyz", "insecure": True}]},
        "thresholds": {"conntrack_use": {"warning": 0.6, "critical-for": "30s"}, "services_in_iptables": {"info": False}},
        "runbooks": "https://runbooks.example/",
        "alerting": {
            "enabled": True, "labels": {"node_pool": "blue"},
            "alertmanagers": [{"url": "http://alertmanager-0:9093", "username": "kubecliff",
                               "password-file": {"secret": "alertmanager", "key": "password"}}],
            "pagerduty": {"routing-key-file": {"secret": "pagerduty", "key": "routing-key"}},
            "webhooks": [{"url-file": {"secret": "hook", "key": "url"}, "severity": "warning"}],
        },
        "tlsSecret": {"enabled": True, "secretName": "kubecliff-tls"},
        "service": {"listenOnAllInterfaces": False, "annotations": {"a": "b"}},
        "containerSecurityContext": {"capabilities": {"add": ["BPF"]}},
        "prometheus": {
            "monitor": {"enabled": True, "additionalLabels": {"release": "stack"}, "interval": "30s", "sampleLimit": 1000,
                        "attachMetadata": {"node": True}, "tlsConfig": {"insecureSkipVerify": True},
                        "relabelings": [{"sourceLabels": ["__meta_kubernetes_node_label_pool"], "targetLabel": "node_pool"}]},
            "rules": {"enabled": True, "additionalLabels": {"release": "stack"}},
        },
        "dashboards": {"enabled": True, "grafanaOperator": {"enabled": True}},
        "canary": {"enabled": True, "families": ["ipv4", "ipv6"]},
        "prober": {"enabled": True, "config": {"collector.probe.dns-names": "kubernetes.default.svc.cluster.local"}},
        "networkPolicy": {"enabled": True, "ingressFrom": [{"namespaceSelector": {}}]},
        "verticalPodAutoscaler": {"enabled": True, "maxAllowed": {"memory": "1Gi"}, "updatePolicy": {"updateMode": "Auto"}},
        "extraArgs": ["--log.level=debug"],
        "env": {"NAME": "value"},
        "extraVolumes": [{"name": "more", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
        "extraInitContainers": [{"name": "before", "image": "busybox"}],
        "sidecars": [{"name": "beside", "image": "busybox"}],
        "extraManifests": ["apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-more'}",
                           {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}}],
    },
    "proxy": {
        "kubeRBACProxy": {"enabled": True}, "tlsSecret": {"enabled": True, "secretName": "kubecliff-tls"},
        "service": {"listenOnAllInterfaces": False}, "prometheus": {"podMonitor": {"enabled": True}},
    },
    "sidecar": {"sidecar": {"enabled": True}},
    "users": {"webConfigSecret": "kubecliff-web"},
    "little": {
        # Where the kernel is asked for nothing that takes a right.
        "collectors": dict.fromkeys(("iptables", "nftables", "ipvs", "conntrack", "restore", "kubeproxy", "dataplane"), False),
        "serviceAccount": {"create": False}, "rbac": {"create": False}, "service": {"enabled": False},
    },
    "elsewhere": {"collectors": {"propagation": True}, "canary": {"name": "theirs", "namespace": "other"}},
}


def helm(*arguments, values=None):
    return subprocess.run([settings.tools / "helm", *map(str, arguments)], capture_output=True, text=True, check=False,
                          input=json.dumps(values))


def template(values):
    return helm("template", "kubecliff", settings.CHART, "--namespace=kubecliff", "--values=-", values=values)


@functools.cache
def text(case):
    done = template(CASES[case])
    if done.returncode:
        raise AssertionError(f"{case}: {done.stderr}")
    return done.stdout


def parse(manifests):
    return [each for each in yaml.load_all(manifests, yaml.CSafeLoader) if each]


@functools.cache
def objects(case):
    """Those of a case, not to be changed."""
    return parse(text(case))


def render(values):
    done = template(values)
    if done.returncode:
        raise AssertionError(done.stderr)
    return parse(done.stdout)


def refusal(values):
    done = template(values)
    if not done.returncode:
        raise AssertionError(f"not refused: {values}")
    return done.stderr


def of_kind(kind, found):
    return [each for each in found if each["kind"] == kind]


def named(kind, name, found):
    one, = (each for each in of_kind(kind, found) if each["metadata"]["name"] == name)
    return one


def workloads(found):
    return of_kind("DaemonSet", found) + of_kind("Deployment", found)


def container(workload, name="kubecliff"):
    one, = (each for each in workload["spec"]["template"]["spec"]["containers"] if each["name"] == name)
    return one
