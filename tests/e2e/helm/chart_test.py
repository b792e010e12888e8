"""The chart as a whole: helm's own judgement, what is packed, and what is said of values."""

import json
import re
import subprocess
import sys
import tarfile
import tempfile
import unittest

import yaml
from chart import CHART, REPOSITORY, helm, named, objects, parse, render, workloads

sys.path.insert(0, str(REPOSITORY / "helm"))
import generate  # noqa: E402


class ChartTest(unittest.TestCase):
    def test_helm_has_nothing_to_say(self):
        done = helm("lint", "--strict", CHART)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("0 chart(s) failed", done.stdout)

    def test_a_package_holds_the_rules_and_dashboards_themselves(self):
        with tempfile.TemporaryDirectory() as folder:
            done = helm("package", CHART, "--destination", folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            within = "kubecliff/files/"
            with tarfile.open(done.stdout.split()[-1]) as package:
                held = {member.name.removeprefix(within): package.extractfile(member).read()
                        for member in package.getmembers() if member.name.startswith(within)}
        kept = {f"{name}/{file.name}": file.read_bytes()
                for name, folder in (("rules", "alerts/rules"), ("dashboards", "dashboards"))
                for file in (REPOSITORY / folder).iterdir()
                if file.suffix in (".yaml", ".json")}
        self.assertEqual(held.keys(), kept.keys())
        for name, content in kept.items():
            self.assertEqual(held[name], content, name)

    def test_readme_is_up_to_date(self):
        done = subprocess.run([sys.executable, REPOSITORY / "helm/generate.py", "--check"], check=False)
        self.assertEqual(done.returncode, 0, "helm/generate.py writes it")

    def test_helm_takes_the_readmes_examples(self):
        text = (CHART / "README.md").read_text()
        examples = re.findall(r"```yaml values.yaml\n(.*?)```", text, re.DOTALL)
        self.assertGreater(len(examples), 3)
        for example in examples:
            self.assertTrue(render(yaml.safe_load(example)))

    def test_every_value_has_its_comment(self):
        rows = generate.rows((CHART / "values.yaml").read_text())
        self.assertGreater(len(rows), 100)
        self.assertEqual([".".join(path) for path, _, comment in rows if not comment], [])

    def test_the_schema_knows_every_value(self):
        """A map that has any value of its own is closed, so that a typo is an error."""
        schema = json.loads((CHART / "values.schema.json").read_text())

        def known(part):
            while "$ref" in part or "allOf" in part:
                if "allOf" in part:
                    part = part["allOf"][0]
                    continue
                found = schema
                for step in part["$ref"].removeprefix("#/").split("/"):
                    found = found[step]
                part = found
            return part

        def compare(where, part, values):
            part = known(part)
            if "properties" not in part or not isinstance(values, dict):
                return
            if where != "global":  # parent charts put theirs there
                self.assertIs(part.get("additionalProperties"), False, where)
            self.assertLessEqual(values.keys(), part["properties"].keys(), where)
            for name, value in values.items():
                compare(f"{where}.{name}".strip("."), part["properties"][name], value)

        compare("", schema, yaml.safe_load((CHART / "values.yaml").read_text()))

    def test_selectors_hold_whatever_labels_are_added(self):
        own = {f"app.kubernetes.io/{name}": "other" for name in ("name", "instance", "component")}
        found = render({"commonLabels": own, "podLabels": own, "canary": {"enabled": True, "podLabels": own}})
        service = named("Service", "kubecliff", found)["spec"]["selector"]
        for workload in workloads(found):
            labels = workload["spec"]["template"]["metadata"]["labels"]
            self.assertLessEqual(workload["spec"]["selector"]["matchLabels"].items(), labels.items())
            self.assertLessEqual(service.items(), labels.items())

    def test_the_docs_have_the_same_rights_and_service(self):
        text = (REPOSITORY / "docs/propagation.md").read_text()
        told = parse(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1])
        self.assertEqual([each["kind"] for each in told], ["Service", "Role", "Role"])
        found = objects("everything")
        for each in told:
            made = named(each["kind"], each["metadata"]["name"], found)
            self.assertEqual(each["metadata"]["namespace"], made["metadata"]["namespace"])
            self.assertEqual(each.get("rules"), made.get("rules"))
            self.assertEqual(each.get("spec", {}).get("ports"), made.get("spec", {}).get("ports"))

    def test_probes_can_be_left_out(self):
        node = named("DaemonSet", "kubecliff", render({"livenessProbe": None, "resources": None}))
        its, = node["spec"]["template"]["spec"]["containers"]
        self.assertNotIn("livenessProbe", its)
        self.assertNotIn("resources", its)

    def test_versions_are_the_programs(self):
        version = re.search(r"project\(kubecliff VERSION ([\d.]+)",
                            (REPOSITORY / "CMakeLists.txt").read_text())[1]
        self.assertEqual(yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"], version)


if __name__ == "__main__":
    unittest.main()
