"""PrometheusRules and dashboards: those of alerts/ and dashboards/, but for what values change."""

import json
import pathlib
import subprocess
import tempfile
import unittest

import settings
import yaml
from chart import REPOSITORY, named, objects, of_kind, render

RULES = REPOSITORY / "alerts" / "rules"


def groups(name, found):
    return named("PrometheusRule", name, found)["spec"]["groups"]


def kept(name):
    return yaml.safe_load((RULES / f"{name}.yaml").read_text())["groups"]


def alerts(found):
    return {(rule["alert"], rule["labels"]["severity"]): rule
            for group in groups("kubecliff", found) for rule in group["rules"]}


def with_rules(changes=None, **values):
    return render({"prometheus": {"rules": {"enabled": True, "alerts": changes or {}}}} | values)


class RulesTest(unittest.TestCase):
    def test_without_a_change_they_are_those_of_alerts(self):
        found = with_rules()
        for name in ("kubecliff", "kubecliff-recording"):
            self.assertEqual(groups(name, found), kept(name))

    def test_prometheus_takes_them(self):
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for rule in of_kind("PrometheusRule", objects("everything")):
                files.append(pathlib.Path(folder) / rule["metadata"]["name"])
                files[-1].write_text(json.dumps(rule["spec"]))
            done = subprocess.run(["promtool", "check", "rules", *files], capture_output=True, text=True,
                                  check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_thresholds_change_them_as_the_program_does(self):
        thresholds = {"conntrack_use": {"warning": 0.6, "warning-for": "7m"},
                      "services_in_iptables": {"info": False}, "mode_conflict": {"warning": "off"}}
        found = with_rules(thresholds=thresholds)
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(named("ConfigMap", "kubecliff", found)["data"]["kubecliff.yml"])
            file.flush()
            done = subprocess.run([settings.kubecliff, "alert", "rules", f"--config.file={file.name}"],
                                  capture_output=True, text=True, check=True)
        self.assertEqual(groups("kubecliff", found), yaml.safe_load(done.stdout)["groups"])
        self.assertNotEqual(groups("kubecliff", found), kept("kubecliff"))

    def test_every_check_can_have_another_bound(self):
        checks = yaml.safe_load((REPOSITORY / "alerts/thresholds.yaml").read_text())["checks"]
        off = {check: {severity: "off" for severity in ("info", "warning", "critical") if severity in its}
               for check, its in checks.items()}
        self.assertEqual(groups("kubecliff", with_rules(thresholds=off)), [])

    def test_an_alert_is_changed_by_its_name(self):
        before = alerts(with_rules())
        after = alerts(with_rules({
            "KubecliffConntrackUse": {"labels": {"team": "network"},
                                      "warning": {"for": "30m", "keep_firing_for": "1h"}},
            "KubecliffIpvsInUse": {"enabled": False},
            "KubecliffServicesInIptables": {"enabled": False, "critical": {"enabled": True}},
        }))
        gone = {name for name in before if name not in after}
        self.assertEqual(gone, {name for name in before if name[0] == "KubecliffIpvsInUse" or (
            name[0] == "KubecliffServicesInIptables" and name[1] != "critical")})
        warning, critical = (after["KubecliffConntrackUse", severity] for severity in ("warning", "critical"))
        self.assertEqual(warning["labels"], {"severity": "warning", "team": "network"})
        self.assertEqual((warning["for"], warning["keep_firing_for"]), ("30m", "1h"))
        self.assertEqual(critical, before["KubecliffConntrackUse", "critical"] | {
            "labels": {"severity": "critical", "team": "network"}})
        others = [name for name in after if name[0] != "KubecliffConntrackUse"]
        self.assertEqual([after[name] for name in others], [before[name] for name in others])

    def test_runbooks_can_be_elsewhere(self):
        found = alerts(with_rules(runbooks="https://runbooks.example/"))
        for (name, _), rule in found.items():
            self.assertEqual(rule["annotations"]["runbook_url"], f"https://runbooks.example/{name}.md")


class DashboardsTest(unittest.TestCase):
    def test_they_are_those_of_dashboards(self):
        found = [each for each in of_kind("ConfigMap", objects("everything"))
                 if "dashboard" in each["metadata"]["name"]]
        data = {name: text for each in found for name, text in each["data"].items()}
        files = {file.name: file.read_text().strip()
                 for file in (REPOSITORY / "dashboards").glob("*.json")}
        self.assertEqual({name: text.strip() for name, text in data.items()}, files)
        for each in found:
            self.assertEqual(each["metadata"]["labels"]["grafana_dashboard"], "1")
            self.assertEqual(each["metadata"]["annotations"]["grafana_folder"], "kubecliff")
            self.assertLess(len(json.dumps(each)), 1 << 20, "no ConfigMap may be larger")

    def test_grafanas_operator_is_led_to_them(self):
        found = objects("everything")
        made = of_kind("GrafanaDashboard", found)
        self.assertTrue(made)
        for each in made:
            lead = each["spec"]["configMapRef"]
            self.assertIn(lead["key"], named("ConfigMap", lead["name"], found)["data"])


if __name__ == "__main__":
    unittest.main()
