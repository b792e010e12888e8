"""The rules are right by Prometheus' own tool, and do what their unit tests say."""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import unittest

import settings

RULES = pathlib.Path("alerts/rules")


def promtool(*arguments):
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)


class RulesTest(unittest.TestCase):
    def test_rule_files_are_right(self):
        run = promtool("check", "rules", *sorted(RULES.glob("*.yaml")))
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_alerts_and_records_do_what_their_tests_say(self):
        files = sorted((RULES / "tests").glob("*.yaml"))
        self.assertTrue(files)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            runs = pool.map(lambda file: promtool("test", "rules", file), files)
        for file, run in zip(files, runs):
            with self.subTest(file=file.name):
                self.assertEqual(run.returncode, 0, (run.stdout + run.stderr).strip()[-4000:])

    def test_every_alert_has_a_runbook_and_every_runbook_an_alert(self):
        listed = subprocess.run(
            ["grep", "-ho", r"alert: \w*", RULES / "kubecliff.yaml"], capture_output=True, text=True, check=True
        )
        alerts = {line.removeprefix("alert: ") for line in listed.stdout.splitlines()}
        runbooks = {file.stem for file in pathlib.Path("alerts/runbooks").glob("*.md")} - {"README"}
        self.assertEqual(alerts, runbooks)

    def test_every_command_that_runbooks_name_is_there(self):
        shown = subprocess.run([settings.kubecliff, "--help"], capture_output=True, text=True, check=True).stdout
        commands = set(re.findall(r"^  kubecliff ([a-z][\w-]*)", shown, re.MULTILINE))
        for file in sorted(pathlib.Path("alerts/runbooks").glob("*.md")):
            named = set(re.findall(r"`kubecliff ([a-z][\w-]*)", file.read_text()))
            self.assertLessEqual(named, commands, f"{file.name}: {named - commands} not in {commands}")


if __name__ == "__main__":
    unittest.main()
