"""alerts/alertmanager.yml, run by a real Alertmanager: who is told what, and what silences what."""

import datetime
import re
import subprocess
import time
import unittest
import urllib.parse

from alertmanager import ALERTS, Alertmanager, program
from receivers import KEY, Receivers

RUNBOOKS = "https://github.com/kubecliff/kubecliff/blob/main/alerts/runbooks/"
# Long enough for a group that would be sent to have been sent.
SILENCE = 3.5


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def alert(name, severity, cluster, node, ended=False, **more):
    """As Prometheus sends it."""
    labels = {"alertname": name, "severity": severity, "cluster": cluster, "job": "kubecliff",
              "instance": f"{node}:9909", "node": node} | more
    # Alertmanager does not hold back a group for an alert that began longer ago than group_wait.
    starts = now() - datetime.timedelta(seconds=30 if ended else 0)
    ends = now() if ended else now() + datetime.timedelta(minutes=10)
    return {
        "labels": {label: value for label, value in labels.items() if value is not None},
        "annotations": {"summary": f"{name} of {node}", "description": "What it is.",
                        "runbook_url": f"{RUNBOOKS}{name}.md"},
        "startsAt": starts.isoformat(),
        "endsAt": ends.isoformat(),
    }


def silenced(link):
    """The labels that a link to a new silence fills in."""
    address, _, filters = link.partition("?filter=")
    assert address == "http://alertmanager.example/#/silences/new", link
    return dict(re.findall(r'(\w+)="([^"]*)"', urllib.parse.unquote(filters)))


class Case(unittest.TestCase):
    all_to_pager = False

    @classmethod
    def setUpClass(cls):
        cls.receivers = Receivers()
        cls.addClassCleanup(cls.receivers.stop)
        cls.alertmanager = Alertmanager(cls.receivers, all_to_pager=cls.all_to_pager)
        cls.addClassCleanup(cls.alertmanager.stop)

    def setUp(self):
        # A cluster for each test keeps what they send apart.
        self.cluster = self.id().rsplit(".", 1)[-1]

    def tearDown(self):
        self.assertEqual(self.receivers.refused, [], "PagerDuty would have refused these")

    def post(self, *alerts):
        self.alertmanager.post(*alerts)

    def alert(self, name, severity, node, **more):
        return alert(name, severity, self.cluster, node, **more)

    def events(self, action="trigger"):
        return [event for event in self.receivers.events
                if event["event_action"] == action and event["payload"].get("group") == self.cluster]

    def messages(self, channel="#kubernetes-alerts"):
        """Title and text of each."""
        return [(piece["title"], piece["text"]) for message in self.receivers.messages
                if message["channel"] == channel for piece in message["attachments"]
                if f"in {self.cluster}" in piece["title"]]

    def eventually(self, look, message="nothing came"):
        deadline = time.monotonic() + 20
        while not (found := look()):
            if time.monotonic() > deadline:
                self.fail(f"{message}: {self.receivers.events} {self.receivers.messages} {self.alertmanager.words()}")
            time.sleep(0.1)
        return found


