"""Wrong values: refused, in words that name what is wrong."""

import unittest

from chart import refusal

ALERT = "KubecliffConntrackUse"
MONITOR = {"enabled": True}
REFUSED = {
    "an unknown value": ({"tolerationz": []}, "tolerationz"),
    "an unknown collector": ({"collectors": {"iptable": True}}, "/collectors"),
    "a collector that is neither on nor off": ({"collectors": {"iptables": "maybe"}}, "/collectors/iptables"),
    "an unknown option": ({"config": {"collector.conntrack.max-flow": 1}}, "collector.conntrack.max-flow"),
    "an option that the chart sets": ({"config": {"web.listen-address": ":1"}}, "web.listen-address"),
    "an option that is not the prober's": ({"prober": {"config": {"collector.traversal.flows": 1}}}, "/prober"),
    "an unknown check": ({"thresholds": {"conntrack_uze": {"warning": 1}}}, "thresholds.conntrack_uze"),
    "a severity that a check has not": ({"thresholds": {"conntrack_use": {"info": 1}}}, "only critical, warning"),
    "a bound that is none": ({"thresholds": {"conntrack_use": {"warning": "much"}}}, "/thresholds/conntrack_use/warning"),
    "a time that is none": ({"thresholds": {"conntrack_use": {"warning-for": "1 hour"}}}, "warning-for"),
    "an unknown alert": ({"prometheus": {"rules": {"alerts": {"KubecliffConntrackUze": {}}}}}, "KubecliffConntrackUze"),
    "an alert's severity that is not there": (
        {"prometheus": {"rules": {"alerts": {ALERT: {"info": {}}}}}}, f"{ALERT}.info"),
    "an unknown key of an alert": ({"prometheus": {"rules": {"alerts": {ALERT: {"four": "1m"}}}}}, ALERT),
    "a reference to a Secret without a key": ({"alerting": {"pagerduty": {"routing-key-file": {"secret": "a"}}}}, "key"),
    "an unknown key of a receiver": ({"alerting": {"webhooks": [{"uri": "http://a"}]}}, "uri"),
    "TLS without a Secret": ({"tlsSecret": {"enabled": True}}, "tlsSecret.secretName"),
    "two who ask who a client is": ({"kubeRBACProxy": {"enabled": True}, "webConfigSecret": "a"}, "webConfigSecret"),
    "two monitors": ({"prometheus": {"monitor": MONITOR, "podMonitor": MONITOR}}, "twice"),
    "a ServiceMonitor without a Service": (
        {"prometheus": {"monitor": MONITOR}, "service": {"enabled": False}}, "prometheus.monitor"),
    "a canary in two namespaces": ({"canary": {"enabled": True, "namespace": "a"}}, "canary.namespace"),
    "an unknown family": ({"canary": {"families": ["ipv5"]}}, "/canary/families"),
    "kube-proxy's pods with our rights": ({"sidecar": {"enabled": True}, "collectors": {"propagation": True}}, "sidecar"),
    "a port that is none": ({"service": {"port": 99099}}, "/service/port"),
}


class RefusalsTest(unittest.TestCase):
    def test_wrong_values_are_refused(self):
        for what, (values, words) in REFUSED.items():
            with self.subTest(what=what):
                said = refusal(values)
                self.assertIn(words, said)


if __name__ == "__main__":
    unittest.main()
