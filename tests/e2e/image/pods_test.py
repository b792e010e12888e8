"""The chart's pods in the image, as a node would start them."""

import contextlib
import errno
import http.server
import io
import json
import os
import signal
import ssl
import tarfile
import threading
import time
import unittest

import settings
import yaml
from chart import container, named, render
from namespaces import run
from node import ADDRESS, Node, await_true
from progress import say

NOBODY = "65534"
CAPABILITIES = {"NET_ADMIN": 12, "SYS_PTRACE": 19}  # include/uapi/linux/capability.h
# The kernel tells of processes in its first network namespace only: rights_test has that.
ELSEWHERE = {"restore"}


def status(pid):
    """Of a process, what the kernel says, by its words."""
    with open(f"/proc/{pid}/status") as lines:
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def mask(capabilities):
    return f"{sum(1 << CAPABILITIES[name] for name in capabilities):016x}"


class NodeTest(unittest.TestCase):
    """The DaemonSet at the chart's defaults."""

    @classmethod
    def setUpClass(cls):
        cls.node = cls.enterClassContext(Node("node"))
        found = render({})
        cls.workload = named("DaemonSet", "kubecliff", found)
        cls.pod = cls.enterClassContext(cls.node.pod("defaults", cls.workload, found))
        await_true("a scrape", cls.pod.metrics)
        say(f"started, to the first answer of /metrics: {time.monotonic() - cls.pod.started:.2f} s")
        cls.pod.ready()

    def test_every_collector_works(self):
        def health():
            return self.pod.metrics().by_label("kubecliff_collector_success", "collector")

        wanted = {name: float(name not in ELSEWHERE) for name in health()}
        self.assertGreater(len(wanted), 10)
        await_true("every collector works", lambda: health() == wanted)
        failing = self.pod.metrics().by_name["kubecliff_collector_failing"]
        self.assertEqual([dict(labels) for labels, value in failing.items()
                          if value and dict(labels)["collector"] not in ELSEWHERE], [])
        self.assertEqual(self.pod.metrics().all("kubecliff_iptables_backend_state", state="denied"), {})

    def test_figures_are_those_of_the_tools(self):
        await_true("figures are those of conntrack, nft and iptables-save", lambda: self.figures() == self.listed())

    def test_its_people_get_a_report_and_a_bundle(self):
        program = settings.config["Entrypoint"]
        for source in ([], [f"--url=http://127.0.0.1:{self.pod.port}"]):
            done = self.pod.exec(*program, "report", "--output=json", *source)
            self.assertIn(done.returncode, (0, 4, 5), done.stderr)
            found = json.loads(done.stdout)
            self.assertEqual(found["names"]["missing"], [], found["names"])
            self.assertNotEqual(found["names"]["services_by_rules"], [])
        # Its root is read-only, so the archive goes to standard output.
        bundle = self.pod.exec(*program, "evidence", "--output-file=-", text=False)
        self.assertEqual(bundle.returncode, 0, bundle.stderr)
        with tarfile.open(fileobj=io.BytesIO(bundle.stdout)) as archive:
            names = {os.path.basename(name) for name in archive.getnames()}
        self.assertLessEqual({"manifest.json", "report.txt", "metrics.txt", "classes.jsonl"}, names)

    def figures(self):
        metrics = self.pod.metrics()
        nftables = {"family": "ipv4", "table": "kube-proxy"}
        figures = {"flows": metrics.one("kubecliff_conntrack_entries"),
                   "nftables": (metrics.one("kubecliff_nftables_rules", **nftables),
                                metrics.one("kubecliff_nftables_chains", **nftables))}
        for backend in ("legacy", "nft"):
            table = {"backend": backend, "family": "ipv4", "table": "nat"}
            figures[backend] = (metrics.one("kubecliff_iptables_rules", **table),
                                metrics.one("kubecliff_iptables_chains", **table))
        return figures

    def listed(self):
        return {"flows": int(self.node.namespace.run("conntrack", "--count")),
                "nftables": (self.node.listed("rule"), self.node.listed("chain")),
                "legacy": self.node.saved("legacy"), "nft": self.node.saved("nft")}

    def test_the_images_health_check_passes(self):
        how, *command = settings.config["Healthcheck"]["Test"]
        self.assertEqual(how, "CMD")
        done = self.pod.exec(*command)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_it_has_what_is_rendered_and_no_more(self):
        its = status(self.pod.pid())
        rendered = mask(container(self.workload)["securityContext"]["capabilities"]["add"])
        nothing = mask([])
        wanted = {"CapPrm": rendered, "CapEff": rendered, "CapInh": nothing, "CapAmb": nothing, "NoNewPrivs": "1",
                  "Seccomp": "2"}
        self.assertEqual({name: its[name] for name in wanted}, wanted)
        self.assertEqual(int(its["CapBnd"], 16) & ~int(rendered, 16), 0)

    def test_it_can_write_nowhere(self):
        for path in ("new", "etc/new", "etc/kubecliff/config/kubecliff.yml", "proc/sys/kernel/panic",
                     "sys/kernel/profiling", "run/xtables.lock", "lib/modules/new", "sys/fs/bpf/new"):
            with self.subTest(path=path), self.assertRaises(OSError) as caught:
                os.close(os.open(f"/proc/{self.pod.pid()}/root/{path}", os.O_WRONLY | os.O_CREAT))
            self.assertEqual(caught.exception.errno, errno.EROFS, path)

    def test_memory_is_what_the_chart_asks_for(self):
        asked = container(self.workload)["resources"]["requests"]["memory"]
        resident = int(status(self.pod.pid())["VmRSS"].removesuffix(" kB"))
        say(f"resident: {resident / 1024:.1f} MiB, of {asked}")
        self.assertLess(resident, int(asked.removesuffix("Mi")) * 1024)

    def test_a_changed_configmap_is_read_when_it_is_told(self):
        file = self.pod.volume("kubecliff-config") / "kubecliff.yml"
        changed = yaml.safe_load(file.read_text()) | {
            "alerting.thresholds": [{"check": "conntrack_use", "warning": 0.42}]}
        file.write_text(yaml.safe_dump(changed))
        os.kill(self.pod.pid(), signal.SIGHUP)
        await_true("the new bound is served", lambda: self.pod.metrics().one(
            "kubecliff_threshold", check="conntrack_use", severity="warning") == 0.42)


