"""From a node's kernel to whoever is called: kubecliff, Prometheus, Alertmanager, PagerDuty.

The node is a network namespace. All else stands at the other end of its cable, on this machine,
where a browser reaches it; PagerDuty is a stand-in. kubecliff sends its alerts to the same
Alertmanager as Prometheus.
"""

import contextlib
import json
import os

import settings
from alertmanager import Alertmanager
from figures import scrape
from namespaces import Namespace, Process, run
from ports import unused_port
from prometheus import Prometheus
from receivers import Receivers

# Of the network for measurements (RFC 2544): four addresses for each process that makes a chain.
_NETWORK = f"198.18.{os.getpid() % 256}.{os.getpid() // 256 % 64 * 4}"
KUBECLIFF = 9909
JOB = "kubecliff"
LABELS = {"cluster": "demo", "node_pool": "general", "node": "node-1"}
# In place of the minutes and half hours for which causes must last in earnest.
PATIENCE = "5s"
# Connections that are there where the table is to be nearly full.
CONNECTIONS = 5000


def _address(number):
    network, last = _NETWORK.rsplit(".", 1)
    return f"{network}.{int(last) + number}"


class Chain:
    """All that it starts ends with it."""

    def __init__(self, tell=lambda receiver, body: None):
        self._tell = tell
        self._stack = contextlib.ExitStack()

    def start(self, services):
        self._make_node()
        self.load(services)
        self.receivers = Receivers(self._host, unused_port(self._host, 8080), self._tell)
        self._stack.callback(self.receivers.stop)
        port = unused_port(self._host, 9093)
        self.alertmanager = Alertmanager(self.receivers, host=self._host, port=port,
                                         external_url=f"http://{self._host}:{port}")
        self._stack.callback(self.alertmanager.stop)
        self._start_kubecliff()
        self._start_prometheus()

    def stop(self):
        self._stack.close()

    def _make_node(self):
        self._host, self.node_address = _address(1), _address(2)
        self.instance = f"{self.node_address}:{KUBECLIFF}"
        self.namespace = Namespace(f"{settings.prefix}-node")
        self._stack.callback(self.namespace.delete)
        cable = f"kubecliff{os.getpid() % 100000}"
        run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0",
            "netns", self.namespace.name)
        run("ip", "address", "add", f"{self._host}/30", "dev", cable)
        run("ip", "link", "set", cable, "up")
        self.namespace.run("ip", "address", "add", f"{self.node_address}/30", "dev", "eth0")
        self.namespace.run("ip", "link", "set", "eth0", "up")

    def _start_kubecliff(self):
        limit = int(self.namespace.run("cat", "/proc/sys/net/netfilter/nf_conntrack_max"))
        receivers = settings.state / "alerting.yml"
        # JSON is YAML.
        receivers.write_text(json.dumps({
            "labels": {**LABELS, "job": JOB, "instance": self.instance},
            "interval": "1s",
            "alertmanagers": [{"url": f"http://{self.alertmanager.address}"}],
        }))
        patience = {f"{severity}-for": PATIENCE for severity in ("warning", "critical")}
        # All namespaces share the machine's limit, so it is the bounds that are low.
        bounds = {"warning": 0.6 * CONNECTIONS / limit, "critical": 0.8 * CONNECTIONS / limit}
        self._configuration = settings.state / "kubecliff.yml"
        self._configuration.write_text(json.dumps({
            "web.listen-address": [self.instance],
            # A change of thousands of rules is to be seen within seconds.
            "collector.cpu-budget": 1,
            # The kernel tells of them in its first network namespace alone.
            "collector.restore": False,
            "alerting.config": str(receivers),
            "alerting.thresholds": [
                {"check": "conntrack_use", **bounds, **patience},
                {"check": "services_in_iptables", "info": "off", **patience},
            ],
        }))
        process = Process("kubecliff", self.namespace, [
            settings.kubecliff, f"--config.file={self._configuration}"], settings.logs)
        self._stack.callback(process.kill)
        process.start()

    def _start_prometheus(self):
        rules = settings.state / "written"
        rules.mkdir()
        (rules / "kubecliff.yaml").write_text(
            run(settings.kubecliff, "alert", "rules", f"--config.file={self._configuration}"))
        port = unused_port(self._host, 9090)
        self.prometheus = Prometheus(None, settings.state, settings.logs, [{
            "job_name": JOB, "static_configs": [{"targets": [self.instance], "labels": LABELS}],
        }], rules=rules, address=(self._host, port), alertmanagers=[self.alertmanager.address])
        self.prometheus_address = f"{self._host}:{port}"
        self._stack.callback(self.prometheus.stop)
        self.prometheus.start()

    # --- what happens on the node

    def load(self, services):
        """Rules of so many Services, in place of those that are there."""
        file = settings.state / "rules.txt"
        file.write_text(run(settings.make_ruleset, str(services), "5", "--varied"))
        self.namespace.run("iptables-nft-restore", str(file))

    def fill_connections(self):
        file = settings.state / "connections.txt"
        file.write_text("".join(
            f"--create --src 10.0.{number // 250}.{number % 250 + 1} --dst 10.96.0.10 --proto tcp "
            "--sport 40000 --dport 443 --state ESTABLISHED --status ASSURED --timeout 3600\n"
            for number in range(CONNECTIONS)))
        self.namespace.run("conntrack", "--load-file", str(file))

    def end_connections(self):
        self.namespace.run("conntrack", "--flush")

    def metrics(self):
        return scrape(self.namespace, KUBECLIFF, self.node_address)
