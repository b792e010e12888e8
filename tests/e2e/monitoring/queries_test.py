"""Dashboards' queries, asked of a Prometheus that scrapes a kubecliff on a node under load."""

import itertools
import re
import time
import unittest

import settings
from dashboards import DASHBOARDS, annotations, panels, queries, variables
from node import Node
from prometheus import RULES, Refused

RECORDED = {name for file in RULES.glob("*.yaml")
            for name in re.findall(r"record: (\S+)", file.read_text())}
DOCUMENTED = set(re.findall(
    r"^\| `(\w+)` \|", (settings.REPOSITORY / "docs" / "metrics.md").read_text(), re.MULTILINE))
KNOWN = RECORDED | DOCUMENTED | {"up", "ALERTS"}
KEYWORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless",
            "offset", "bool"}
# What Grafana would put in the place of its variables.
VALUES = {"__rate_interval": "15s", "cluster": ".*", "node_pool": ".*", "job": ".*",
          "node": "node-1:9909"}


def filled_in(query):
    return re.sub(r"\$(\w+)", lambda name: VALUES[name[1]], query)


def metrics_of(query):
    """The names of metrics in PromQL: what is not a label, a keyword, a function or a number."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', "", re.sub(r'"[^"]*"', '""', query))
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right) *\([^)]*\)", " ", bare)
    return {name for name, call in re.findall(r"(?<![\w.])([a-zA-Z_:][\w:]*) *(\(?)", bare)
            if not call and name not in KEYWORDS}


class QueriesTest(unittest.TestCase):
    longMessage = False

    @classmethod
    def setUpClass(cls):
        cls.node = Node()
        cls.addClassCleanup(cls.node.stop)
        cls.node.start()
        cls.prometheus = cls.node.prometheus
        cls.prometheus.wait_for("cluster_node_pool_check:kubecliff_cliff:max")

    def without_data(self):
        """Queries of panels that do not say what they show when there is nothing."""
        for dashboard, panel in panels():
            for target in panel["targets"]:
                look = self.prometheus.instant if target["instant"] else self.prometheus.range
                where = f"{dashboard}: {panel['title']}: {target['expr']}"
                try:
                    found = look(filled_in(target["expr"]))
                except Refused as refusal:
                    self.fail(f"{where}: {refusal}")
                if not found and "noValue" not in panel["fieldConfig"]["defaults"]:
                    yield where

    def test_every_panel_has_data_or_says_that_it_may_have_none(self):
        # What is recorded from what is recorded comes a few looks after the rest.
        deadline = time.monotonic() + 60
        while empty := list(self.without_data()):
            if time.monotonic() > deadline:
                self.fail("\n    ".join(["no data:", *empty]))
            time.sleep(2)

    def test_every_variable_has_values(self):
        for dashboard, variable in variables():
            if variable["type"] == "query":
                series, label = re.fullmatch(r"label_values\((.*), (\w+)\)",
                                             variable["query"]["query"]).groups()
                values = self.prometheus.label_values(label, filled_in(series))
                self.assertTrue(values, f"{dashboard}: ${variable['name']} has no values")

    def test_every_annotation_can_be_asked_for(self):
        for _, annotation in annotations():
            self.prometheus.range(filled_in(annotation["target"]["expr"]))

    def test_every_metric_is_documented_or_recorded(self):
        for query in itertools.chain.from_iterable(map(queries, DASHBOARDS)):
            for name in metrics_of(filled_in(query)):
                histogram = re.sub(r"_(bucket|sum|count)$", "", name)
                self.assertTrue({name, histogram} & KNOWN, f"{name} in {query}")

    def test_every_recorded_metric_is_asked_for(self):
        asked = "".join(str(dashboard) for dashboard in DASHBOARDS.values())
        for file in RULES.glob("*.yaml"):
            asked += re.sub(r"record: \S+", "", file.read_text())
        unused = {name for name in RECORDED if name not in asked}
        self.assertFalse(unused, f"recorded and never asked for: {unused}")

    def test_rules_are_evaluated_without_errors(self):
        for group in self.prometheus.ask("rules")["groups"]:
            for rule in group["rules"]:
                self.assertEqual(rule["health"], "ok", f"{rule['name']}: {rule.get('lastError')}")

    def test_recorded_figures_are_those_of_the_node(self):
        def one(query):
            found = self.prometheus.instant(query)
            self.assertEqual(len(found), 1, f"{query}: {found}")
            return float(found[0]["value"][1])

        self.assertEqual(one("cluster_node_pool:kubecliff_nodes:count"), 1)
        modes = "cluster_node_pool_mode:kubecliff_dataplane_mode:sum"
        self.assertEqual(one(modes + '{mode="iptables-nft"}'), 1)
        # One comes and goes.
        self.assertAlmostEqual(one("cluster_node_pool:kubecliff_iptables_services:max"),
                               one("max(kubecliff_iptables_services)"), delta=1)
