"""N simulated nodes and a Prometheus that has scraped them for an hour, and what that costs."""

import contextlib
import json
import statistics
import sys
import time

import nodes
import settings
from figures import scrape
from namespaces import HttpConnection, Namespace, Process
from progress import say
from prometheus import ADDRESS, Prometheus

CLUSTER = "fleet"
JOB = "kubecliff"
SCRAPES = 30  # seconds from one scrape of a node to the next
# Prometheus takes samples that are up to an hour older than its newest.
HISTORY = 55 * 60
# Seconds that a piece of a node's history may take: the scrapes are spread so.
A_PIECE = 0.01


class Fleet:
    """All that it starts ends with it."""

    def __init__(self, count, recording, rules, pace):
        """Of which rules are evaluated every `pace` seconds."""
        self.count = count
        self._pace = pace
        self._recording = recording
        self._rules = rules
        self._stack = contextlib.ExitStack()

    def start(self, window):
        """Scraping alone is measured for so many seconds."""
        state = settings.state / str(self.count)
        state.mkdir()
        self._namespace = Namespace(f"{settings.prefix}-{self.count}")
        self._stack.callback(self._namespace.delete)
        self._run(Process(f"nodes-{self.count}", self._namespace, [
            sys.executable, nodes.__file__, str(self._recording), str(self.count), str(SCRAPES),
            str(HISTORY)], settings.logs))
        targets = state / "targets.json"
        targets.write_text(json.dumps([_target(number) for number in range(self.count)]))
        self._targets = [{"files": [str(targets)]}]
        self._wait(lambda: self._page("/metrics"), 60)

        self.prometheus = Prometheus(self._namespace, state, settings.logs,
                                     [self._history_job()], rules=None)
        self._run(self.prometheus)
        self._wait(lambda: self.one(f"count({nodes.HISTORY_READ})") == self.count,
                   300 + 0.5 * self.count)
        lost = self._own().one("prometheus_target_scrapes_sample_out_of_bounds_total")
        if lost:
            raise RuntimeError(f"{lost:.0f} scrapes had samples that were too old")
        say(f"{self.count} nodes: the last {HISTORY // 60} minutes are read")

        self.prometheus.change([self._job()], rules=None)
        self._wait(lambda: self.one(f'count(up{{job="{JOB}"}} == 1)') == self.count, 120)
        before = self._cpu()
        time.sleep(window)
        self.scraping = (self._cpu() - before) / window
        self.prometheus.change([self._job()], pace=f"{self._pace}s", rules=self._rules)
        self._wait(self._all_evaluated, 120)
        say(f"{self.count} nodes: scraped and judged")

    def stop(self):
        self._stack.close()

    def _run(self, program):
        self._stack.callback(program.stop if isinstance(program, Prometheus) else program.kill)
        program.start()

    @staticmethod
    def _wait(is_there, seconds):
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                if is_there():
                    return
            if time.monotonic() > deadline:
                raise RuntimeError(f"not there after {seconds:.0f} s")
            time.sleep(0.5)

    # --- what Prometheus is told to scrape

    def _job(self):
        """As a pod monitor has it: labels from what Kubernetes says of pod and node."""
        return {
            "job_name": JOB, "scrape_interval": f"{SCRAPES}s", "scrape_timeout": "10s",
            "file_sd_configs": self._targets,
            "relabel_configs": [
                {"source_labels": [f"__meta_kubernetes_{meta}"], "target_label": label}
                for label, meta in {"node": "pod_node_name", "node_pool": "node_label_pool",
                                    "pod": "pod_name", "namespace": "namespace"}.items()
            ] + [{"target_label": "cluster", "replacement": CLUSTER}],
        }

    def _history_job(self):
        seconds = max(1, int(A_PIECE * self.count))
        return {**self._job(), "job_name": "history", "metrics_path": "/history",
                "scrape_interval": f"{seconds}s", "scrape_timeout": f"{seconds}s",
                "metric_relabel_configs": [{"target_label": "job", "replacement": JOB}]}

    # --- what it costs

    def _page(self, path):
        connection = HttpConnection(self._namespace, nodes.address(0), nodes.PORT, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def _own(self):
        return scrape(self._namespace, ADDRESS[1])

    def _groups(self):
        return self.prometheus.ask("rules")["groups"]

    def _all_evaluated(self):
        groups = self._groups()
        # The year of what was never.
        return groups and not any(group["lastEvaluation"].startswith("0001") for group in groups)

    def page(self):
        """What a node serves."""
        return self._page("/metrics")

    def one(self, query):
        found = self.prometheus.instant(query)
        return float(found[0]["value"][1]) if found else 0.0

    def evaluations(self, times):
        """Medians of so many, in seconds by group and by rule, and CPU seconds of all at once."""
        def keep(found, name, what):
            found.setdefault(name, {})[what["lastEvaluation"]] = what["evaluationTime"]

        groups, rules = {}, {}
        before, began = self._cpu(), time.monotonic()
        while not groups or min(len(found) for found in groups.values()) < times:
            for group in self._groups():
                keep(groups, group["name"], group)
                for rule in group["rules"]:
                    keep(rules, f"{group['name']}: {_words(rule)}", rule)
            time.sleep(self._pace / 5)
        cores = (self._cpu() - before) / (time.monotonic() - began)

        def medians(by_key):
            return {key: statistics.median(found.values()) for key, found in by_key.items()}
        return medians(groups), medians(rules), (cores - self.scraping) * self._pace

    def _cpu(self):
        return self._own().one("process_cpu_seconds_total")

    def query(self, query, is_instant, times=3):
        """Seconds, as a median, and whether something was found."""
        took = []
        for _ in range(times):
            began = time.monotonic()
            if is_instant:
                found = self.prometheus.instant(query)
            else:
                found = self.prometheus.range(query, seconds=3600, step=SCRAPES)
            took.append(time.monotonic() - began)
        return statistics.median(took), bool(found)

    def memory(self):
        """Bytes: resident, and of them what is in use."""
        connection = HttpConnection(self._namespace, *ADDRESS, timeout=60)
        try:
            connection.request("GET", "/debug/pprof/heap?gc=1")
            connection.getresponse().read()
        finally:
            connection.close()
        own = self._own()
        return own.one("process_resident_memory_bytes"), own.one("go_memstats_heap_alloc_bytes")

    def served(self):
        return self.one(f'avg(scrape_samples_scraped{{job="{JOB}"}})')

    def head_series(self):
        return self._own().one("prometheus_tsdb_head_series")


def _words(rule):
    """What tells a rule from others."""
    more = " ".join(rule.get("labels", {}).values())
    return f"{rule['name']} ({more})" if more else rule["name"]


def _target(number):
    """As service discovery gives it."""
    meta = {"namespace": "monitoring", "pod_name": f"kubecliff-{number:05x}",
            "pod_node_name": nodes.name(number), "node_label_pool": nodes.pool(number)}
    return {"targets": [f"{nodes.address(number)}:{nodes.PORT}"],
            "labels": {f"__meta_kubernetes_{name}": value for name, value in meta.items()}}