def certificate(folder):
    """A Secret as cert-manager writes it, and a context that trusts it."""
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
        "/CN=node", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "tls.key"),
        "-out", str(folder / "tls.crt"))
    return {name: (folder / name).read_text() for name in ("tls.key", "tls.crt")}, ssl.create_default_context(
        cafile=folder / "tls.crt")


class Receiver(http.server.ThreadingHTTPServer):
    """Of alerts, in a namespace: what it was told."""

    def __init__(self, namespace, port):
        told = self.told = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                told.append((self.path, self.headers.get("Authorization"),
                             self.rfile.read(int(self.headers["Content-Length"])).decode()))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        with namespace.entered():
            super().__init__(("127.0.0.1", port), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class SecretsTest(unittest.TestCase):
    """Files of Secrets, as user 0 and as nobody, under kubecliff's own filter of system calls too."""

    SECCOMP = {"0": "kill", NOBODY: "refuse"}

    # All collectors that are on by default, and those of them that take no right.
    COLLECTORS = {"0": {}, NOBODY: dict.fromkeys(("conntrack", "dataplane", "iptables", "ipvs", "kubeproxy", "nftables",
                                                  "restore"), False)}

    @classmethod
    def setUpClass(cls):
        cls.node = cls.enterClassContext(Node("secrets"))

    @contextlib.contextmanager
    def pod(self, user, values, secrets):
        found = render(values | {"collectors": self.COLLECTORS[user], "config": {"process.seccomp": self.SECCOMP[user]}})
        workload = named("DaemonSet", "kubecliff", found)
        with self.node.pod(f"secrets-{user}", workload, found, secrets=secrets) as pod:
            yield pod

    def test_https_is_served(self):
        secret, tls = certificate(settings.state)
        values = {"tlsSecret": {"enabled": True, "secretName": "kubecliff-tls"}}
        for user in self.COLLECTORS:
            with self.subTest(user=user), self.pod(user, values, {"kubecliff-tls": secret}) as pod:
                await_true("HTTPS", lambda: pod.metrics(tls))
                self.assertEqual(status(pod.pid())["Uid"].split(), [user] * 4)

    def test_alerts_reach_those_whom_secrets_name(self):
        values = {"alerting": {
            "enabled": True,
            "alertmanagers": [{"url": "http://127.0.0.1:9093", "username": "kubecliff",
                               "password-file": {"secret": "alertmanager", "key": "password"}}],
            "webhooks": [{"url-file": {"secret": "hook", "key": "url"}}]}}
        secrets = {"alertmanager": {"password": "p"}, "hook": {"url": "http://127.0.0.1:9093/hook"}}
        receiver = Receiver(self.node.namespace, 9093)
        self.addCleanup(receiver.server_close)
        self.addCleanup(receiver.shutdown)
        for user in self.COLLECTORS:
            with self.subTest(user=user), self.pod(user, values, secrets) as pod:
                await_true("a scrape", pod.metrics)
                receiver.told.clear()
                done = pod.exec(*settings.config["Entrypoint"], "alert", "test",
                                "--config.file=/etc/kubecliff/config/kubecliff.yml")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                told = {(path, user) for path, user, text in receiver.told if "KubecliffTest" in text}
                self.assertEqual(told, {("/hook", None), ("/api/v2/alerts", "Basic a3ViZWNsaWZmOnA=")})


class DeploymentsTest(unittest.TestCase):
    """Canary and prober: pods without any right, in a network of their own."""

    @classmethod
    def setUpClass(cls):
        cls.found = render({"canary": {"enabled": True}, "prober": {"enabled": True, "config": {
            "collector.probe.targets": [
                {"name": "node", "service": f"http://{ADDRESS}:10249/proxyMode", "interval": "1s"}]}}})
        cls.node = cls.enterClassContext(Node("pods"))

    def runs_as_nobody(self, pod):
        its = status(pod.pid())
        self.assertEqual(its["Uid"].split() + its["Gid"].split(), [NOBODY] * 8)
        self.assertEqual({its[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb")}, {mask([])})
        self.assertEqual((its["NoNewPrivs"], its["Seccomp"]), ("1", "2"))

    def test_the_prober_asks(self):
        with self.node.pod("prober", named("Deployment", "kubecliff-prober", self.found), self.found) as pod:
            await_true("an answer", lambda: pod.metrics().by_label(
                "kubecliff_probe_phase_seconds_count", "phase", target="node", vantage="pod").get("total", 0) > 0)
            self.runs_as_nobody(pod)

    def test_a_canary_without_an_api_server_says_so(self):
        with self.node.pod("canary", named("Deployment", "kubecliff-canary", self.found), self.found) as pod:
            await_true("words", lambda: "no API server: KUBERNETES_SERVICE_HOST" in pod.page("/-/ready")[1])
            self.runs_as_nobody(pod)


if __name__ == "__main__":
    unittest.main()
