"""What must hold of the dashboards' JSON, whatever it shows."""

import collections
import itertools
import re
import subprocess
import sys
import unittest

import settings
from dashboards import DASHBOARDS, FOLDER, panels, queries, rows, variables

THRESHOLDS = (settings.REPOSITORY / "alerts" / "thresholds.yaml").read_text()
CHECKS = re.findall(r"^  (\w+):$", THRESHOLDS, re.MULTILINE)
ALERTS = {f"Kubecliff{''.join(word.capitalize() for word in check.split('_'))}" for check in CHECKS}
RUNBOOKS = re.search(r"^runbooks: (\S+)$", THRESHOLDS, re.MULTILINE)[1]


VALUES = dict(re.findall(r"^  (\w+):\n(?:    .*\n)*?    value: (.*)$", THRESHOLDS, re.MULTILINE))


def bare(query):
    """PromQL without selectors, windows, groupings and spaces, by which copies may differ."""
    query = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", query)
    query = re.sub(r"\b(by|without) *\([^)]*\)", "", query)
    return re.sub(r"\s+", "", query)


def strings(tree, key):
    """All values of a key, however deep."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            if name == key:
                yield value
            yield from strings(value, key)
    elif isinstance(tree, list):
        for each in tree:
            yield from strings(each, key)


def cells(panel):
    place = panel["gridPos"]
    return itertools.product(range(place["x"], place["x"] + place["w"]),
                             range(place["y"], place["y"] + place["h"]))


class DashboardsTest(unittest.TestCase):
    longMessage = False

    def test_they_are_what_the_generator_writes(self):
        done = subprocess.run([sys.executable, FOLDER / "generate.py", "--check"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0,
                         f"dashboards/generate.py has not been run: {done.stdout}{done.stderr}")

    def test_they_can_be_provisioned(self):
        uids = [dashboard["uid"] for dashboard in DASHBOARDS.values()]
        self.assertEqual(sorted(set(uids)), sorted(uids), f"uids: {uids}")
        for name, dashboard in DASHBOARDS.items():
            self.assertEqual(dashboard["uid"], f"kubecliff-{name}",
                             f"{name}: uid {dashboard['uid']}")
            for key in ("id", "__inputs", "__requires", "iteration"):
                self.assertNotIn(key, dashboard, f"{name}: {key} is of one Grafana alone")
            self.assertIn("kubecliff", dashboard["tags"], f"{name}: not found by its tag")

    def test_every_panel_says_what_it_means_in_which_unit(self):
        for name, panel in panels():
            where = f"{name}: {panel['title']}"
            self.assertGreater(len(panel["description"]), 25, f"{where}: no description")
            self.assertTrue(panel["fieldConfig"]["defaults"]["unit"], f"{where}: no unit")

    def test_panels_of_a_row_have_names_of_their_own(self):
        for name, dashboard in DASHBOARDS.items():
            inside = collections.defaultdict(list)
            for panel in dashboard["panels"]:
                if panel["type"] == "row":
                    row = panel["title"]
                inside[row] += [each["title"] for each in panel.get("panels", [panel])]
            for row, titles in inside.items():
                self.assertEqual(len(set(titles)), len(titles), f"{name}: {row}: {titles}")

    def test_every_data_source_is_the_variable(self):
        for name, dashboard in DASHBOARDS.items():
            for source in strings(dashboard, "datasource"):
                self.assertEqual(source, {"type": "prometheus", "uid": "${datasource}"},
                                 f"{name}: {source}")

    def test_every_variable_that_is_used_is_there(self):
        for name, dashboard in DASHBOARDS.items():
            there = {variable["name"] for owner, variable in variables() if owner == name}
            used = set(re.findall(r"\$(\w+)", " ".join(queries(name)))) - {"__rate_interval"}
            self.assertFalse(used - there, f"{name}: no variable {used - there}")

    def test_panels_have_numbers_of_their_own(self):
        for name in DASHBOARDS:
            numbers = [panel["id"] for owner, panel in [*panels(), *rows()] if owner == name]
            self.assertEqual(len(numbers), len(set(numbers)), f"{name}: {sorted(numbers)}")

    def test_panels_do_not_overlap(self):
        for name, dashboard in DASHBOARDS.items():
            closed = [row["panels"] for owner, row in rows() if owner == name and row["panels"]]
            for group in [dashboard["panels"], *closed]:
                taken = {}
                for panel in group:
                    self.assertLessEqual(panel["gridPos"]["x"] + panel["gridPos"]["w"], 24,
                                         f"{name}: {panel['title']} is wider than the grid")
                    for cell in cells(panel):
                        other = taken.setdefault(cell, panel["title"])
                        self.assertEqual(other, panel["title"],
                                         f"{name}: {panel['title']} lies over {other}")

    def test_every_link_leads_somewhere(self):
        uids = {dashboard["uid"] for dashboard in DASHBOARDS.values()}
        for name, dashboard in DASHBOARDS.items():
            for url in filter(None, strings(dashboard, "url")):
                if url.startswith("/d/"):
                    uid = re.match(r"/d/([\w-]+)", url)[1]
                    self.assertIn(uid, uids, f"{name}: no dashboard {uid}")
                    passed = set(re.findall(r"var-(\w+)=|\$\{(\w+):queryparam\}", url))
                    passed = {one or other for one, other in passed}
                    there = {variable["name"] for owner, variable in variables()
                             if f"kubecliff-{owner}" == uid}
                    self.assertFalse(passed - there, f"{name}: {uid} has no {passed - there}")
                else:
                    self.assertTrue(url.startswith(RUNBOOKS), f"{name}: {url}")
                    alert = url.removeprefix(RUNBOOKS).removesuffix(".md")
                    # A table's link takes the alert's name from its cell.
                    self.assertIn(alert, ALERTS | {"${__value.text}"}, f"{name}: no alert {alert}")

    def test_every_bound_that_is_drawn_is_one_that_nodes_serve(self):
        checks = re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", THRESHOLDS, re.MULTILINE)
        with_bounds = {check for check, body in checks if "unit: state" not in body}
        for name, panel in panels():
            for target in panel["targets"]:
                drawn = re.findall(r'kubecliff_threshold[^{]*\{[^}]*check="(\w+)"', target["expr"])
                for check in drawn:
                    self.assertIn(check, with_bounds,
                                  f"{name}: {panel['title']}: {check} has no bounds")

    def test_every_metric_of_a_check_is_on_a_dashboard(self):
        # What is recorded is shown, as queries_test asks. Bounds are drawn as lines.
        rules = (settings.REPOSITORY / "alerts/rules/kubecliff-recording.yaml").read_text()
        shown = set(re.findall(r"\w+", " ".join([rules, *itertools.chain.from_iterable(
            map(queries, DASHBOARDS))])))
        for check, asked in VALUES.items():
            for metric in re.findall(r"\bkubecliff_\w+", asked):
                self.assertIn(metric, shown, f"{check}: {metric} is on no dashboard")

    def test_copies_of_a_checks_value_agree_with_it(self):
        # Selectors, windows and aggregations are the pictures' own.
        rules = (settings.REPOSITORY / "alerts/rules/kubecliff-recording.yaml").read_text()
        drawn = " ".join(bare(query) for name in DASHBOARDS for query in queries(name))
        recorded = bare(rules)
        for check in ("conntrack_use", "conntrack_drops", "restore_duration"):
            self.assertIn(bare(VALUES[check]), recorded, f"{check}: recorded otherwise")
        for check in ("conntrack_use", "conntrack_drops", "conntrack_bucket_load",
                      "restore_duration", "dns_slow", "ipset_use", "ebpf_map_use", "data_stale"):
            self.assertIn(bare(VALUES[check]), drawn, f"{check}: drawn otherwise")

    def test_lines_of_many_nodes_are_drawn_from_what_is_recorded_of_pools(self):
        # What makes a dashboard slow is a query over the whole time range of thousands of nodes.
        for name, panel in panels():
            for target in panel["targets"]:
                many = re.findall(r"([\w:]+)\{[^}]*\}", target["expr"].replace("$", ""))
                one_node = "$node\"" in target["expr"]
                for metric in many if target["range"] and not one_node else []:
                    self.assertRegex(metric, "^cluster_",
                                     f"{name}: {panel['title']}: {metric} of every node")
