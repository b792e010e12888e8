"""Alertmanager, with the example of alerts/alertmanager.yml."""

import contextlib
import http.client
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.parse

from ports import unused_port
from receivers import KEY
from settings import REPOSITORY

ALERTS = REPOSITORY / "alerts"


def program(name):
    found = shutil.which(name)
    if not found:
        raise AssertionError(f"{name} is not installed; scripts/bootstrap --test does that")
    return found


class Alertmanager:
    """Debian's, with the example but for addresses, secrets and times."""

    def __init__(self, receivers, *, all_to_pager=False, host="127.0.0.1", port=None,
                 external_url="http://alertmanager.example"):
        self._folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self._folder.name)
        # As an editor leaves it, with a line feed.
        (folder / "key").write_text(KEY + "\n")
        text = (ALERTS / "alertmanager.yml").read_text()
        changes = {
            "slack_api_url_file: /etc/alertmanager/slack-webhook-url":
                f"slack_api_url: {receivers.address}/slack",
            "routing_key_file: /etc/alertmanager/pagerduty-routing-key":
                f"routing_key_file: {folder}/key\n        url: {receivers.address}/pagerduty",
        }
        if all_to_pager:
            changes['[alertname=~"Kubecliff.+", severity="critical"]\n      receiver'] = (
                '[alertname=~"Kubecliff.+"]\n      receiver')
        for old, new in changes.items():
            if text.count(old) != 1:
                raise AssertionError(f"alertmanager.yml has not exactly one {old!r}")
            text = text.replace(old, new)
        text = re.sub(r"group_wait: \w+", "group_wait: 1s", text)
        text = re.sub(r"group_interval: \w+", "group_interval: 1s", text)
        (folder / "alertmanager.yml").write_text(text)
        shutil.copy(ALERTS / "alertmanager.tmpl", folder)

        self._host, self._port = host, port or unused_port(host)
        self.address = f"{host}:{self._port}"
        self._log = open(folder / "log", "w+")
        # The cluster's port, which it does not need alone, would be one more to find.
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", program("prometheus-alertmanager"),
             f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data",
             f"--web.listen-address={self.address}", f"--web.external-url={external_url}",
             "--web.route-prefix=/",
             "--cluster.listen-address="], stdout=self._log, stderr=self._log)
        deadline = time.monotonic() + 20
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"alertmanager did not start: {self.words()}")
            time.sleep(0.1)

    def _request(self, method, path, body=None):
        connection = http.client.HTTPConnection(self._host, self._port, timeout=10)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def _is_ready(self):
        with contextlib.suppress(OSError):
            return self._request("GET", "/-/ready")[0] == 200
        return False

    def post(self, *alerts):
        status, words = self._request("POST", "/api/v2/alerts", json.dumps(alerts))
        if status != 200:
            raise AssertionError(f"POST /api/v2/alerts: {status} {words}")

    def labels(self, name, severity):
        """Of each alert of this name and severity that it holds."""
        query = urllib.parse.urlencode(
            {"filter": [f'alertname="{name}"', f'severity="{severity}"']}, doseq=True)
        found = json.loads(self._request("GET", f"/api/v2/alerts?{query}")[1])
        return [alert["labels"] for alert in found]

    def words(self):
        self._log.seek(0)
        return self._log.read()

    def stop(self):
        self._process.terminate()
        self._process.wait(timeout=20)
        self._log.close()
        self._folder.cleanup()