class Routes(Case):
    def test_one_page_for_all_nodes(self):
        self.post(*(self.alert("KubecliffConntrackDrops", "critical", f"n{i}") for i in range(3)))
        event = self.eventually(self.events)[0]
        self.assertEqual(event["routing_key"], KEY)
        self.assertEqual(event["payload"]["severity"], "critical")
        self.assertEqual(event["payload"]["summary"], f"KubecliffConntrackDrops on 3 nodes of {self.cluster}")
        self.assertEqual(event["payload"]["class"], "KubecliffConntrackDrops")
        for node in ("n0", "n1", "n2"):
            self.assertIn(f"KubecliffConntrackDrops of {node}", event["payload"]["custom_details"]["firing"])
        links = {link["text"]: link["href"] for link in event["links"]}
        self.assertEqual(links["Runbook"], f"{RUNBOOKS}KubecliffConntrackDrops.md")
        self.assertEqual(silenced(links["Silence"]), {
            "alertname": "KubecliffConntrackDrops", "cluster": self.cluster, "severity": "critical"})

        time.sleep(SILENCE)
        self.assertEqual(len(self.events()), 1)
        self.assertEqual(self.messages(), [])

    def test_one_node_speaks_for_itself(self):
        self.post(self.alert("KubecliffNothingProgrammed", "critical", "n1"))
        event = self.eventually(self.events)[0]
        self.assertEqual(event["payload"]["summary"], f"{self.cluster}: KubecliffNothingProgrammed of n1")
        links = {link["text"]: link["href"] for link in event["links"]}
        self.assertEqual(silenced(links["Silence"])["instance"], "n1:9909")

    def test_a_node_that_joins_adds_to_the_incident(self):
        self.post(self.alert("KubecliffConntrackUse", "critical", "n1"))
        self.eventually(self.events)
        self.post(self.alert("KubecliffConntrackUse", "critical", "n2"))
        events = self.eventually(lambda: len(self.events()) > 1 and self.events())
        self.assertEqual(len({event["dedup_key"] for event in events}), 1)

    def test_many_nodes_are_counted(self):
        self.post(*(self.alert("KubecliffRestoreRunning", "critical", f"n{i:03}") for i in range(500)))
        event = self.eventually(self.events)[0]
        lines = event["payload"]["custom_details"]["firing"].strip().splitlines()
        self.assertEqual(len(lines), 21, lines)
        self.assertEqual(lines[-1], "and 480 more")

    def test_warnings_go_to_the_channel(self):
        self.post(self.alert("KubecliffConntrackUse", "warning", "n1"),
                  self.alert("KubecliffConntrackUse", "warning", "n2"))
        title, text = self.eventually(self.messages)[0]
        self.assertEqual(title, f"[warning, 2 nodes] KubecliffConntrackUse in {self.cluster}")
        self.assertIn("KubecliffConntrackUse of n1", text)
        time.sleep(SILENCE)
        self.assertEqual(self.events(), [])
        self.assertEqual(len(self.messages()), 1)

    def test_notes_go_where_it_is_quiet(self):
        self.post(self.alert("KubecliffIpvsInUse", "info", "n1"))
        self.eventually(lambda: self.messages("#kubernetes-notes"))
        self.assertEqual(self.events(), [])
        self.assertEqual(self.messages(), [])

    def test_ends_arrive(self):
        self.post(self.alert("KubecliffConntrackDrops", "critical", "n1"), self.alert("KubecliffDnsSlow", "warning", "n2"))
        page = self.eventually(self.events)[0]
        self.eventually(self.messages)
        self.post(self.alert("KubecliffConntrackDrops", "critical", "n1", ended=True),
                  self.alert("KubecliffDnsSlow", "warning", "n2", ended=True))
        resolve = self.eventually(lambda: self.events("resolve"))[0]
        self.assertEqual(resolve["dedup_key"], page["dedup_key"])
        self.eventually(lambda: [title for title, _ in self.messages()
                                 if title == f"[over] KubecliffDnsSlow in {self.cluster}"])


