"""A Prometheus of our own, and the program that checks its files."""

import json
import shutil
import signal
import time
import urllib.parse

from namespaces import HttpConnection, Process
from progress import say
from settings import REPOSITORY

RULES = REPOSITORY / "alerts" / "rules"
ADDRESS = ("127.0.0.1", 9090)


class Refused(Exception):
    """Prometheus' own words on a query."""


class Prometheus:
    """In a namespace, with the rules of alerts/rules, at a test's pace."""

    def __init__(self, namespace, state, logs, jobs, *, pace="1s", rules=RULES, address=ADDRESS,
                 alertmanagers=()):
        self._namespace = namespace
        self._state = state
        self._address = address
        self._alertmanagers = list(alertmanagers)
        self._configure(jobs, pace, rules)
        self._process = Process("prometheus", namespace, [
            shutil.which("prometheus"), f"--config.file={state}/prometheus.json",
            f"--storage.tsdb.path={state}/tsdb",
            f"--web.listen-address={address[0]}:{address[1]}"], logs)

    def _configure(self, jobs, pace, rules):
        folder = self._state / "rules"
        folder.mkdir(exist_ok=True)
        for file in rules.glob("*.yaml") if rules else ():
            text = file.read_text().replace("interval: 1m", f"interval: {pace}")
            (folder / file.name).write_text(text)
        # JSON is YAML.
        (self._state / "prometheus.json").write_text(json.dumps({
            "global": {"scrape_interval": pace, "scrape_timeout": pace,
                       "evaluation_interval": pace},
            "rule_files": [f"{folder}/*.yaml"],
            "alerting": {"alertmanagers": [
                {"static_configs": [{"targets": self._alertmanagers}]}]},
            "scrape_configs": jobs,
        }))

    def change(self, jobs, *, pace="1s", rules=RULES):
        """What it does from now on."""
        self._configure(jobs, pace, rules)
        self._process.signal(signal.SIGHUP)

    def start(self):
        self._process.start()
        deadline = time.monotonic() + 30
        while True:
            try:
                return self.instant("up")
            except (OSError, Refused):
                if self._process.has_ended() or time.monotonic() > deadline:
                    raise RuntimeError(f"prometheus: {self._process.last_words()}") from None
                time.sleep(0.2)

    def stop(self):
        self._process.kill()

    @property
    def pid(self):
        return self._process.pid

    def ask(self, path, **parameters):
        """The data of an answer of Prometheus' HTTP API."""
        connection = HttpConnection(self._namespace, *self._address, timeout=30)
        try:
            asked = urllib.parse.urlencode(parameters, doseq=True)
            connection.request("GET", f"/api/v1/{path}?{asked}")
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if not response.getheader("Content-Type", "").startswith("application/json"):
            raise OSError(f"prometheus: {response.status}: {text[:100]}")
        answer = json.loads(text)
        if answer["status"] != "success":
            raise Refused(answer["error"])
        return answer["data"]

    def instant(self, query):
        return self.ask("query", query=query)["result"]

    def range(self, query, seconds=60, step=5):
        now = time.time()
        return self.ask("query_range", query=query, start=now - seconds, end=now,
                        step=step)["result"]

    def label_values(self, label, series):
        return self.ask(f"label/{label}/values", **{"match[]": series})

    def wait_for(self, query, seconds=60):
        deadline = time.monotonic() + seconds
        while not self.instant(query):
            if time.monotonic() > deadline:
                raise RuntimeError(f"nothing for {query} after {seconds} s")
            time.sleep(0.5)
        say(f"there: {query}")
