"""Figures: metrics as they are served, rules as iptables-save prints them."""

import collections
import json
import re

from namespaces import HttpConnection

_SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One reading of a /metrics: by name, values by labels."""

    def __init__(self, text):
        self.by_name = collections.defaultdict(dict)
        for line in text.splitlines():
            found = _SAMPLE.match(line)
            if found:
                labels = frozenset(_LABEL.findall(found[2] or ""))
                self.by_name[found[1]][labels] = float(found[3])

    def all(self, name, **labels):
        """The samples with at least these labels."""
        wanted = set(labels.items())
        return {has: value for has, value in self.by_name.get(name, {}).items() if wanted <= has}

    def one(self, name, **labels):
        """The value of the one sample with at least these labels; None where there is none."""
        found = self.all(name, **labels)
        if len(found) > 1:
            raise LookupError(f"{name}{labels}: {len(found)} samples")
        return next(iter(found.values()), None)

    def sum(self, name, **labels):
        return sum(self.all(name, **labels).values())

    def by_label(self, name, label, **labels):
        return {dict(has)[label]: value for has, value in self.all(name, **labels).items()}


def scrape(namespace, port, host="127.0.0.1"):
    """What is served in a namespace, or here where it is None."""
    connection = HttpConnection(namespace, host, port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    if response.status != 200:
        raise RuntimeError(f"/metrics: {response.status}: {text[:200]}")
    return Metrics(text)


Counts = collections.namedtuple("Counts", "rules chains")


def list_chains(text):
    """By family, tables and chains in what nft printed."""
    chains = {"ipv4": set(), "ipv6": set()}
    families = {"ip": "ipv4", "ip6": "ipv6"}
    for entry in json.loads(text)["nftables"]:
        chain = entry.get("chain")
        if chain and chain["family"] in families:
            chains[families[chain["family"]]].add((chain["table"], chain["name"]))
    return chains


def count_saved(text, there=None):
    """Rules and chains of each table in what iptables-save printed, of chains only those there."""
    rules = collections.Counter()
    chains = collections.Counter()
    table = None
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            chains[table] += there is None or (table, line[1:].split(" ")[0]) in there
        elif line.startswith("-A "):
            rules[table] += 1
    return {table: Counts(rules[table], chains[table]) for table in chains}
