"""Records what kubecliff serves on a node under load, for nodes.py to serve for many."""

import collections
import json
import re
import time

from namespaces import HttpConnection
from node import KUBECLIFF, LoadedNode
from progress import say

SERVICES = 3000
# Between the two looks that tell how fast a figure grows.
SECONDS = 20
# What the kernel tells in its first network namespace alone is read by a kubecliff there.
OF_THE_HOST = re.compile(r'kubecliff_(restore|xtables)_|kubecliff_host_network|collector="restore"')
# What a node serves besides its defaults: the collector probe, and judging itself.
BESIDES = re.compile(r'kubecliff_(probe|dns|alert|notifications)_|collector="probe"')


def _text(namespace, port):
    connection = HttpConnection(namespace, "127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


class _Reading:
    """One look: heads of families, and series by family with their values."""

    def __init__(self, node):
        self.at = time.time()
        self.heads = collections.defaultdict(list)
        self.families = collections.defaultdict(dict)
        self.types = {}
        self._read(_text(node.namespace, KUBECLIFF), lambda series: not OF_THE_HOST.search(series))
        self._read(_text(None, node.restores), OF_THE_HOST.search)

    def _read(self, text, is_wanted):
        family, head = None, []
        for line in text.splitlines():
            if line.startswith("#"):
                _, keyword, name, rest = line.split(" ", 3)
                if name != family:
                    family, head = name, []
                head.append(line)
                if keyword == "TYPE":
                    self.types[name] = rest
            elif line:
                series, value = line.rsplit(" ", 1)
                if is_wanted(series):
                    self.heads[family] = head
                    self.families[family][series] = float(value)


def record(file, everything, seconds=SECONDS):
    """What a node serves at the defaults, or everything."""
    node = LoadedNode(services=SERVICES, families=("ipv4", "ipv6"))
    try:
        node.start()
        time.sleep(seconds)
        first = _Reading(node)
        time.sleep(seconds)
        second = _Reading(node)
    finally:
        node.stop()

    samples = [
        {"family": family, "type": second.types[family], "series": series, "value": value,
         "rate": (value - first.families[family].get(series, value)) / (second.at - first.at)}
        for family, found in second.families.items() for series, value in found.items()
        if everything or not BESIDES.search(series)]
    file.write_text(json.dumps({"at": second.at, "heads": second.heads, "samples": samples}))
    moving = sum(1 for sample in samples if sample["rate"])
    say(f"recorded: {len(samples)} series, of which {moving} move")
