"""What pods may, as rendered. That it is enough, and all of it needed, scripts/e2e-image shows."""

import unittest

from chart import CASES, container, named, objects, of_kind, render, workloads

NO_RIGHTS = dict.fromkeys(("conntrack", "dataplane", "iptables", "ipvs", "kubeproxy", "nftables", "restore"), False)


def node_context(values):
    return container(named("DaemonSet", "kubecliff", render(values)))["securityContext"]


class RightsTest(unittest.TestCase):
    def test_user_0_is_for_those_that_need_it(self):
        nobody = {"runAsNonRoot": True, "runAsUser": 65534, "runAsGroup": 65534}
        root = {"runAsUser": 0, "runAsGroup": 0}
        pagerduty = {"enabled": True, "pagerduty": {"routing-key-file": {"secret": "pagerduty", "key": "key"}}}
        for more, users in (({}, nobody), ({"alerting": {"enabled": True}}, nobody), ({"alerting": pagerduty}, root),
                            ({"containerSecurityContext": {"capabilities": {"add": ["BPF"]}}}, root),
                            ({"containerSecurityContext": {"runAsUser": 1000}}, {"runAsUser": 1000}),
                            ({"containerSecurityContext": {"runAsUser": 0}}, {"runAsUser": 0})):
            context = node_context({"collectors": NO_RIGHTS} | more)
            self.assertEqual({key: its for key, its in context.items() if key.startswith("runAs")}, users, more)

    def test_values_add_to_the_capabilities_of_collectors(self):
        added = node_context({"containerSecurityContext": {"capabilities": {"add": ["BPF", "NET_ADMIN"]}}})
        self.assertEqual(added["capabilities"], {"drop": ["ALL"], "add": ["NET_ADMIN", "SYS_PTRACE", "BPF"]})

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


if __name__ == "__main__":
    unittest.main()
