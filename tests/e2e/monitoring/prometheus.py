"""A Prometheus of our own, and the program that checks its files."""

import json
import shutil
import time
import urllib.parse

from namespaces import HttpConnection, Process
from progress import say
from settings import REPOSITORY

RULES = REPOSITORY / "alerts" / "rules"
PORT = 9090


class Refused(Exception):
    """Prometheus' own words on a query."""


class Prometheus:
    """In a namespace, with the rules of alerts/rules, at a test's pace."""

    def __init__(self, namespace, state, logs, jobs, pace="1s"):
        rules = state / "rules"
        rules.mkdir()
        for file in RULES.glob("*.yaml"):
            text = file.read_text().replace("interval: 1m", f"interval: {pace}")
            (rules / file.name).write_text(text)
        # JSON is YAML.
        (state / "prometheus.json").write_text(json.dumps({
            "global": {"scrape_interval": pace, "scrape_timeout": pace,
                       "evaluation_interval": pace},
            "rule_files": [f"{rules}/*.yaml"],
            "scrape_configs": jobs,
        }))
        self._namespace = namespace
        self._process = Process("prometheus", namespace, [
            shutil.which("prometheus"), f"--config.file={state}/prometheus.json",
            f"--storage.tsdb.path={state}/tsdb", f"--web.listen-address=127.0.0.1:{PORT}"], logs)

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

    def ask(self, path, **parameters):
        """The data of an answer of Prometheus' HTTP API."""
        connection = HttpConnection(self._namespace, "127.0.0.1", PORT, timeout=30)
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
