"""What scripts/demo shows: an alert arrives once, whoever sends it, and ends with its cause."""

import time
import unittest

from chain import JOB, LABELS, Chain

FEW, MANY = 3000, 6000  # Services, of which a tenth have no endpoints: a warning, and a page
# Long enough for what is sent again and again to have come again.
AFTERWARDS = 10


class DemoTest(unittest.TestCase):
    longMessage = False

    @classmethod
    def setUpClass(cls):
        cls.chain = Chain()
        cls.addClassCleanup(cls.chain.stop)
        cls.chain.start(FEW)
        cls.prometheus = cls.chain.prometheus

    def setUp(self):
        self.addCleanup(self.chain.end_connections)

    def eventually(self, look, words, seconds=40):
        deadline = time.monotonic() + seconds
        while not (found := look()):
            if time.monotonic() > deadline:
                self.fail(f"{words}: not within {seconds} s")
            time.sleep(0.2)
        return found

    def states(self, check):
        """Of the critical alert, in Prometheus."""
        found = self.prometheus.instant(f'ALERTS{{alertname="{check}", severity="critical"}}')
        return {each["metric"]["alertstate"] for each in found}

    def sent_by_the_node(self, check):
        return self.chain.metrics().one("kubecliff_alert_active", check=check, severity="critical")

    def events(self, check, action):
        return [event for event in self.chain.receivers.events
                if event["event_action"] == action and event["payload"]["class"] == check]

    def end_of(self, page):
        """The one that tells PagerDuty that it is over."""
        resolved = self.eventually(
            lambda: [event for event in self.events(page["payload"]["class"], "resolve")
                     if event["dedup_key"] == page["dedup_key"]], "the end of the page")
        self.assertEqual(len(resolved), 1)
        return resolved[0]

    def test_1_a_cause_is_paged_once_and_its_end_too(self):
        name = "KubecliffConntrackUse"
        self.assertEqual(self.states(name), set())
        self.chain.fill_connections()
        self.eventually(lambda: "pending" in self.states(name), "pending in Prometheus")
        self.assertEqual(self.events(name, "trigger"), [], "a page before its time")
        self.eventually(lambda: "firing" in self.states(name), "firing in Prometheus")
        self.eventually(lambda: self.sent_by_the_node("conntrack_use") == 1, "firing on the node")
        page = self.eventually(lambda: self.events(name, "trigger"), "a page")[0]

        # Both go on to send it, with equal labels.
        time.sleep(AFTERWARDS)
        self.assertEqual(len(self.events(name, "trigger")), 1)
        self.assertEqual(self.chain.alertmanager.labels(name, "critical"), [
            {"alertname": name, "severity": "critical", "job": JOB,
             "instance": self.chain.instance, **LABELS}])
        self.assertEqual(page["payload"]["severity"], "critical")
        self.assertIn("node-1", page["payload"]["summary"])
        self.assertEqual(self.chain.receivers.messages_on(name), [], "a warning beside the page")

        self.chain.end_connections()
        self.end_of(page)
        self.eventually(lambda: not self.states(name), "the end in Prometheus")
        time.sleep(AFTERWARDS)
        self.assertEqual(len(self.events(name, "trigger")), 1)
        self.assertEqual(len(self.events(name, "resolve")), 1)

    def test_2_warnings_go_to_the_channel(self):
        name = "KubecliffServicesInIptables"
        self.eventually(lambda: self.chain.receivers.messages_on(name), "a message")
        self.assertEqual(self.events(name, "trigger"), [])

    def test_3_without_prometheus_the_node_speaks_for_itself(self):
        self.prometheus.stop()
        name = "KubecliffServicesInIptables"
        self.chain.load(MANY)
        page = self.eventually(lambda: self.events(name, "trigger"), "a page")[0]
        self.assertEqual(page["payload"]["severity"], "critical")
        self.chain.load(FEW)
        self.end_of(page)
        self.assertEqual(self.chain.receivers.refused, [], "PagerDuty would have refused these")
