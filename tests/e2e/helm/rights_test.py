"""What pods may: no more than what is on needs, and enough for it."""

import contextlib
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

import settings
from chart import CASES, container, named, objects, of_kind, render, workloads

# What each collector takes beside the host's network.
NEEDS = {
    "conntrack": ({"NET_ADMIN"}, False, set()),
    "dataplane": (set(), False, {"/lib/modules", "/sys/fs/bpf"}),
    "iptables": ({"NET_ADMIN"}, False, set()),
    "ipvs": ({"NET_ADMIN"}, False, set()),
    "kubeproxy": ({"SYS_PTRACE"}, True, set()),
    "nftables": ({"NET_ADMIN"}, False, set()),
    "nic": (set(), False, set()),
    "restore": ({"NET_ADMIN", "SYS_PTRACE"}, True, {"/run/xtables.lock"}),
    "sockets": (set(), False, set()),
    "traversal": (set(), False, set()),
}
ALL_OFF = dict.fromkeys(NEEDS, False)


def metrics(capabilities, configuration):
    """Of the program with these capabilities alone, as soon as every collector has had its first reading."""
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "kubecliff.yml").write_text(configuration)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = "127.0.0.1:%d" % free.getsockname()[1]
        bounding = ",".join(["-all"] + [f"+{name.lower()}" for name in capabilities])
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", f"--bounding-set={bounding}", "--inh-caps=-all", "--no-new-privs",
             settings.kubecliff, f"--config.file={folder}/kubecliff.yml", f"--web.listen-address={address}"],
            stderr=open(settings.logs / "kubecliff.log", "a"))
        stack.callback(process.wait)
        stack.callback(process.terminate)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://{address}/-/ready", timeout=5).read()
                return urllib.request.urlopen(f"http://{address}/metrics", timeout=5).read().decode()
            time.sleep(0.1)
        raise AssertionError(f"kubecliff did not start: {settings.logs}/kubecliff.log")


def denied(text):
    return [line for line in text.splitlines() if "denied" in line and line.endswith(" 1")]


class RightsTest(unittest.TestCase):
    def test_each_collector_takes_what_it_needs(self):
        for collector, (capabilities, host_processes, paths) in NEEDS.items():
            with self.subTest(collector=collector):
                node = named("DaemonSet", "kubecliff", render({"collectors": ALL_OFF | {collector: True}}))
                spec = node["spec"]["template"]["spec"]
                context = container(node)["securityContext"]
                self.assertEqual(set(context["capabilities"]["add"]), capabilities)
                self.assertEqual(context["capabilities"]["drop"], ["ALL"])
                self.assertEqual(spec["hostPID"], host_processes)
                self.assertEqual({volume["hostPath"]["path"] for volume in spec["volumes"]
                                  if "hostPath" in volume}, paths)

    def test_everywhere_the_root_is_read_only_and_nothing_gains_privilege(self):
        for case in CASES:
            for workload in workloads(objects(case)):
                spec = workload["spec"]["template"]["spec"]
                with self.subTest(case=case, workload=workload["metadata"]["name"]):
                    self.assertEqual(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault")
                    for each in spec["containers"]:
                        if each["image"] == "busybox":
                            continue
                        context = each["securityContext"]
                        self.assertTrue(context["readOnlyRootFilesystem"])
                        self.assertFalse(context["allowPrivilegeEscalation"])
                        self.assertEqual(context["capabilities"]["drop"], ["ALL"])
                    mounts = {mount["name"]: mount for each in spec["containers"]
                              for mount in each.get("volumeMounts", ())}
                    for volume in spec.get("volumes", ()):
                        if "hostPath" in volume and volume["name"] != "kubecliff-state":
                            self.assertTrue(mounts[volume["name"]]["readOnly"])
                    if workload["kind"] == "Deployment":
                        self.assertNotIn("hostNetwork", spec)
                        self.assertTrue(container(workload)["securityContext"]["runAsNonRoot"])

    def test_tokens_are_only_where_the_api_is_asked(self):
        tokens = {(case, workload["metadata"]["name"]) for case in CASES
                  for workload in workloads(objects(case))
                  if workload["spec"]["template"]["spec"]["automountServiceAccountToken"]}
        self.assertEqual(tokens, {("everything", "kubecliff"), ("everything", "kubecliff-canary"),
                                  ("proxy", "kubecliff"), ("elsewhere", "kubecliff")})

    def test_roles_name_what_they_are_for(self):
        for role in of_kind("Role", objects("everything")):
            for rule in role["rules"]:
                # What is created has no name yet.
                self.assertTrue(rule["verbs"] == ["create"] or rule.get("resourceNames"), rule)
                self.assertFalse({"*", "delete", "patch"} & set(rule["verbs"]))

    @unittest.skipUnless(os.geteuid() == 0, "takes root, to give rights away")
    def test_with_its_capabilities_nothing_is_denied_and_with_less_something_is(self):
        found = objects("default")
        context = container(named("DaemonSet", "kubecliff", found))["securityContext"]
        capabilities = context["capabilities"]["add"]
        file = named("ConfigMap", "kubecliff", found)["data"]["kubecliff.yml"]
        self.assertEqual(denied(metrics(capabilities, file)), [])
        self.assertTrue(denied(metrics(["SYS_PTRACE"], file)))


if __name__ == "__main__":
    unittest.main()