class Inhibition(Case):
    def test_a_page_silences_the_milder_words_of_its_node(self):
        # Also another node, and another alert of the same node.
        self.post(*(self.alert("KubecliffServicesInIptables", severity, "n1")
                    for severity in ("info", "warning", "critical")),
                  self.alert("KubecliffServicesInIptables", "warning", "n2"),
                  self.alert("KubecliffRestoreDuration", "warning", "n1"))
        self.eventually(self.events)
        self.eventually(lambda: len(self.messages()) == 2)
        time.sleep(SILENCE)
        self.assertEqual(sorted(text for _, text in self.messages()),
                         ["KubecliffRestoreDuration of n1\n", "KubecliffServicesInIptables of n2\n"])
        self.assertEqual(self.messages("#kubernetes-notes"), [])

    def test_when_the_page_is_over_the_warning_is_heard(self):
        self.post(self.alert("KubecliffConntrackUse", "critical", "n1"), self.alert("KubecliffConntrackUse", "warning", "n1"))
        self.eventually(self.events)
        time.sleep(SILENCE)
        self.assertEqual(self.messages(), [])
        self.post(self.alert("KubecliffConntrackUse", "critical", "n1", ended=True))
        self.eventually(lambda: self.events("resolve"))
        self.eventually(self.messages)

    def test_a_warning_silences_a_note(self):
        self.post(self.alert("KubecliffServicesInIptables", "info", "n1"),
                  self.alert("KubecliffServicesInIptables", "warning", "n1"))
        self.eventually(self.messages)
        time.sleep(SILENCE)
        self.assertEqual(self.messages("#kubernetes-notes"), [])

    def test_not_ready_silences_its_node_but_for_pages(self):
        # As kube-state-metrics has it: the instance is not the node's.
        self.post(alert("KubeNodeNotReady", "warning", self.cluster, "n1", instance="10.0.0.1:8080"))
        self.eventually(self.messages)
        # kubecliff's series without the label: nobody knows that this is the node.
        unknown = self.alert("KubecliffDnsFailing", "warning", "n1")
        del unknown["labels"]["node"]
        self.post(self.alert("KubecliffExporterDown", "warning", "n1"),
                  self.alert("KubecliffDnsSlow", "warning", "n1"),
                  self.alert("KubecliffDnsSlow", "warning", "n2"),
                  unknown,
                  self.alert("KubecliffConntrackDrops", "critical", "n1"))
        self.eventually(self.events)
        self.eventually(lambda: len(self.messages()) == 3)
        time.sleep(SILENCE)
        self.assertEqual(sorted(text for _, text in self.messages()),
                         ["KubeNodeNotReady of n1\n", "KubecliffDnsFailing of n1\n", "KubecliffDnsSlow of n2\n"])

    def test_an_end_that_is_silenced_is_never_told(self):
        """Why pages are left out of what a NotReady node silences: their incidents would stay open."""
        self.post(self.alert("KubecliffDnsSlow", "warning", "n1"))
        self.eventually(self.messages)
        self.post(alert("KubeNodeNotReady", "warning", self.cluster, "n1", instance="10.0.0.1:8080"))
        self.eventually(lambda: len(self.messages()) == 2)
        self.post(self.alert("KubecliffDnsSlow", "warning", "n1", ended=True))
        time.sleep(SILENCE)
        self.post(alert("KubeNodeNotReady", "warning", self.cluster, "n1", ended=True, instance="10.0.0.1:8080"))
        self.eventually(lambda: len(self.messages()) == 3)
        time.sleep(SILENCE)
        self.assertEqual([title for title, _ in self.messages() if "over" in title],
                         [f"[over] KubeNodeNotReady in {self.cluster}"])

    def test_none_at_all_is_one_alert(self):
        absent = self.alert("KubecliffExporterAbsent", "critical", "any", job=None, instance=None)
        del absent["labels"]["node"]
        self.post(absent, *(self.alert("KubecliffExporterDown", "warning", f"n{i}") for i in range(3)))
        self.eventually(self.events)
        time.sleep(SILENCE)
        self.assertEqual(self.messages(), [])


class Severities(Case):
    """With a route that sends everything to the pager: no severity makes an event that PagerDuty refuses."""

    all_to_pager = True

    def test_any_severity_is_one_of_pagerdutys(self):
        mapped = {"critical": "critical", "error": "error", "warning": "warning", "info": "info",
                  "none": "warning", "page": "warning", "P1": "warning", None: "warning"}
        for i, severity in enumerate(mapped):
            self.post(self.alert(f"KubecliffNumber{i}", severity, "n1"))
        self.eventually(lambda: len(self.events()) == len(mapped))
        seen = {event["payload"]["class"]: event["payload"]["severity"] for event in self.events()}
        self.assertEqual(seen, {f"KubecliffNumber{i}": expected for i, expected in enumerate(mapped.values())})


class Example(unittest.TestCase):
    def amtool(self, *arguments):
        return subprocess.run([program("amtool"), *arguments], capture_output=True, text=True)

    def test_amtool_takes_it(self):
        checked = self.amtool("check-config", str(ALERTS / "alertmanager.yml"))
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_every_alert_has_its_route(self):
        rules = (ALERTS / "rules" / "kubecliff.yaml").read_text()
        found = set(re.findall(r"- alert: (\w+)\n.*?severity: (\w+)", rules, re.DOTALL))
        self.assertGreater(len(found), 50)
        routes = {"critical": "pager", "warning": "chat", "info": "quiet"}
        # One of each: amtool takes one set of labels at a time.
        for severity, receiver in routes.items():
            name = min(name for name, its in found if its == severity)
            tested = self.amtool("config", "routes", "test", f"--config.file={ALERTS}/alertmanager.yml",
                                 f"--verify.receivers={receiver}", f"alertname={name}", f"severity={severity}")
            self.assertEqual(tested.returncode, 0, tested.stdout + tested.stderr)
        self.assertEqual({severity for _, severity in found}, set(routes))
